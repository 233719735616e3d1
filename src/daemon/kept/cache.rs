//! The hot part of the forwarded answers on disk: taken over before the first query, saved now and then and at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::outcomes::Outcomes;
use super::{Counts, Keeping};
use crate::ecs::Timestamp;
use crate::forward::saved;
use crate::forwarder::Forwarder;
use crate::source::clock::Clock;
use crate::source::staleness::seconds;
use crate::store::{self, Kind, Refusal};

/// Time between two saves.
const PAUSE: Duration = Duration::from_secs(300);

/// Where they are kept, and how much of them.
#[derive(Debug, Clone)]
pub(in crate::daemon) struct CacheFile {
    pub(in crate::daemon) path: PathBuf,
    /// Bytes of answers, at most.
    pub(in crate::daemon) most: usize,
}

/// Has `forwarder` take over the answers of before the restart, if there are any that may be used. Every other file is
/// told of, and counted.
pub(in crate::daemon) fn cache(keeping: &Keeping, forwarder: &Forwarder, now: Timestamp) {
    let Some(CacheFile { path, .. }) = &keeping.cache else { return };
    store::sweep(path);
    let found = store::read(path, Kind::Cache).and_then(|content| match content {
        Some(content) => restore(&content, forwarder, now).map(Some),
        None => Ok(None),
    });
    let count = |result| keeping.counts.loaded(Kind::Cache, result);
    match found {
        Ok(Some(Restored { taken, all, at })) => {
            count("loaded");
            let (at, path) = (seconds(at), path.display());
            tracing::info!(
                "{taken} of {all} forwarded answers of before the start are known again, as of {at}, from {path}"
            );
        }
        Ok(None) => count("absent"),
        Err(refusal) => {
            count(refusal.label());
            tracing::warn!("{} is not used: {refusal}", path.display());
        }
    }
}

/// What was found in a file.
#[derive(Debug, PartialEq, Eq)]
struct Restored {
    taken: usize,
    all: usize,
    at: Timestamp,
}

fn restore(content: &[u8], forwarder: &Forwarder, now: Timestamp) -> Result<Restored, Refusal> {
    let (head, answers) = saved::read(content).map_err(Refusal::Unintelligible)?;
    if let Some(difference) = head.terms.difference(&forwarder.terms()) {
        return Err(Refusal::Foreign(difference));
    }
    // With a clock that went back, nobody knows how old they are.
    let Ok(elapsed) = Duration::try_from(now.duration_since(head.at)) else {
        return Err(Refusal::Ahead { written: seconds(head.at).to_string(), now: seconds(now).to_string() });
    };
    let (mut taken, mut all) = (0, 0);
    for answer in answers {
        all += 1;
        taken += usize::from(forwarder.restore(&answer, elapsed));
    }
    if taken == 0 && all > 0 {
        let age = elapsed.as_secs();
        return Err(Refusal::Spent(format!("none of its {all} answers is of use {age} s after they were written")));
    }
    Ok(Restored { taken, all, at: head.at })
}

/// Saves them.
pub(in crate::daemon) struct CacheSaver {
    pub(in crate::daemon) file: CacheFile,
    pub(in crate::daemon) forwarder: Arc<Forwarder>,
    pub(in crate::daemon) counts: Arc<Counts>,
}

impl CacheSaver {
    /// Works until `stop`, and saves what is new then.
    pub(in crate::daemon) async fn run(self, stop: CancellationToken) {
        let mut looks = interval(PAUSE);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut outcomes = Outcomes::of(self.file.path.clone(), Kind::Cache, Arc::clone(&self.counts));
        let mut on_disk = self.forwarder.kept_so_far();
        loop {
            let stopping = tokio::select! {
                () = stop.cancelled() => true,
                _ = looks.tick() => false,
            };
            let kept = self.forwarder.kept_so_far();
            if kept != on_disk {
                match self.save().await {
                    Ok(size) => {
                        outcomes.saved(size);
                        on_disk = kept;
                    }
                    Err(error) => outcomes.failed(&error),
                }
            }
            if stopping {
                return;
            }
        }
    }

    async fn save(&self) -> Result<u64, String> {
        let (CacheFile { path, most }, forwarder) = (self.file.clone(), Arc::clone(&self.forwarder));
        let writing = tokio::task::spawn_blocking(move || {
            let collected = forwarder.collect(most);
            // Not the daemon's own clock: that one never heeds a correction, and the next start goes by the host's.
            let now = Clock::start().now();
            store::write(&path, Kind::Cache, now, |out| collected.write(out, now))
        });
        writing.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests;
