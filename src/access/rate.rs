//! How many replies a second each foreign client gets over UDP.
//!
//! Clients share a table of fixed size: each has two places by its address and a key of this process, and is over its
//! rate when both are. So a flood from any number of forged addresses needs no memory, and can take away from others
//! no more than replies over UDP.

use std::fmt;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use foldhash::fast::RandomState;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use super::Client;

/// Places in the table; a power of two.
const PLACES: usize = 1 << 14;

/// What becomes of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rated {
    /// It is answered.
    Within,
    /// It is over the rate, and told so.
    Slip,
    /// It is over the rate.
    Over,
}

/// The rate of each client.
pub(super) struct Rate {
    limiter: RateLimiter<u64, Places, TokioClock, NoOpMiddleware<Instant>>,
    keys: RandomState,
    slip: u32,
    over: AtomicU32,
}

impl Rate {
    /// So many replies a second, and as many at once; of those over it every `slip`-th is told so, none if it is 0.
    pub(super) fn new(rate: NonZeroU32, slip: u32) -> Self {
        let limiter = RateLimiter::new(Quota::per_second(rate), Places::default(), TokioClock);
        Self { limiter, keys: RandomState::default(), slip, over: AtomicU32::new(0) }
    }

    /// Counts a query of `client`.
    pub(super) fn ask(&self, client: IpAddr) -> Rated {
        if self.limiter.check_key(&self.keys.hash_one(Client::from(client))).is_ok() {
            return Rated::Within;
        }
        let over = self.over.fetch_add(1, Ordering::Relaxed);
        if over.checked_rem(self.slip) == Some(0) { Rated::Slip } else { Rated::Over }
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rate").field("slip", &self.slip).field("over", &self.over).finish_non_exhaustive()
    }
}

/// The table.
struct Places(Box<[InMemoryState]>);

impl Default for Places {
    fn default() -> Self {
        Self(std::iter::repeat_with(InMemoryState::default).take(PLACES).collect())
    }
}

impl StateStore for Places {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let measure = |hash: u64| {
            let place = self.0.get(hash as usize % PLACES)?;
            Some(place.measure_and_replace(&NotKeyed::NonKey, &f))
        };
        match (measure(*key), measure(*key >> 32)) {
            (Some(first), Some(second)) => first.or(second),
            // There is no such place, but who would stop for it: as if the client had never asked.
            (first, second) => first.or(second).unwrap_or_else(|| f(None).map(|(outcome, _)| outcome)),
        }
    }
}

/// The clock of tokio, which tests can hold.
#[derive(Debug, Clone)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn rate(rate: u32, slip: u32) -> Rate {
        Rate::new(NonZeroU32::new(rate).unwrap(), slip)
    }

    #[tokio::test(start_paused = true)]
    async fn each_client_has_its_rate_and_every_second_of_the_rest_is_told() {
        let limits = rate(10, 2);
        let client = IpAddr::from([192, 0, 2, 1]);
        for second in 0..3 {
            let asked: Vec<_> = (0..30).map(|_| limits.ask(client)).collect();
            let count = |what| asked.iter().filter(|rated| **rated == what).count();
            assert_eq!((count(Rated::Within), count(Rated::Slip), count(Rated::Over)), (10, 10, 10), "{second}");
            assert_eq!(limits.ask([192, 0, 2, 2 + second].into()), Rated::Within);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_client() {
        let limits = rate(1, 0);
        assert_eq!(limits.ask("2001:db8::1".parse().unwrap()), Rated::Within);
        assert_eq!(limits.ask("2001:db8:0:ff::2".parse().unwrap()), Rated::Over);
        assert_eq!(limits.ask("2001:db8:0:100::1".parse().unwrap()), Rated::Within);
        assert_eq!(limits.ask("0.0.0.1".parse().unwrap()), Rated::Within);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_many_addresses_leaves_most_others_alone() {
        let limits = rate(10, 2);
        for host in 0..500u16 {
            let [high, low] = host.to_be_bytes();
            for _ in 0..20 {
                limits.ask([198, 18, high, low].into());
            }
        }
        let others = (0..200u8).filter(|host| limits.ask([192, 0, 2, *host].into()) == Rated::Within).count();
        assert!(others > 180, "{others}");
    }
}
