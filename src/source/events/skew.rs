//! Times of another host's clock as times of ours. Pure.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::ecs::{ClusterArn, Timestamp};

/// A message that seems to be this much older than the others is more likely from another clock than late.
const ANOTHER_CLOCK: SignedDuration = SignedDuration::from_secs(60);

/// Clusters whose controllers' clocks are kept in mind.
const MOST_CLUSTERS: usize = 1_000;

/// How far a controller's clock is from ours, as far as its messages tell: the least difference seen is skew, what a
/// message has beyond that is its way. So their order is kept, and none of them seems to be from the future.
#[derive(Debug, Default)]
pub(super) struct Skew {
    least: Option<SignedDuration>,
}

/// The skew of each cluster's controller.
#[derive(Debug, Default)]
pub(super) struct Skews {
    of: BTreeMap<ClusterArn, Skew>,
}

impl Skews {
    /// The time `theirs` by our clock, told by the controller of `cluster` in a message that was received at `now`.
    pub(super) fn ours(&mut self, cluster: &ClusterArn, theirs: Timestamp, now: Timestamp) -> Timestamp {
        if self.of.len() >= MOST_CLUSTERS && !self.of.contains_key(cluster) {
            // Clusters that are not followed are not told apart from others, and anybody may have sent these.
            self.of.clear();
        }
        self.of.entry(cluster.clone()).or_default().ours(theirs, now)
    }
}

impl Skew {
    /// The time `theirs` by our clock, told by a message that was received at `now`.
    pub(super) fn ours(&mut self, theirs: Timestamp, now: Timestamp) -> Timestamp {
        let difference = now.duration_since(theirs);
        let usual = |least: &SignedDuration| difference >= *least && difference - *least < ANOTHER_CLOCK;
        let least = self.least.filter(usual).unwrap_or(difference);
        self.least = Some(least);
        theirs.saturating_add(least).unwrap_or(now).min(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    #[test]
    fn the_order_of_the_other_clock_is_kept() {
        let mut skew = Skew::default();
        // Their clock is an hour behind; the way takes 100 ms, once 5 s.
        let hour = 3_600_000;
        assert_eq!(skew.ours(at(1_000), at(hour + 1_100)), at(hour + 1_100));
        assert_eq!(skew.ours(at(3_000), at(hour + 3_100)), at(hour + 3_100));
        assert_eq!(skew.ours(at(2_000), at(hour + 7_000)), at(hour + 2_100), "late, and before the one above");
        assert_eq!(skew.ours(at(9_000), at(hour + 9_050)), at(hour + 9_050), "a shorter way than any before");
        assert_eq!(skew.ours(at(9_500), at(hour + 9_600)), at(hour + 9_550));
    }

    #[test]
    fn another_controller_may_have_another_clock() {
        let mut skew = Skew::default();
        let _ = skew.ours(at(1_000_000), at(1_000_100));
        assert_eq!(skew.ours(at(500_000), at(1_002_000)), at(1_002_000));
        assert_eq!(skew.ours(at(501_000), at(1_003_500)), at(1_003_000));
        assert_eq!(skew.ours(at(2_000_000), at(1_004_000)), at(1_004_000), "nothing is from the future");
        assert_eq!(skew.ours(Timestamp::MIN, Timestamp::MAX), Timestamp::MAX);
    }
}
