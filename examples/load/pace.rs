//! When queries are sent.

use std::time::{Duration, Instant};

use super::tally::now;

/// The shortest sleep.
const NAP: Duration = Duration::from_micros(50);

/// When queries are due, and whether to sleep meanwhile.
#[derive(Debug)]
pub struct Pace {
    next: Instant,
    /// From one to the next; nothing, if the window alone decides.
    apart: Duration,
    rests: bool,
}

impl Pace {
    /// `rate` queries a second from now on, or as many as the window allows.
    pub fn of(rate: Option<f64>, rests: bool) -> Self {
        let apart = rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate));
        Self { next: now(), apart, rests }
    }

    /// Whether there is a rate.
    pub fn is_steady(&self) -> bool {
        !self.apart.is_zero()
    }

    /// How many are due at `now`.
    pub fn due(&self, now: Instant) -> usize {
        if !self.is_steady() {
            return usize::MAX;
        }
        let late = now.saturating_duration_since(self.next).as_nanos() / self.apart.as_nanos();
        usize::from(now >= self.next) * (1 + usize::try_from(late).unwrap_or(usize::MAX - 1))
    }

    /// When query `number` of those that are due at `now` was due.
    pub fn at(&self, number: u32, now: Instant) -> Instant {
        if self.is_steady() { self.next + self.apart * number } else { now }
    }

    /// Notes that so many were sent.
    pub fn sent(&mut self, count: usize) {
        self.next += self.apart * u32::try_from(count).unwrap_or(u32::MAX);
    }

    /// Leaves the core to others for a moment, if that is wanted.
    pub fn rest(&self) {
        if self.rests {
            std::thread::sleep(NAP);
        }
    }
}
