//! The wall clock of the sources. The only place that reads it, but for that of the SDK's clients in `aws`.

use std::time::Duration;

use tokio::time::Instant;

use crate::ecs::Timestamp;

/// A wall clock that never goes back: read once, then advanced by the monotonic clock.
///
/// Observations are ordered by their times, so a step of the host's clock must not reorder them. The price is that a
/// correction of the host's clock is only seen after a restart.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    anchor: Timestamp,
    since: Instant,
}

impl Clock {
    /// A clock that shows the host's time.
    #[must_use]
    pub fn start() -> Self {
        Self::at(Timestamp::now())
    }

    /// A clock that shows `anchor` at this moment.
    #[must_use]
    pub fn at(anchor: Timestamp) -> Self {
        Self { anchor, since: Instant::now() }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        // It fails only past the year 9999.
        self.anchor.checked_add(self.uptime()).unwrap_or(Timestamp::MAX)
    }

    /// How long this clock has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.since.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn advances_with_the_monotonic_clock() {
        let clock = Clock::at(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!(clock.now(), Timestamp::from_millisecond(1_500).unwrap());
        assert_eq!(clock.uptime(), Duration::from_millis(1_500));
    }

    #[tokio::test(start_paused = true)]
    async fn stays_at_the_end_of_time() {
        let clock = Clock::at(Timestamp::MAX);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
