//! When to save: soon after something has changed, rarely, and never so often that it costs much. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::ecs::{ClusterArn, Timestamp};

/// Shortest time between two saves.
const SHORTEST: Duration = Duration::from_secs(5);
/// Longest time between two saves that fail.
const LONGEST: Duration = Duration::from_secs(300);
/// Longest time between two saves that only note that nothing has changed: the file says until when it was true.
const REFRESH: Duration = Duration::from_secs(600);
/// What is on disk never ages by more than one part in so many of the age at which it is of no use.
const PART_OF_AGE: u32 = 4;
/// The updater is kept from its work for one part in so many.
const PART: u32 = 100;

/// What a save would save.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Changes so far.
    pub(super) changed: u64,
    /// When each cluster was last read.
    pub(super) read: BTreeMap<ClusterArn, Timestamp>,
}

/// What was saved last.
#[derive(Debug)]
pub(super) struct Pace {
    saved: Mark,
    tried: Instant,
    /// For how long the last save kept the updater.
    cost: Duration,
    failures: u32,
    /// Since when it is put off, and whether that was told.
    put_off: Option<(Instant, bool)>,
    /// Time between two saves that only note that nothing has changed.
    refresh: Duration,
}

impl Pace {
    /// `saved` is on disk at `now`, and a start uses what is not older than `max_age`; `None`: all.
    pub(super) fn new(saved: Mark, max_age: Option<Duration>, now: Instant) -> Self {
        let refresh = max_age.map_or(REFRESH, |age| REFRESH.min(age / PART_OF_AGE));
        Self { saved, tried: now, cost: Duration::ZERO, failures: 0, put_off: None, refresh }
    }

    /// Whether to save `mark` at a stop: also if nothing has changed since but until when it was true, which is what the
    /// next start goes by.
    pub(super) fn is_worth_a_stop(&self, mark: &Mark) -> bool {
        self.saved != *mark
    }

    /// Whether to save `mark` now.
    pub(super) fn is_due(&self, mark: &Mark, now: Instant) -> bool {
        let rest = (SHORTEST * 2_u32.saturating_pow(self.failures.min(16))).min(LONGEST).max(self.cost * PART);
        let rest = if self.saved.changed == mark.changed { rest.max(self.refresh) } else { rest };
        self.saved != *mark && now.saturating_duration_since(self.tried) >= rest
    }

    /// `mark` was saved, at this cost to the updater.
    pub(super) fn saved(&mut self, mark: Mark, cost: Duration, now: Instant) {
        *self = Self { saved: mark, tried: now, cost, failures: 0, put_off: None, refresh: self.refresh };
    }

    /// It is due, but cannot be saved as it is. Returns whether to tell of that: once, after a while.
    pub(super) fn put_off(&mut self, now: Instant) -> bool {
        let (since, told) = self.put_off.get_or_insert((now, false));
        let tell = !*told && now.saturating_duration_since(*since) >= REFRESH;
        *told |= tell;
        tell
    }

    /// It could not be saved.
    pub(super) fn failed(&mut self, now: Instant) {
        (self.tried, self.failures) = (now, self.failures.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(changed: u64, read: i64) -> Mark {
        let cluster = ClusterArn::parse("arn:aws:ecs:us-east-1:123456789012:cluster/prod").unwrap();
        Mark { changed, read: [(cluster, Timestamp::from_second(read).unwrap())].into() }
    }

    /// The first whole second after the last try at which it is due.
    fn due_after(pace: &Pace, mark: &Mark) -> Option<u64> {
        (0..10_000).find(|second| pace.is_due(mark, pace.tried + Duration::from_secs(*second)))
    }

    #[test]
    fn it_saves_what_has_changed_and_not_too_often() {
        let start = tokio::time::Instant::now().into_std();
        let mut pace = Pace::new(mark(1, 0), None, start);
        assert_eq!(due_after(&pace, &mark(1, 0)), None, "nothing has changed");
        assert_eq!(due_after(&pace, &mark(2, 0)), Some(5));
        assert_eq!(due_after(&pace, &mark(1, 30)), Some(600), "it was only read again");
        pace.saved(mark(2, 0), Duration::from_millis(200), start);
        assert_eq!(due_after(&pace, &mark(2, 0)), None);
        assert_eq!(due_after(&pace, &mark(3, 0)), Some(20), "a large inventory is saved less often");
    }

    #[test]
    fn a_short_life_is_prolonged_in_time() {
        let start = tokio::time::Instant::now().into_std();
        let due = |max_age| {
            let pace = Pace::new(mark(1, 0), Some(Duration::from_secs(max_age)), start);
            due_after(&pace, &mark(1, 30))
        };
        assert_eq!(due(604_800), Some(600));
        assert_eq!(due(60), Some(15));
        assert_eq!(due(8), Some(5), "the disk is spared all the same");
        let mut pace = Pace::new(mark(1, 0), Some(Duration::from_secs(60)), start);
        pace.saved(mark(1, 30), Duration::ZERO, start);
        assert_eq!(due_after(&pace, &mark(1, 60)), Some(15), "and again");
    }

    #[test]
    fn a_stop_saves_until_when_it_was_true() {
        let start = tokio::time::Instant::now().into_std();
        let pace = Pace::new(mark(1, 0), None, start);
        assert!(!pace.is_worth_a_stop(&mark(1, 0)), "nothing is new");
        assert!(pace.is_worth_a_stop(&mark(1, 1)), "it would seem older than it is");
        assert!(pace.is_worth_a_stop(&mark(2, 0)));
    }

    #[test]
    fn what_is_put_off_for_long_is_told_of_once() {
        let start = tokio::time::Instant::now().into_std();
        let mut pace = Pace::new(mark(1, 0), None, start);
        let told =
            |pace: &mut Pace| (0..2000).filter(|second| pace.put_off(start + Duration::from_secs(*second))).count();
        assert!(!pace.put_off(start) && !pace.put_off(start + Duration::from_secs(599)));
        assert_eq!(told(&mut pace), 1);
        pace.saved(mark(2, 0), Duration::ZERO, start);
        assert_eq!(told(&mut pace), 1, "the next time");
    }

    #[test]
    fn a_disk_that_is_full_is_tried_less_and_less_often() {
        let start = tokio::time::Instant::now().into_std();
        let mut pace = Pace::new(mark(1, 0), None, start);
        let tries = (0..8).map(|_| {
            pace.failed(start);
            due_after(&pace, &mark(2, 0)).unwrap()
        });
        assert_eq!(tries.collect::<Vec<_>>(), [10, 20, 40, 80, 160, 300, 300, 300]);
    }
}
