//! The clock of the SDK's clients.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use aws_smithy_async::time::{SystemTimeSource, TimeSource};
use tokio::time::Instant;

/// The host's clock, but that it never goes back: when it is put back, this one goes on from where it was.
///
/// After a throttled call the SDK paces its calls by the time that has passed since the one before. For a clock that is
/// put back by an hour that is an hour less than nothing, and no call would be made until it is made up for. What is
/// signed with this clock is right all the same: each client learns from the replies how far its clock is from AWS's.
#[derive(Debug)]
pub(super) struct Forward<S = SystemTimeSource> {
    host: S,
    /// The latest time that was told, and when that was.
    latest: Mutex<(SystemTime, Instant)>,
}

impl Forward {
    /// Follows the host's clock.
    pub(super) fn start() -> Self {
        Self::of(SystemTimeSource::new())
    }
}

impl<S: TimeSource> Forward<S> {
    fn of(host: S) -> Self {
        let latest = Mutex::new((host.now(), Instant::now()));
        Self { host, latest }
    }
}

impl<S: TimeSource> TimeSource for Forward<S> {
    fn now(&self) -> SystemTime {
        // Both values are whole at all times, so a panic elsewhere spoils nothing.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (time, at) = *latest;
        let now = time.checked_add(at.elapsed()).unwrap_or(time).max(self.host.now());
        *latest = (now, Instant::now());
        now
    }
}

#[cfg(test)]
mod tests;
