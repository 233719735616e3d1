//! How others ask for passes, and hear of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Least time between two passes that look for clusters of which events have told.
const UNKNOWN_INTERVAL: Duration = Duration::from_secs(60);

/// Asks for a pass before the interval is over. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Trigger {
    asked: watch::Sender<()>,
    made: watch::Sender<Made>,
    /// Whether a pass finds every cluster that there is.
    finds_all: bool,
    /// When it was last asked for because of a cluster that is not known.
    unknown: Arc<Mutex<Option<Instant>>>,
}

/// Passes so far.
#[derive(Debug, Clone, Copy, Default)]
struct Made {
    begun: u64,
    ended: u64,
}

impl Trigger {
    /// The way to ask for passes that find all clusters, or those that are configured.
    pub(super) fn new(finds_all: bool) -> Self {
        Self { finds_all, ..Self::default() }
    }

    /// Something has told of a cluster that is not known. Where all are to be followed it is new, and a pass finds it;
    /// not more often than once a minute, as it may as well be one that is gone.
    pub fn unknown_cluster(&self) {
        let (mut last, now) = (self.unknown.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        if self.finds_all && last.is_none_or(|last| now - last >= UNKNOWN_INTERVAL) {
            *last = Some(now);
            self.poke();
        }
    }

    /// Asks for a pass that begins from now on. Several who ask before it begins share it.
    pub fn poke(&self) {
        self.asked.send_replace(());
    }

    /// Asks for a pass and waits until one that began after this call is through, however it went.
    pub async fn fresh_pass(&self) {
        let mut made = self.made.subscribe();
        let next = made.borrow_and_update().begun + 1;
        self.poke();
        // It cannot be closed: we hold a sender ourselves.
        let _ = made.wait_for(|made| made.ended >= next).await;
    }

    /// Whether somebody asks, from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.asked.subscribe()
    }

    pub(super) fn begin(&self) {
        self.made.send_modify(|made| made.begun += 1);
    }

    pub(super) fn end(&self) {
        self.made.send_modify(|made| made.ended += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether somebody has asked since the last time.
    fn is_asked(asked: &mut watch::Receiver<()>) -> bool {
        let is_asked = asked.has_changed().unwrap();
        asked.mark_unchanged();
        is_asked
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_is_not_known_is_looked_for_where_all_are_followed_once_a_minute() {
        let trigger = Trigger::new(true);
        let mut asked = trigger.subscribe();
        trigger.unknown_cluster();
        assert!(is_asked(&mut asked));
        tokio::time::advance(Duration::from_secs(59)).await;
        trigger.clone().unknown_cluster();
        assert!(!is_asked(&mut asked), "a moment ago it was looked for");
        tokio::time::advance(Duration::from_secs(1)).await;
        trigger.unknown_cluster();
        assert!(is_asked(&mut asked));
    }

    #[tokio::test(start_paused = true)]
    async fn where_clusters_are_named_nobody_looks_for_others() {
        let trigger = Trigger::new(false);
        let mut asked = trigger.subscribe();
        trigger.unknown_cluster();
        assert!(!is_asked(&mut asked));
        trigger.poke();
        assert!(is_asked(&mut asked), "but whoever asks for a pass gets one");
    }
}
