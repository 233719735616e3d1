//! How often and how fast AWS may be asked: pure arithmetic; time and randomness are arguments.
//!
//! AWS limits calls by token buckets that a whole account shares, and every agent of a cluster describes the same
//! things. So all agents together keep to a share of each bucket: over what repeats by stretching the interval between
//! two rounds ([`interval`]), for single calls by spreading them ([`Budget`]).

mod budget;

use std::collections::BTreeMap;
use std::time::Duration;

pub use budget::{Budget, Lane};

/// The part of each of AWS's buckets that all agents together may use.
pub const SHARE: f64 = 0.25;

/// No interval is stretched beyond this.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

const LONGEST_START_DELAY: Duration = Duration::from_secs(3);
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// One of AWS's token buckets, each per account and region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// ECS: DescribeClusters, ListClusters.
    Cluster,
    /// ECS: lists and descriptions of tasks and container instances.
    ClusterResource,
    /// ECS: ListServices, DescribeServices.
    Service,
    /// ECS: DescribeTaskDefinition.
    TaskDefinition,
    /// EC2: calls that change nothing.
    Ec2,
    /// Elastic Load Balancing v2.
    LoadBalancer,
    /// Elastic Load Balancing, classic.
    ClassicLoadBalancer,
}

impl Bucket {
    /// Tokens per second that AWS refills.
    #[must_use]
    pub fn refill(self) -> f64 {
        match self {
            Self::Cluster | Self::ClusterResource | Self::Service | Self::TaskDefinition | Self::Ec2 => 20.0,
            Self::LoadBalancer | Self::ClassicLoadBalancer => 10.0,
        }
    }

    /// Tokens that the bucket holds.
    #[must_use]
    pub fn burst(self) -> f64 {
        match self {
            Self::ClusterResource | Self::Service | Self::Ec2 => 100.0,
            Self::Cluster | Self::TaskDefinition => 50.0,
            Self::LoadBalancer | Self::ClassicLoadBalancer => 40.0,
        }
    }

    /// What its calls read, for messages.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Cluster => "clusters",
            Self::ClusterResource => "tasks and container instances",
            Self::Service => "services",
            Self::TaskDefinition => "task definitions",
            Self::Ec2 => "EC2 instances",
            Self::LoadBalancer => "load balancers",
            Self::ClassicLoadBalancer => "classic load balancers",
        }
    }
}

/// Calls by bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls(BTreeMap<Bucket, u32>);

impl Calls {
    /// Counts `calls` more in `bucket`.
    pub fn add(&mut self, bucket: Bucket, calls: u32) {
        let count = self.0.entry(bucket).or_default();
        *count = count.saturating_add(calls);
    }

    /// Calls in `bucket`.
    #[must_use]
    pub fn of(&self, bucket: Bucket) -> u32 {
        self.0.get(&bucket).copied().unwrap_or(0)
    }

    /// The same without those in `bucket`.
    #[must_use]
    pub fn without(mut self, bucket: Bucket) -> Self {
        self.0.remove(&bucket);
        self
    }
}

/// The time from the start of one pass to the start of the next, and why it is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// As configured.
    pub configured: Duration,
    /// As used; never shorter than configured.
    pub effective: Duration,
    /// The bucket that made it longer than configured.
    pub limited_by: Option<Bucket>,
    /// Agents that were counted: registered container instances, at least 1.
    pub agents: usize,
}

/// The shortest interval, not below `configured`, at which `agents` agents that make `calls` in every round stay
/// within `rate`, the calls a second that all of them together may make of a bucket.
#[must_use]
pub fn interval(configured: Duration, calls: &Calls, agents: usize, rate: impl Fn(Bucket) -> f64) -> Interval {
    let agents = agents.max(1);
    let needed = |(&bucket, &count): (&Bucket, &u32)| {
        let seconds = f64::from(count) * agents as f64 / rate(bucket);
        (seconds_up_to_longest(seconds), bucket)
    };
    let slowest = calls.0.iter().map(needed).max_by_key(|&(time, _)| time);
    match slowest.filter(|&(time, _)| time > configured) {
        Some((effective, bucket)) => Interval { configured, effective, limited_by: Some(bucket), agents },
        None => Interval { configured, effective: configured, limited_by: None, agents },
    }
}

fn seconds_up_to_longest(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).map_or(LONGEST_INTERVAL, |time| time.min(LONGEST_INTERVAL))
}

/// `time` ± 10 %, so that agents which once started together drift apart. `random` is in 0..1.
#[must_use]
pub fn jittered(time: Duration, random: f64) -> Duration {
    time.mul_f64(0.9 + 0.2 * random.clamp(0.0, 1.0))
}

/// How long to wait before the very first pass, so that a fleet that is rolled out at once does not ask at once: up
/// to a tenth of the interval and 3 s. `random` is in 0..1.
#[must_use]
pub fn start_delay(interval: Duration, random: f64) -> Duration {
    (interval / 10).min(LONGEST_START_DELAY).mul_f64(random.clamp(0.0, 1.0))
}

/// How long to wait after the `failures`th failed pass in a row while there is nothing to serve: 1 s, doubled each
/// time, never more than the interval.
#[must_use]
pub fn backoff(failures: u32, interval: Duration) -> Duration {
    let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).and_then(|factor| FIRST_BACKOFF.checked_mul(factor));
    doubled.unwrap_or(interval).min(interval)
}

#[cfg(test)]
mod tests;
