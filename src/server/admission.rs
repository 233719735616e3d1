//! The table of open TCP connections: who goes when there are too many, and when one has taken too long.
//!
//! A newcomer is always let in. If its client, or all together, have their number already, the connection goes that has
//! gone longest without a whole question or an answer: of its own client, or of the one that has most. Those with
//! questions under way go last.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::limits::LiveLimits;
use crate::access::Client;

/// How long a question may take to arrive, and answers to be taken, from their first byte to their last.
const SLOW: Duration = Duration::from_secs(5);
/// Looks at the table in the shortest time that a connection may take.
const LOOKS: u32 = 8;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The next question.
    Idle,
    /// The rest of a question.
    Asking,
    /// The client, which is to read its answers.
    Unread,
    /// An upstream.
    Working,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Idle, Self::Asking, Self::Unread, Self::Working];
}

/// A stage and since when, in one word. Words are in the order in which connections go.
#[derive(Debug)]
struct Standing(AtomicU64);

/// Set in the word of a connection that goes last.
const LAST: u64 = 1 << 63;

impl Standing {
    fn new(stage: Stage, millis: u64) -> Self {
        Self(AtomicU64::new(Self::word(stage, millis)))
    }

    fn word(stage: Stage, millis: u64) -> u64 {
        let last = if stage == Stage::Working { LAST } else { 0 };
        last | (millis << 2 & !LAST) | stage as u64
    }

    fn set(&self, stage: Stage, millis: u64) {
        self.0.store(Self::word(stage, millis), Ordering::Relaxed);
    }

    fn rank(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn get(&self) -> (Stage, u64) {
        let word = self.rank();
        let stage = Stage::ALL.into_iter().find(|stage| *stage as u64 == word & 3).unwrap_or(Stage::Working);
        (stage, (word & !LAST) >> 2)
    }
}

/// What is known of an open connection.
#[derive(Debug)]
struct Guest {
    standing: Standing,
    /// Cancelled when it is to go.
    told: CancellationToken,
}

type Guests = HashMap<u64, Arc<Guest>, RandomState>;

#[derive(Debug, Default)]
struct Table {
    admitted: u64,
    total: usize,
    by_client: HashMap<Client, Guests, RandomState>,
}

/// The table.
#[derive(Debug)]
pub(super) struct Admission {
    limits: LiveLimits,
    /// Times are kept as milliseconds from here.
    begun: Instant,
    table: Mutex<Table>,
    arrived: Notify,
}

/// A connection's place in the table; dropping it makes room.
#[derive(Debug)]
pub(super) struct Seat {
    admission: Arc<Admission>,
    client: Client,
    number: u64,
    guest: Arc<Guest>,
    stage: Stage,
}

impl Admission {
    /// An empty table. `now` is earlier than all later ones.
    pub(super) fn new(limits: LiveLimits, now: Instant) -> Arc<Self> {
        Arc::new(Self { limits, begun: now, table: Mutex::default(), arrived: Notify::new() })
    }

    /// Takes in a connection, and says whether another had to go for it.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> (Seat, bool) {
        let client = Client::from(address);
        let guest =
            Arc::new(Guest { standing: Standing::new(Stage::Idle, self.millis(now)), told: CancellationToken::new() });
        let mut table = self.lock();
        let limits = self.limits.get();
        let of_client = table.by_client.get(&client).map_or(0, HashMap::len);
        let shed = if of_client >= limits.connections_of(client) {
            table.shed(client)
        } else {
            table.total >= limits.tcp_connections && table.shed_greediest()
        };
        table.admitted += 1;
        table.total += 1;
        let number = table.admitted;
        table.by_client.entry(client).or_default().insert(number, Arc::clone(&guest));
        drop(table);
        self.arrived.notify_one();
        (Seat { admission: Arc::clone(self), client, number, guest, stage: Stage::Idle }, shed)
    }

    /// Sends one connection away, for want of what it takes; `false` if there is none.
    pub(super) fn make_room(&self) -> bool {
        self.lock().shed_greediest()
    }

    /// Connections open now.
    pub(super) fn open(&self) -> usize {
        self.lock().total
    }

    /// Sends away those that have taken too long, for ever; tells `slow` how many of them were not just idle.
    pub(super) async fn watch(&self, slow: impl Fn(usize)) {
        loop {
            while self.open() == 0 {
                self.arrived.notified().await;
            }
            tokio::time::sleep(self.patience(Stage::Asking).unwrap_or(SLOW) / LOOKS).await;
            slow(self.expire(super::desk::now()));
        }
    }

    /// Sends away those that have taken too long at `now`; returns how many of them were not just idle.
    fn expire(&self, now: Instant) -> usize {
        let now = self.millis(now);
        let mut slow = 0;
        self.lock().dismiss(|guest| {
            let (stage, since) = guest.standing.get();
            let patience = self.patience(stage).and_then(|patience| u64::try_from(patience.as_millis()).ok());
            let over = patience.is_some_and(|patience| now.saturating_sub(since) >= patience);
            slow += usize::from(over && stage != Stage::Idle);
            over
        });
        slow
    }

    /// How long a connection may stay in `stage`. Upstreams have deadlines of their own.
    fn patience(&self, stage: Stage) -> Option<Duration> {
        match stage {
            Stage::Idle => Some(self.limits.get().tcp_idle),
            Stage::Asking | Stage::Unread => Some(self.limits.get().tcp_idle.min(SLOW)),
            Stage::Working => None,
        }
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn shed_greediest(&mut self) -> bool {
        let greediest = self.by_client.iter().max_by_key(|(_, guests)| guests.len()).map(|(client, _)| *client);
        greediest.is_some_and(|client| self.shed(client))
    }

    /// Sends away the connection of `client` that is first in the order of going; of those of one millisecond, the one
    /// that came first.
    fn shed(&mut self, client: Client) -> bool {
        let guests = self.by_client.get(&client);
        let first =
            guests.and_then(|guests| guests.iter().min_by_key(|(number, guest)| (guest.standing.rank(), **number)));
        let first = first.map(|(number, guest)| (*number, Arc::clone(guest)));
        if let Some((number, guest)) = &first {
            guest.told.cancel();
            self.remove(client, *number);
        }
        first.is_some()
    }

    /// Sends away all that `goes` says.
    fn dismiss(&mut self, mut goes: impl FnMut(&Guest) -> bool) {
        let total = &mut self.total;
        self.by_client.retain(|_, guests| {
            guests.retain(|_, guest| {
                let goes = goes(guest);
                if goes {
                    guest.told.cancel();
                    *total -= 1;
                }
                !goes
            });
            !guests.is_empty()
        });
    }

    fn remove(&mut self, client: Client, number: u64) {
        let Some(guests) = self.by_client.get_mut(&client) else { return };
        // It may have been sent away before.
        if guests.remove(&number).is_some() {
            self.total -= 1;
        }
        if guests.is_empty() {
            self.by_client.remove(&client);
        }
    }
}

impl Seat {
    /// Ends when the connection is to go at once.
    pub(super) fn told(&self) -> WaitForCancellationFutureOwned {
        self.guest.told.clone().cancelled_owned()
    }

    /// Notes what the connection waits for at `now`. Its time begins anew with another stage, and when `done`, a
    /// question or an answer, has come through meanwhile.
    pub(super) fn note(&mut self, stage: Stage, done: bool, now: Instant) {
        if stage != self.stage || done {
            self.stage = stage;
            self.guest.standing.set(stage, self.admission.millis(now));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.admission.lock().remove(self.client, self.number);
    }
}

#[cfg(test)]
mod tests;
