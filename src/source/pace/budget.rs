//! How fast one agent may call: token buckets of ours in front of AWS's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Bucket, Calls, SHARE, seconds_up_to_longest};

/// The part of the share that is kept for what events ask for, once there are events; the rest is for passes.
const FOR_EVENTS: f64 = 0.5;

/// The part of that which steady looks at the health of tasks use, apart from what happens.
const FOR_HEALTH: f64 = 0.4;

/// The part of what AWS's buckets hold that all agents together may owe for urgent calls before these, too, must wait.
const ON_CREDIT: f64 = 0.5;

/// Nobody waits longer than this only because others ask, too: from there on, AWS's own limit must do.
const LONGEST_SPREAD: Duration = Duration::from_secs(30);

/// AWS said that we are too fast: we go at half the speed, down to this part of it, …
const SLOWEST: f64 = 1.0 / 16.0;

/// … and come back to full speed by doubling it once in this time.
const RECOVERY: Duration = Duration::from_secs(30);

/// What a call is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// A pass over everything. Passes repeat, so the interval alone keeps their average down, and one agent may use
    /// all that passes have while it reads. Only task definitions, which are read once and not again, are divided.
    Pass,
    /// Looks at the health of all tasks, now and then. Every agent looks at them, so each has its part.
    Health,
    /// What an event asks for: all agents hear of it at once, so each has its part.
    Event,
    /// The same, where an answer would be wrong without it. It does not wait, within reason: what follows does.
    Urgent,
}

/// Spreads the calls of one agent.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    allowances: BTreeMap<(Lane, Bucket), Allowance>,
    slowed: BTreeMap<Bucket, Slowed>,
    /// Calls made in passes.
    made: Calls,
    agents: usize,
    events: bool,
}

#[derive(Debug, Clone, Copy)]
struct Allowance {
    /// Below zero: calls that have been promised a time to come.
    tokens: f64,
    filled_at: Duration,
}

/// How slow AWS's last complaint made us.
#[derive(Debug, Clone, Copy)]
struct Slowed {
    factor: f64,
    at: Duration,
}

impl Budget {
    /// Tells how many agents share the buckets.
    pub fn set_agents(&mut self, agents: usize) {
        self.agents = agents;
    }

    /// Tells whether there are events, which need a part of the share.
    pub fn set_events(&mut self, events: bool) {
        self.events = events;
    }

    /// Whether there are events.
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.events
    }

    /// How many agents share the buckets, at least 1.
    #[must_use]
    pub fn agents(&self) -> usize {
        self.agents.max(1)
    }

    /// Takes `calls` from `bucket` at the time `now` (any clock that does not go back) and returns how long to wait
    /// before the first of them is made.
    pub fn take(&mut self, lane: Lane, bucket: Bucket, calls: u32, now: Duration) -> Duration {
        let (rate, burst) = (self.rate(lane, bucket, now), self.burst(lane, bucket));
        let full = Allowance { tokens: burst, filled_at: now };
        let purse = if lane == Lane::Urgent { Lane::Event } else { lane };
        let allowance = self.allowances.entry((purse, bucket)).or_insert(full);
        let refilled = now.saturating_sub(allowance.filled_at).as_secs_f64() * rate;
        let before = (allowance.tokens + refilled).min(burst);
        *allowance = Allowance { tokens: before - f64::from(calls), filled_at: now };
        if lane == Lane::Pass {
            self.made.add(bucket, calls);
        }
        let credit = if lane == Lane::Urgent { ON_CREDIT * bucket.burst() / self.agents() as f64 } else { 0.0 };
        seconds_up_to_longest(((1.0 - before - credit) / rate).max(0.0))
    }

    /// How long a call in `bucket` would have to wait at `now`.
    #[must_use]
    pub fn wait(&self, lane: Lane, bucket: Bucket, now: Duration) -> Duration {
        self.clone().take(lane, bucket, 1, now)
    }

    /// Notes that AWS refused a call in `bucket` at `now` as one too many.
    pub fn throttled(&mut self, bucket: Bucket, now: Duration) {
        let factor = (self.speed(bucket, now) / 2.0).max(SLOWEST);
        self.slowed.insert(bucket, Slowed { factor, at: now });
    }

    /// The calls made in passes since this was last asked.
    pub fn drain(&mut self) -> Calls {
        std::mem::take(&mut self.made)
    }

    /// Calls a second in `bucket` that all agents together may make at `now` for `lane`.
    #[must_use]
    pub fn common_rate(&self, lane: Lane, bucket: Bucket, now: Duration) -> f64 {
        self.part(lane) * bucket.refill() * self.speed(bucket, now)
    }

    /// The time over which calls of `lane` in `bucket` had better be spread that all agents would make at once,
    /// because all of them hear of the same event.
    #[must_use]
    pub fn spread(&self, lane: Lane, bucket: Bucket, now: Duration) -> Duration {
        let at_once = self.agents() as f64 - self.part(lane) * bucket.burst();
        Duration::from_secs_f64((at_once / self.common_rate(lane, bucket, now)).max(0.0)).min(LONGEST_SPREAD)
    }

    /// The part of AWS's buckets that is for `lane`.
    fn part(&self, lane: Lane) -> f64 {
        match (self.events, lane) {
            (false, _) => SHARE,
            (true, Lane::Pass) => SHARE * (1.0 - FOR_EVENTS),
            (true, Lane::Health) => SHARE * FOR_EVENTS * FOR_HEALTH,
            (true, Lane::Event | Lane::Urgent) => SHARE * FOR_EVENTS * (1.0 - FOR_HEALTH),
        }
    }

    /// Calls a second in `bucket` that this agent may make.
    fn rate(&self, lane: Lane, bucket: Bucket, now: Duration) -> f64 {
        let common = self.common_rate(lane, bucket, now);
        let divided = lane != Lane::Pass || bucket == Bucket::TaskDefinition;
        if divided { common / self.agents() as f64 } else { common }
    }

    /// Calls in `bucket` that this agent may make at once.
    fn burst(&self, lane: Lane, bucket: Bucket) -> f64 {
        let burst = self.part(lane) * bucket.burst();
        if lane == Lane::Pass { burst } else { (burst / self.agents() as f64).max(1.0) }
    }

    /// The part of the usual speed that AWS's complaints have left us.
    fn speed(&self, bucket: Bucket, now: Duration) -> f64 {
        self.slowed.get(&bucket).map_or(1.0, |slowed| {
            let recovered = now.saturating_sub(slowed.at).as_secs_f64() / RECOVERY.as_secs_f64();
            (slowed.factor * recovered.exp2()).min(1.0)
        })
    }
}
