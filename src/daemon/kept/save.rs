//! Keeps the file of the inventory true.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Counts;
use super::outcomes::Outcomes;
use super::pace::{Mark, Pace};
use crate::inventory::Saved;
use crate::source::Updates;
use crate::source::clock::Clock;
use crate::source::status::SourceStatus;
use crate::store::{self, Kind};
use crate::updater::UpdaterStats;

/// How often it looks whether there is something to save.
const LOOK: Duration = Duration::from_secs(1);

/// Saves the inventory when it has changed, now and then to say until when it was true, and at the end.
pub(in crate::daemon) struct Saver {
    pub(in crate::daemon) path: PathBuf,
    pub(in crate::daemon) updates: Updates,
    pub(in crate::daemon) updated: Arc<UpdaterStats>,
    pub(in crate::daemon) status: Arc<SourceStatus>,
    pub(in crate::daemon) clock: Clock,
    pub(in crate::daemon) counts: Arc<Counts>,
    /// How old it may be at a start; `None`: as old as it may.
    pub(in crate::daemon) max_age: Option<Duration>,
}

impl Saver {
    /// Works until `stop`, and saves what is new then.
    pub(in crate::daemon) async fn run(self, stop: CancellationToken) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let on_disk = Mark { changed: 0, read: self.status.report().restored };
        let mut pace = Pace::new(on_disk, self.max_age, now());
        let mut outcomes = Outcomes::of(self.path.clone(), Kind::Inventory, Arc::clone(&self.counts));
        loop {
            let stopping = tokio::select! {
                () = stop.cancelled() => true,
                _ = looks.tick() => false,
            };
            let mark = self.mark();
            let wanted = if stopping { pace.is_worth_a_stop(&mark) } else { pace.is_due(&mark, now()) };
            if wanted && self.is_held() {
                if pace.put_off(now()) {
                    self.tell_put_off();
                }
            } else if wanted && self.is_served() {
                match self.save(&mark).await {
                    Ok((size, cost)) => {
                        outcomes.saved(size);
                        pace.saved(mark, cost, now());
                    }
                    Err(error) => {
                        outcomes.failed(&error);
                        pace.failed(now());
                    }
                }
            }
            if stopping {
                return;
            }
        }
    }

    fn mark(&self) -> Mark {
        Mark { changed: self.updated.changed.load(Relaxed), read: self.status.report().read() }
    }

    /// Whether something of the inventory is served: else it is not worth keeping.
    fn is_served(&self) -> bool {
        self.updated.synced_clusters.load(Relaxed) > 0
    }

    /// Whether something of it waits for the end of a first pass, which is when tasks that are gone are known and those
    /// that came for them are not.
    fn is_held(&self) -> bool {
        self.updated.held.load(Relaxed) > 0
    }

    /// Saves, and says how large the file is and for how long that kept the updater.
    async fn save(&self, mark: &Mark) -> Result<(u64, Duration), String> {
        let read = mark.read.clone();
        let copy = self.updates.ask(move |inventory| {
            let began = Instant::now();
            let saved = Saved::of(inventory, &read);
            (saved, began.elapsed())
        });
        let (saved, cost) = copy.await.map_err(|error| error.to_string())?;
        let (path, now) = (self.path.clone(), self.clock.now());
        let writing =
            tokio::task::spawn_blocking(move || store::write(&path, Kind::Inventory, now, |out| saved.write(out)));
        let size = writing.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok((size, cost))
    }

    fn tell_put_off(&self) {
        self.counts.put_off(Kind::Inventory);
        tracing::warn!(
            "{} has not been written for long, as the first pass after the start is not through yet; a restart would begin \
             with what was saved before. /ready says which calls of AWS fail",
            self.path.display()
        );
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests;
