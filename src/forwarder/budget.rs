//! The rate of queries to upstreams, and who may use how much of it. The VPC resolver drops what is above its limit
//! without a word, so we stay below, and choose ourselves what has to wait.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;

use super::now;
use crate::forward::Transport;

/// Of the whole rate, one part in so many is for the questions of our own clients alone.
const OWN_PART: u32 = 16;
/// Names of our zone that ECS does not know may use one part in so many, of the rate and of the exchanges under way:
/// nobody else does without because of them.
pub(super) const FALLBACK_PART: u32 = 4;
/// Renewals of popular answers may use one part in so many.
const RENEWAL_PART: u32 = 4;
/// Packets that the limit counts for one question over a connection: its opening, its closing, and the question.
const STREAM_COST: u32 = 5;

/// Whom an exchange is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// A client that asks for somebody else's name.
    Client,
    /// A client that asks for a name of our zone that we do not know.
    Fallback,
    /// Ourselves: the AWS clients.
    Own,
    /// Nobody yet: a popular answer is renewed.
    Renewal,
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Instant>>;

/// The rate, as buckets of tokens. Whoever waits stands in line, one line a class.
#[derive(Debug)]
pub(super) struct Budget {
    clients: Line,
    fallback: Line,
    own: Line,
    renewal: Line,
}

#[derive(Debug)]
struct Line {
    bucket: Bucket,
    first: Mutex<()>,
    waiting: AtomicUsize,
}

impl Budget {
    /// A budget of `rate` queries a second.
    pub(super) fn new(rate: NonZeroU32) -> Self {
        let part = |divisor: u32| NonZeroU32::new(rate.get() / divisor).unwrap_or(NonZeroU32::MIN);
        let own = part(OWN_PART);
        let rest = NonZeroU32::new(rate.get().saturating_sub(own.get())).unwrap_or(NonZeroU32::MIN);
        Self {
            clients: Line::new(rest),
            fallback: Line::new(part(FALLBACK_PART)),
            own: Line::new(own),
            renewal: Line::new(part(RENEWAL_PART)),
        }
    }

    /// Waits until a query may be sent. Dropping the wait gives up the place in the line.
    pub(super) async fn take(&self, class: Class, transport: Transport) {
        match class {
            Class::Client => self.clients.take(transport).await,
            Class::Fallback => {
                self.fallback.take(transport).await;
                self.clients.take(transport).await;
            }
            Class::Own if self.own.try_take(transport) => {}
            Class::Own if self.clients.waiting.load(Relaxed) == 0 && self.clients.try_take(transport) => {}
            Class::Own => self.own.take(transport).await,
            Class::Renewal => {
                self.renewal.take(transport).await;
                self.clients.take(transport).await;
            }
        }
    }

    /// Whether others of this class are waiting already, so that one more would wait behind them.
    pub(super) fn is_exhausted(&self, class: Class) -> bool {
        let waits = |line: &Line| line.waiting.load(Relaxed) > 0;
        match class {
            Class::Client => waits(&self.clients),
            Class::Fallback => waits(&self.clients) || waits(&self.fallback),
            Class::Own => waits(&self.own),
            Class::Renewal => waits(&self.clients) || waits(&self.fallback) || waits(&self.renewal),
        }
    }
}

impl Line {
    /// So many tokens a second. Their store is a tenth of a second's: the limit is on each second, and whoever sends a
    /// whole second's packets at once sends them twice within one.
    fn new(rate: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(rate.get() / 10).unwrap_or(NonZeroU32::MIN);
        let burst = burst.max(NonZeroU32::MIN.saturating_add(STREAM_COST - 1));
        let bucket = RateLimiter::direct_with_clock(Quota::per_second(rate).allow_burst(burst), TokioClock);
        Self { bucket, first: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    fn try_take(&self, transport: Transport) -> bool {
        matches!(self.bucket.check_n(cost(transport)), Ok(Ok(())))
    }

    async fn take(&self, transport: Transport) {
        if self.waiting.load(Relaxed) == 0 && self.try_take(transport) {
            return;
        }
        let _place = Place::of(&self.waiting);
        let _first = self.first.lock().await;
        // More than the bucket ever holds cannot be had; the burst is never less than what a query costs.
        while let Ok(Err(not_yet)) = self.bucket.check_n(cost(transport)) {
            tokio::time::sleep(not_yet.wait_time_from(now())).await;
        }
    }
}

fn cost(transport: Transport) -> NonZeroU32 {
    match transport {
        Transport::Udp => NonZeroU32::MIN,
        Transport::Tcp | Transport::Tls => NonZeroU32::MIN.saturating_add(STREAM_COST - 1),
    }
}

/// One who waits, counted until dropped.
struct Place<'w>(&'w AtomicUsize);

impl<'w> Place<'w> {
    fn of(waiting: &'w AtomicUsize) -> Self {
        waiting.fetch_add(1, Relaxed);
        Self(waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The clock of tokio, which tests can hold.
#[derive(Debug, Clone)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        now()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    /// How many queries of a class are let through in ten seconds when twice as many as the rate want to be sent.
    async fn flood(budget: &Arc<Budget>, class: Class, transport: Transport) -> usize {
        let passed = Arc::new(AtomicUsize::new(0));
        for _ in 0..20_000 {
            let (budget, passed) = (Arc::clone(budget), Arc::clone(&passed));
            tokio::spawn(async move {
                budget.take(class, transport).await;
                passed.fetch_add(1, Relaxed);
            });
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        passed.load(Relaxed)
    }

    fn budget() -> Arc<Budget> {
        Arc::new(Budget::new(NonZeroU32::new(800).unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn no_class_is_let_through_faster_than_its_part() {
        for (class, rate) in [(Class::Client, 750), (Class::Fallback, 200), (Class::Renewal, 200), (Class::Own, 50)] {
            let passed = flood(&budget(), class, Transport::Udp).await;
            // And what was in store at first, for ourselves that of the clients as well.
            assert!((rate * 9..=rate * 11 + 75).contains(&passed), "{class:?}: {passed}");
        }
        let passed = flood(&budget(), Class::Client, Transport::Tcp).await;
        assert!((1400..=1600).contains(&passed), "a connection costs five: {passed}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_unknown_names_of_our_zone_leaves_the_rest_its_rate_and_us_ours() {
        let budget = budget();
        for class in [Class::Fallback, Class::Client] {
            for _ in 0..20_000 {
                let budget = Arc::clone(&budget);
                tokio::spawn(async move { budget.take(class, Transport::Udp).await });
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(budget.is_exhausted(class));
            if class == Class::Fallback {
                let begun = now();
                for _ in 0..500 {
                    budget.take(Class::Client, Transport::Udp).await;
                }
                assert!((now() - begun).as_millis() < 1100, "{:?}", now() - begun);
            }
        }
        let begun = now();
        budget.take(Class::Own, Transport::Udp).await;
        assert_eq!(now(), begun);
        assert!(!budget.is_exhausted(Class::Own));
    }

    #[tokio::test(start_paused = true)]
    async fn a_low_rate_still_lets_a_connection_through() {
        let budget = Budget::new(NonZeroU32::MIN);
        for class in [Class::Client, Class::Fallback, Class::Own, Class::Renewal] {
            budget.take(class, Transport::Tls).await;
        }
    }
}
