//! What has become of the events, for metrics.

use std::array;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::ecs::event::Detail;

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ECS Task State Change.
    Task,
    /// ECS Container Instance State Change.
    ContainerInstance,
    /// Service actions, deployments, and API calls about services.
    Service,
    /// EC2 Instance State-change Notification.
    Ec2Instance,
    /// Health that a controller has seen.
    TaskHealth,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind of an event that says this.
    #[must_use]
    pub fn of(detail: &Detail) -> Self {
        match detail {
            Detail::Task(_) => Self::Task,
            Detail::ContainerInstance(_) => Self::ContainerInstance,
            Detail::Service(_) => Self::Service,
            Detail::Ec2Instance { .. } => Self::Ec2Instance,
            Detail::TaskHealth(_) => Self::TaskHealth,
            Detail::Ignored(_) => Self::Other,
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What it says is served; in a controller: it asks for a reconcile.
    Served,
    /// It is about a cluster, account or region that is not followed.
    Foreign,
    /// It is of a type or version that we do not follow, or a call that failed.
    Ignored,
    /// It is no event.
    Malformed,
}

/// Labels, in the order of the variants.
pub const KINDS: [&str; 6] = ["task", "container_instance", "service", "ec2_instance", "task_health", "other"];
/// Labels, in the order of the variants.
pub const VERDICTS: [&str; 4] = ["served", "foreign", "ignored", "malformed"];

/// Upper bounds of the buckets of [`Durations`], in microseconds: 1 ms, doubled up to 9 minutes.
pub const BOUNDS: [u64; 20] = {
    let mut bounds = [0; 20];
    let mut index = 0;
    while index < bounds.len() {
        bounds[index] = 1_000 << index;
        index += 1;
    }
    bounds
};

/// How long something took, again and again.
#[derive(Debug, Default)]
pub struct Durations {
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

impl Durations {
    pub(super) fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get(BOUNDS.partition_point(|bound| *bound < micros)) {
            count.fetch_add(1, Relaxed);
        }
        self.sum_micros.fetch_add(micros, Relaxed);
    }

    /// How many fell into each bucket, one more for what took longer than all bounds; and the sum in microseconds.
    #[must_use]
    pub fn read(&self) -> ([u64; BOUNDS.len() + 1], u64) {
        (array::from_fn(|at| self.counts.get(at).map_or(0, |count| count.load(Relaxed))), self.sum_micros.load(Relaxed))
    }
}

/// What the event source has done since it began.
#[derive(Debug, Default)]
pub struct EventStats {
    events: [[AtomicU64; VERDICTS.len()]; KINDS.len()],
    /// From the time that an event itself gives, by AWS's clock, until it was served.
    pub propagation: Durations,
    /// From the receipt of a message until it was served.
    pub serving: Durations,
    /// Withdrawals that waited for a look at the tasks that are to take over.
    pub held: AtomicU64,
    /// Those of them that waited in vain: the look took too long.
    pub held_in_vain: AtomicU64,
    /// Whether somebody else reads our queue.
    pub queue_shared: AtomicBool,
    /// The time between two looks at the health of tasks, in milliseconds; 0 before the first.
    pub health_interval: AtomicU64,
}

impl EventStats {
    /// Counts an event.
    pub fn count(&self, kind: Kind, verdict: Verdict) {
        if let Some(count) = self.events.get(kind as usize).and_then(|counts| counts.get(verdict as usize)) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Notes the time between two looks at the health of all tasks.
    pub fn note_health_interval(&self, interval: Duration) {
        self.health_interval.store(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Events so far, each with the labels of its kind and of what became of it.
    pub fn events(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let of_kind = |(kind, counts): (&'static str, &'_ [AtomicU64; VERDICTS.len()])| {
            let counts: [u64; VERDICTS.len()] = array::from_fn(|at| counts.get(at).map_or(0, |it| it.load(Relaxed)));
            VERDICTS.into_iter().zip(counts).map(move |(verdict, count)| (kind, verdict, count))
        };
        KINDS.into_iter().zip(&self.events).flat_map(of_kind)
    }
}
