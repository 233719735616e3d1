//! What is known of one upstream: how fast it answers, whether it answers at all, whether it takes EDNS.

use std::time::{Duration, Instant};

use super::Edns;

/// Tries in a row without any reply, whatever they were about, after which an upstream counts as down. A name that
/// nobody can resolve costs a few of them; whoever is alive answers the probe that follows at once.
const DOWN_AFTER: u32 = 5;
/// A closed port tells more than silence: it counts as so many tries.
const UNREACHABLE_WEIGHT: u32 = 3;
/// How long a refusal of EDNS is remembered.
const EDNS_MEMORY: Duration = Duration::from_secs(900);
/// Answers without EDNS, and none with, that count as a refusal: fewer may be lost datagrams.
const EDNS_SUSPICIONS: u32 = 3;
/// An upstream that has not been measured for this long counts as twice as fast, so that it is asked again some time.
const FORGET: Duration = Duration::from_secs(60);

/// How long an upstream takes to answer (RFC 6298 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rtt {
    /// Smoothed time.
    pub mean: Duration,
    /// Smoothed deviation from it.
    pub variation: Duration,
}

/// What an exchange has seen of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// A reply to our question, whatever it says, this long after the try was sent.
    Answered {
        /// Time from the query to the reply.
        took: Duration,
    },
    /// A try was not answered in time.
    Silent,
    /// Nobody listens there, or there is no way.
    Unreachable,
    /// It has answered a query with EDNS.
    TakesEdns,
    /// It refused a query with EDNS and answered one without.
    RefusesEdns,
    /// It answered a query without EDNS and none of those with: it drops them, or they were lost.
    IgnoresEdns,
}

/// A change that others should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It has stopped answering: probe it.
    Down,
    /// It answers again.
    Up,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Up,
    Down,
    /// What we asked it came back to us.
    Looping,
}

/// One upstream as it has been seen so far.
#[derive(Debug, Clone, Default)]
pub struct Health {
    state: State,
    /// Tries without a reply since the last reply.
    missed: u32,
    rtt: Option<Rtt>,
    measured_at: Option<Instant>,
    takes_edns: bool,
    no_edns_until: Option<Instant>,
    edns_suspicions: u32,
}

impl Health {
    /// Takes note of what was seen at `now`.
    pub fn observe(&mut self, observation: Observation, now: Instant) -> Option<Turn> {
        match observation {
            Observation::Answered { took } => {
                self.measure(took, now);
                self.missed = 0;
                (std::mem::take(&mut self.state) != State::Up).then_some(Turn::Up)
            }
            Observation::Silent | Observation::Unreachable => {
                let weight = if observation == Observation::Unreachable { UNREACHABLE_WEIGHT } else { 1 };
                self.missed = self.missed.saturating_add(weight);
                let down = self.state == State::Up && self.missed >= DOWN_AFTER;
                down.then(|| {
                    self.state = State::Down;
                    Turn::Down
                })
            }
            Observation::TakesEdns => {
                (self.takes_edns, self.no_edns_until, self.edns_suspicions) = (true, None, 0);
                None
            }
            Observation::IgnoresEdns if self.edns_suspicions + 1 < EDNS_SUSPICIONS => {
                self.edns_suspicions += 1;
                None
            }
            Observation::RefusesEdns | Observation::IgnoresEdns => {
                (self.takes_edns, self.no_edns_until, self.edns_suspicions) = (false, Some(now + EDNS_MEMORY), 0);
                None
            }
        }
    }

    /// A query of ours that was sent there has come to us: it is not asked again until it answers a probe.
    pub fn found_looping(&mut self) {
        self.state = State::Looping;
    }

    /// Whether it is believed to answer.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Whether it leads back to us.
    #[must_use]
    pub fn is_looping(&self) -> bool {
        self.state == State::Looping
    }

    /// How fast it is, if it has been measured.
    #[must_use]
    pub fn rtt(&self) -> Option<Rtt> {
        self.rtt
    }

    /// Whether it takes EDNS.
    #[must_use]
    pub fn edns(&self, now: Instant) -> Edns {
        match self.no_edns_until {
            Some(until) if now < until => Edns::Refused,
            _ if self.takes_edns => Edns::Proven,
            _ => Edns::Untried,
        }
    }

    /// The lower, the sooner it is asked when the fastest is wanted.
    pub(super) fn rank(&self, now: Instant) -> Duration {
        let halvings = self.measured_at.map_or(0, |at| now.saturating_duration_since(at).as_secs() / FORGET.as_secs());
        let divisor = 1u32 << halvings.min(16);
        self.rtt.map_or(Duration::ZERO, |rtt| rtt.mean / divisor)
    }

    fn measure(&mut self, took: Duration, now: Instant) {
        self.measured_at = Some(now);
        self.rtt = Some(match self.rtt {
            None => Rtt { mean: took, variation: took / 2 },
            Some(Rtt { mean, variation }) => {
                Rtt { mean: (7 * mean + took) / 8, variation: (3 * variation + mean.abs_diff(took)) / 4 }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::moment;
    use super::*;

    fn answered(millis: u64) -> Observation {
        Observation::Answered { took: Duration::from_millis(millis) }
    }

    #[test]
    fn silence_takes_it_down_and_any_reply_brings_it_up() {
        let (mut health, now) = (Health::default(), moment());
        for _ in 1..DOWN_AFTER {
            assert_eq!(health.observe(Observation::Silent, now), None);
        }
        assert_eq!(health.observe(answered(5), now), None);
        assert_eq!(health.observe(Observation::Unreachable, now), None);
        assert!(health.is_up());
        assert_eq!(health.observe(Observation::Unreachable, now), Some(Turn::Down));
        assert_eq!((health.is_up(), health.observe(Observation::Silent, now)), (false, None), "told once");
        assert_eq!((health.observe(answered(5), now), health.is_up()), (Some(Turn::Up), true));
    }

    #[test]
    fn a_loop_is_no_upstream_until_it_answers() {
        let (mut health, now) = (Health::default(), moment());
        health.found_looping();
        assert!(health.is_looping() && !health.is_up());
        assert_eq!(health.observe(Observation::Silent, now), None);
        assert_eq!(health.observe(answered(1), now), Some(Turn::Up));
        assert!(!health.is_looping());
    }

    #[test]
    fn times_are_smoothed() {
        let (mut health, now) = (Health::default(), moment());
        health.observe(answered(100), now);
        assert_eq!(health.rtt().unwrap().variation.as_millis(), 50);
        for _ in 0..40 {
            health.observe(answered(10), now);
        }
        let rtt = health.rtt().unwrap();
        assert!((10..12).contains(&rtt.mean.as_millis()) && rtt.variation.as_millis() < 3, "{rtt:?}");
        let (later, much_later) = (now + FORGET, now + 1000 * FORGET);
        assert!(health.rank(later) < health.rank(now) && health.rank(much_later) < health.rank(later));
    }

    #[test]
    fn what_it_thinks_of_edns_is_remembered_for_a_while() {
        let (mut health, now) = (Health::default(), moment());
        assert_eq!(health.edns(now), Edns::Untried);
        health.observe(Observation::RefusesEdns, now);
        assert_eq!((health.edns(now), health.edns(now + EDNS_MEMORY)), (Edns::Refused, Edns::Untried));
        health.observe(Observation::TakesEdns, now);
        assert_eq!(health.edns(now), Edns::Proven);
        for expect in [Edns::Proven, Edns::Proven, Edns::Refused] {
            health.observe(Observation::IgnoresEdns, now);
            assert_eq!(health.edns(now), expect, "the first may be lost datagrams");
        }
    }
}
