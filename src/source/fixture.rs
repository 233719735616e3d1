//! The inventory from a file, for demos and tests: read at the start and again whenever the file changes.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::fs;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::{Delivery, Updates};
use crate::ecs::Timestamp;
use crate::inventory::Document;

/// How often the file is looked at.
const POLL: Duration = Duration::from_secs(1);

/// Why a fixture is of no use.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// It cannot be read.
    #[error("cannot read the inventory file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// It is not an inventory. The reason names line and column.
    #[error("{} is not an inventory as `ecs-resolver dump --json` writes it: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
}

/// Reads an inventory file.
///
/// # Errors
/// [`FixtureError`] when it cannot be read or is not an inventory.
pub async fn load(path: &Path) -> Result<Document, FixtureError> {
    parse(path, fs::read(path).await)
}

/// Makes an inventory of what was read from the file at `path`.
///
/// # Errors
/// As [`load`].
pub fn parse(path: &Path, read: io::Result<Vec<u8>>) -> Result<Document, FixtureError> {
    let bytes = read.map_err(|source| FixtureError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|source| FixtureError::Parse { path: path.to_owned(), source })
}

/// Delivers the file at `path` and, each time that it changes, its new content, until the updater stops.
///
/// A changed file is a new truth and replaces the old one whole. One that cannot be read, is half written or wrong is
/// logged, and the last good one stays. `now` is the wall clock.
///
/// # Errors
/// [`FixtureError`] when the file is of no use at the start.
pub async fn run(path: PathBuf, updates: Updates, now: impl Fn() -> Timestamp + Send) -> Result<(), FixtureError> {
    let mut stamp = stamp(&path).await;
    let mut current = load(&path).await?;
    let mut at = now();
    info!(path = %path.display(), tasks = current.tasks.len(), "read the inventory file");
    if updates.deliver(Delivery::of(current.clone().into_changes(at))).await.is_err() {
        return Ok(());
    }
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Taken before the file is read: a change in between is seen the next time.
        let last = std::mem::replace(&mut stamp, self::stamp(&path).await);
        if stamp == last {
            continue;
        }
        let next = match load(&path).await {
            Ok(next) => next,
            Err(error) => {
                warn!(%error, "the inventory file is of no use; what it said before stays");
                continue;
            }
        };
        // A clock that was set back must not make the file older than itself.
        at = at.max(now());
        info!(path = %path.display(), tasks = next.tasks.len(), "the inventory file has changed");
        let changes = next.clone().replacing(&current, at);
        current = next;
        if updates.deliver(Delivery::of(changes)).await.is_err() {
            return Ok(());
        }
    }
}

/// What changes when a file does: time of modification and size. `None` when there is no such file.
async fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).await.ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
