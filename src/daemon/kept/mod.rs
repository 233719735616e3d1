//! What is kept on disk over a restart: the inventory, so that a start answers before AWS does; and by option the hot part
//! of the forwarded answers (`cache`), so that it answers before the upstreams do.
//!
//! `restore` judges what is there at the start, `save` keeps it true (`pace` says when), `watch` tells how old the answers
//! are for as long as AWS has not confirmed them. `outcomes` tells what became of writing.

mod cache;
mod outcomes;
mod pace;
mod restore;
mod save;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::feed::{Feed, Prepared};
use crate::config::Config;
use crate::config::settings::SnapshotPath;
use crate::metrics::{Metrics, table};
use crate::store::Kind;

pub(super) use cache::{CacheFile, CacheSaver, cache};
pub(super) use restore::inventory;
pub(super) use save::Saver;
pub(super) use watch::Watch;

/// What systemd calls the folder of a unit with `StateDirectory=`.
const STATE_DIRECTORY: &str = "STATE_DIRECTORY";
/// The file in it.
const FILE: &str = "inventory";
/// The file of the forwarded answers beside it, or what the name of a given file gets for it.
const CACHE: &str = "cache";

/// What is kept, and where.
#[derive(Debug, Clone)]
pub(super) struct Keeping {
    /// The file of the inventory; `None`: it is not kept.
    pub(super) inventory: Option<PathBuf>,
    /// How old the knowledge of a cluster may become; `None`: as old as it may.
    pub(super) max_age: Option<Duration>,
    /// The file of the forwarded answers; `None`: they are not kept.
    pub(super) cache: Option<CacheFile>,
    pub(super) counts: Arc<Counts>,
}

impl Keeping {
    /// As the configuration and, for the folder, systemd say. Only what AWS has told is kept: whatever else there is is
    /// at hand at the next start.
    pub(super) fn of(config: &Config, feed: &Prepared) -> Self {
        let path = match &config.snapshot.path {
            SnapshotPath::At(path) => Some(path.clone()),
            SnapshotPath::Off => None,
            SnapshotPath::StateDirectory => state_directory().map(|folder| folder.join(FILE)),
        };
        let wanted = matches!(feed.feed, Feed::Describe);
        let max_age = Some(config.snapshot.max_age).filter(|age| !age.is_zero());
        Self { inventory: path.filter(|_| wanted), max_age, cache: cache_file(config), counts: Arc::default() }
    }
}

fn cache_file(config: &Config) -> Option<CacheFile> {
    let most = usize::try_from(config.snapshot.cache?).unwrap_or(usize::MAX);
    let path = match &config.snapshot.path {
        SnapshotPath::At(path) => {
            let mut path = path.clone().into_os_string();
            path.push(".");
            path.push(CACHE);
            Some(path.into())
        }
        SnapshotPath::Off => None,
        SnapshotPath::StateDirectory => state_directory().map(|folder| folder.join(CACHE)),
    };
    if path.is_none() {
        tracing::warn!(
            "snapshot.cache: there is no place for it, as systemd gives no folder (StateDirectory=); name a file in \
             snapshot.path"
        );
    }
    Some(CacheFile { path: path?, most })
}

/// The first of the folders that systemd has made for us.
fn state_directory() -> Option<PathBuf> {
    let folders = std::env::var_os(STATE_DIRECTORY)?;
    std::env::split_paths(&folders).next().filter(|folder| folder.is_absolute())
}

/// Files read and written, by kind and result.
#[derive(Debug, Default)]
pub(super) struct Counts {
    loads: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    saves: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    sizes: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counts {
    fn loaded(&self, kind: Kind, result: &'static str) {
        *lock(&self.loads).entry((kind.label(), result)).or_default() += 1;
    }

    fn saved(&self, kind: Kind, size: u64) {
        *lock(&self.saves).entry((kind.label(), "saved")).or_default() += 1;
        lock(&self.sizes).insert(kind.label(), size);
    }

    fn failed(&self, kind: Kind) {
        *lock(&self.saves).entry((kind.label(), "failed")).or_default() += 1;
    }

    fn put_off(&self, kind: Kind) {
        *lock(&self.saves).entry((kind.label(), "put_off")).or_default() += 1;
    }

    /// Exports them.
    pub(super) fn register(self: &Arc<Self>, metrics: &Metrics) {
        let counts = Arc::clone(self);
        metrics.provide(&table::SNAPSHOT_LOADS, move |samples| {
            let loads = lock(&counts.loads);
            loads.iter().for_each(|((kind, result), count)| samples.labelled(&[kind, result], *count as f64));
        });
        let counts = Arc::clone(self);
        metrics.provide(&table::SNAPSHOT_SAVES, move |samples| {
            let saves = lock(&counts.saves);
            saves.iter().for_each(|((kind, result), count)| samples.labelled(&[kind, result], *count as f64));
        });
        let counts = Arc::clone(self);
        metrics.provide(&table::SNAPSHOT_BYTES, move |samples| {
            lock(&counts.sizes).iter().for_each(|(kind, size)| samples.labelled(&[kind], *size as f64));
        });
    }
}

/// Every value is whole at all times, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
