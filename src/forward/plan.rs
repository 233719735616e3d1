//! Whom to ask about one question, in which order, and for how long: what an exchange begins with.

use std::time::{Duration, Instant};

use super::{Caps, Health};

/// Shortest wait for a reply before the question is sent again. A name that the upstream must look up itself takes a
/// while; asking twice does not speed that up.
const MIN_TIMEOUT: Duration = Duration::from_millis(200);
/// Longest wait before the same, unless the upstream is known to be slower still.
const MAX_TIMEOUT: Duration = Duration::from_millis(600);
/// Shortest wait before a second upstream is asked as well.
const MIN_HEDGE: Duration = Duration::from_millis(100);
/// Wait for an upstream of which nothing is known yet.
const UNKNOWN_TIMEOUT: Duration = Duration::from_millis(400);
/// Shortest wait for a reply over a connection, which must be made first.
const MIN_STREAM_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a question may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// After this long the question has failed.
    pub budget: Duration,
    /// After this long without any upstream known to be up. Also what a client waits for a fresh answer when a stale
    /// one is at hand (RFC 8767 5).
    pub stale_wait: Duration,
}

impl Default for Timing {
    /// 4 s, as a stub resolver gives up after 5 s, and 1.8 s.
    fn default() -> Self {
        Self { budget: Duration::from_secs(4), stale_wait: Duration::from_millis(1800) }
    }
}

/// Who of several upstreams is asked first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The one that has answered fastest.
    #[default]
    Fastest,
    /// The first in the list.
    Sequential,
    /// Any.
    Random,
}

/// What is known of an upstream and EDNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edns {
    /// It has answered a query with EDNS.
    Proven,
    /// It has not been heard yet.
    Untried,
    /// It does not take it.
    Refused,
}

/// An upstream that may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its place in the list of all upstreams.
    pub upstream: usize,
    /// Whether it is asked over TLS only.
    pub encrypted: bool,
    /// How long to wait before another upstream is asked as well.
    pub hedge: Duration,
    /// How long to wait before it is asked again.
    pub timeout: Duration,
    /// Whether it takes EDNS.
    pub edns: Edns,
}

impl Candidate {
    /// An upstream with waits from what has been measured of it.
    #[must_use]
    pub fn new(upstream: usize, encrypted: bool, health: &Health, now: Instant) -> Self {
        let (hedge, timeout) = match health.rtt() {
            Some(rtt) => (rtt.mean + 2 * rtt.variation, rtt.mean + 4 * rtt.variation),
            None => (UNKNOWN_TIMEOUT, UNKNOWN_TIMEOUT),
        };
        let timeout = timeout.max(MIN_TIMEOUT);
        Self { upstream, encrypted, hedge: hedge.clamp(MIN_HEDGE, timeout), timeout, edns: health.edns(now) }
    }

    /// How long to wait for its reply when it has been asked `before` times already.
    pub(super) fn wait(&self, before: u32, stream: bool) -> Duration {
        if stream {
            return (3 * self.timeout).max(MIN_STREAM_TIMEOUT);
        }
        (self.timeout * 2u32.pow(before.min(4))).min(MAX_TIMEOUT.max(self.timeout))
    }
}

/// What an exchange begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whom to ask, the first first.
    pub candidates: Vec<Candidate>,
    /// After this long the question has failed.
    pub budget: Duration,
    /// Limits on what they say of time.
    pub caps: Caps,
    /// Whether the name is sent in mixed case, which the reply must repeat.
    pub mix_case: bool,
}

/// The order in which to ask: those that are up by `policy`, then those that are down; none that leads back to us.
/// `random` decides where the policy does not.
#[must_use]
pub fn order(health: &[Health], members: &[usize], policy: Policy, random: u32, now: Instant) -> Vec<usize> {
    let known = |upstream: &usize| health.get(*upstream).filter(|health| !health.is_looping());
    let mut order: Vec<usize> = members.iter().copied().filter(|upstream| known(upstream).is_some()).collect();
    match policy {
        Policy::Sequential => {}
        Policy::Random => shuffle(&mut order, random),
        Policy::Fastest => {
            order.sort_by_key(|upstream| known(upstream).map_or(Duration::MAX, |health| health.rank(now)));
        }
    }
    order.sort_by_key(|upstream| known(upstream).is_some_and(|health| !health.is_up()));
    order
}

/// Fisher and Yates, with one number for all draws: lists are short.
fn shuffle(order: &mut [usize], mut random: u32) {
    for left in (2..=order.len()).rev() {
        let count = u32::try_from(left).unwrap_or(u32::MAX);
        order.swap(left - 1, (random % count) as usize);
        random /= count;
    }
}

#[cfg(test)]
mod tests {
    use super::super::health::Observation;
    use super::super::testing::moment;
    use super::*;

    fn measured(millis: u64) -> Health {
        let mut health = Health::default();
        health.observe(Observation::Answered { took: Duration::from_millis(millis) }, moment());
        health
    }

    fn down() -> Health {
        let mut health = Health::default();
        for _ in 0..10 {
            health.observe(Observation::Silent, moment());
        }
        assert!(!health.is_up());
        health
    }

    #[test]
    fn the_policy_says_who_is_first_and_those_that_are_down_are_last() {
        let now = moment();
        let health = [down(), measured(50), measured(2), Health::default()];
        let all = [0, 1, 2, 3];
        assert_eq!(order(&health, &all, Policy::Sequential, 0, now), [1, 2, 3, 0]);
        assert_eq!(order(&health, &all, Policy::Fastest, 0, now), [3, 2, 1, 0], "the unknown one is to be known");
        assert_eq!(order(&health, &[1, 2], Policy::Fastest, 0, now), [2, 1], "only those of the route");
        let orders: std::collections::BTreeSet<_> =
            (0..24).map(|random| order(&health, &all, Policy::Random, random, now)).collect();
        assert_eq!(orders.len(), 6);
        assert!(orders.iter().all(|order| order[3] == 0));
    }

    #[test]
    fn who_leads_back_to_us_is_not_asked() {
        let mut health = [measured(1), measured(2)];
        health[0].found_looping();
        assert_eq!(order(&health, &[0, 1], Policy::Sequential, 0, moment()), [1]);
    }

    #[test]
    fn waits_follow_what_was_measured_and_have_a_floor() {
        let now = moment();
        let fast = Candidate::new(0, false, &measured(1), now);
        assert_eq!((fast.hedge, fast.timeout), (MIN_HEDGE, MIN_TIMEOUT));
        let waits: Vec<_> = (0..5).map(|before| fast.wait(before, false).as_millis()).collect();
        assert_eq!(waits, [200, 400, 600, 600, 600]);
        assert_eq!(fast.wait(3, true), MIN_STREAM_TIMEOUT);
        let slow = Candidate::new(0, false, &measured(900), now);
        assert_eq!((slow.hedge.as_millis(), slow.timeout.as_millis()), (1800, 2700));
        assert_eq!(slow.wait(3, false), slow.timeout, "a slow one is not asked faster than it can answer");
        assert_eq!(Candidate::new(0, false, &Health::default(), now).timeout, UNKNOWN_TIMEOUT);
    }
}
