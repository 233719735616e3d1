//! Preemption points: places between the parts of a change at which whoever waits for this core may have it.
//!
//! The scheduler counts in milliseconds. A worker that a query wakes while a change is being made, on the same core, waits
//! until it is made, and that of thousands of changes in a row: a worker has its turn between two parts instead, which take
//! some tens of microseconds each. Where nobody waits, it costs less than one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What no burst of queries takes: who has had the core for longer computes, and would have it for a whole time slice at
/// every point.
const LONG: Duration = Duration::from_millis(1);
/// How long such a one is given nothing, so that at most a twentieth of our time goes by so.
const REST: Duration = Duration::from_millis(60);

/// Lets others have the core, but not those who do not give it back. Several threads may use one.
#[derive(Debug)]
pub(super) struct Preemption {
    begun: Instant,
    /// Until when nobody is given way, in nanoseconds since `begun`.
    until: AtomicU64,
}

impl Preemption {
    /// Ready to give way.
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), until: AtomicU64::new(0) }
    }

    /// A place at which others may have the core.
    pub(super) fn point(&self) {
        self.give_way(|| self.begun.elapsed(), std::thread::yield_now);
    }

    /// `now` is the time since `begun`, `give` the way to let others go first.
    fn give_way(&self, now: impl Fn() -> Duration, give: impl FnOnce()) {
        let before = now();
        if before < Duration::from_nanos(self.until.load(Ordering::Relaxed)) {
            return;
        }
        give();
        let after = now();
        if after.saturating_sub(before) > LONG {
            let until = (after + REST).as_nanos();
            self.until.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Time, what it takes until the core is ours again, and how often it was given away.
    struct World {
        now: Cell<Duration>,
        away: Cell<Duration>,
        given: Cell<u32>,
    }

    impl World {
        /// What becomes of a point at this time: whether somebody was given way.
        fn point(&self, preemption: &Preemption) -> bool {
            let before = self.given.get();
            let give = || {
                self.given.set(before + 1);
                self.now.set(self.now.get() + self.away.get());
            };
            preemption.give_way(|| self.now.get(), give);
            self.given.get() > before
        }
    }

    #[tokio::test]
    async fn who_keeps_the_core_gets_it_again_after_a_rest_only() {
        let (preemption, zero) = (Preemption::new(), Duration::ZERO);
        let world = World { now: Cell::new(zero), away: Cell::new(zero), given: Cell::new(0) };
        for _ in 0..100 {
            assert!(world.point(&preemption), "nobody waits");
        }
        world.away.set(LONG);
        assert!(world.point(&preemption) && world.point(&preemption), "a burst of queries");
        world.away.set(4 * LONG);
        assert!(world.point(&preemption), "one that computes is not known yet");
        let known = world.now.get();
        while world.now.get() < known + REST {
            assert!(!world.point(&preemption), "a rest");
            world.now.set(world.now.get() + REST / 8);
        }
        world.away.set(zero);
        assert!(world.point(&preemption), "it is tried again");
        assert!(world.point(&preemption), "and is well");
    }
}
