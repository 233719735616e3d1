//! The counters of the query path: one set per worker, written by that worker alone.
//!
//! A zone hit must not touch memory that another core writes. So each worker has its own, padded set, adds with a
//! plain load and store, and whoever scrapes sums them up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lock;
use crate::access::cookies::Worth;
use crate::dns::RecordType;

/// Over which transport a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proto {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Our zone: ECS, the zone's own records, and names that nobody has.
    Zone,
    /// The records of the configuration, and what they point to.
    Records,
    /// The Route 53 zone, in our copy or through an upstream.
    Route53,
    /// The cache of forwarded answers, alone or behind an alias of ours.
    Cache,
    /// An upstream that was asked for it.
    Upstream,
    /// The handler of what is not a plain IN question.
    Handler,
    /// Nobody: the query was malformed, or nobody could answer.
    Error,
}

/// Why a message got no reply, or not the one it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// Too short, or itself a response.
    NoQuery,
    /// Too many questions under way: answered from the cache, even if stale, or SERVFAIL.
    Busy,
    /// The reply could not be sent.
    Unsendable,
    /// A TCP connection over a limit was closed.
    Connection,
    /// A TCP connection was closed for its framing.
    Framing,
    /// A fault of our own: the packet is dropped, the connection closed, or the answer of a task SERVFAIL.
    Fault,
    /// A TCP connection was closed because a question, or the reading of answers, took too long.
    Slow,
    /// Too many questions of one client under way: as [`Busy`](Self::Busy).
    Share,
    /// A TCP connection could not be accepted for lack of file descriptors or memory.
    Descriptors,
    /// A datagram could not be received.
    Unreceivable,
    /// From a client that may not ask.
    Denied,
    /// From a client that asks too often.
    Rate,
}

/// What a client was told in place of an answer, or of a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnedAway {
    /// That it may not ask.
    Refused,
    /// That it asks too often: to come over TCP.
    Truncated,
    /// The same: to come with a cookie.
    BadCookie,
}

/// Labels, in the order of the variants.
pub(super) const PROTOS: [&str; 2] = ["udp", "tcp"];
pub(super) const SOURCES: [&str; 7] = ["zone", "records", "route53", "cache", "upstream", "handler", "error"];
pub(super) const REASONS: [&str; 12] = [
    "no_query",
    "busy",
    "unsendable",
    "connection",
    "framing",
    "fault",
    "slow",
    "share",
    "descriptors",
    "unreceivable",
    "denied",
    "rate",
];
pub(super) const TURNED_AWAY: [&str; 3] = ["refused", "truncated", "bad_cookie"];
pub(super) const COOKIES: [&str; 3] = ["new", "valid", "bad"];
pub(super) const TYPES: [&str; 12] =
    ["A", "AAAA", "CNAME", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "TXT", "other"];
pub(super) const RCODES: [(u16, &str); 7] =
    [(0, "NOERROR"), (1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (4, "NOTIMP"), (5, "REFUSED"), (16, "BADVERS")];
/// Upper bounds of the duration buckets in microseconds: from a zone hit to a client's time-out.
pub(super) const BUCKETS: [u64; 12] =
    [16, 64, 256, 1_000, 2_000, 4_000, 16_000, 64_000, 256_000, 1_000_000, 2_000_000, 5_000_000];

/// A number that only grows.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

/// The counters of one worker, or of all async tasks together.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Counters {
    /// Whether several threads write.
    contended: bool,
    requests: [[Counter; TYPES.len()]; PROTOS.len()],
    /// The last one counts all other codes.
    responses: [Counter; RCODES.len() + 1],
    answers: [Counter; SOURCES.len()],
    dropped: [Counter; REASONS.len()],
    turned_away: [Counter; TURNED_AWAY.len()],
    cookies: [Counter; COOKIES.len()],
    truncated: Counter,
    /// The last one counts what took longer than every bucket.
    durations: [Counter; BUCKETS.len() + 1],
    duration_nanos: Counter,
}

impl Counters {
    /// A set that exactly one thread writes.
    pub(super) fn of_one_worker() -> Self {
        Self::default()
    }

    /// A set that any thread may write.
    pub(super) fn of_many() -> Self {
        Self { contended: true, ..Self::default() }
    }

    /// Counts a plain question.
    pub fn asked(&self, proto: Proto, qtype: RecordType) {
        self.add(self.requests.get(proto as usize).and_then(|types| types.get(type_index(qtype))), 1);
    }

    /// Counts a reply: where it is from, its (extended) response code, and whether TC is set.
    pub fn answered(&self, source: Source, rcode: u16, truncated: bool) {
        self.add(self.answers.get(source as usize), 1);
        let code = RCODES.iter().position(|(code, _)| *code == rcode).unwrap_or(RCODES.len());
        self.add(self.responses.get(code), 1);
        if truncated {
            self.add(Some(&self.truncated), 1);
        }
    }

    /// Counts how long this many replies took, each of them as long.
    pub fn took(&self, replies: u64, each: Duration) {
        if replies == 0 {
            return;
        }
        let nanos = u64::try_from(each.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.partition_point(|bound| bound.saturating_mul(1000) < nanos);
        self.add(self.durations.get(bucket), replies);
        self.add(Some(&self.duration_nanos), nanos.saturating_mul(replies));
    }

    /// Counts a message that got no reply, or none but SERVFAIL for lack of room.
    pub fn dropped(&self, reason: Dropped) {
        self.add(self.dropped.get(reason as usize), 1);
    }

    /// Counts a client that was turned away.
    pub fn turned_away(&self, how: TurnedAway) {
        self.add(self.turned_away.get(how as usize), 1);
    }

    /// Counts the cookies of a query.
    pub fn cookies(&self, worth: Worth) {
        self.add(self.cookies.get(worth as usize), 1);
    }

    /// A number that moves whenever a message has been dealt with.
    #[must_use]
    pub fn dealt_with(&self) -> u64 {
        let asked = self.requests.iter().flatten();
        let counters = asked.chain(&self.answers).chain(&self.dropped);
        counters.fold(0, |sum, Counter(value)| sum.wrapping_add(value.load(Ordering::Relaxed)))
    }

    fn add(&self, counter: Option<&Counter>, amount: u64) {
        let Some(Counter(value)) = counter else { return };
        if self.contended {
            value.fetch_add(amount, Ordering::Relaxed);
        } else {
            value.store(value.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
        }
    }
}

fn type_index(qtype: RecordType) -> usize {
    match qtype {
        RecordType::A => 0,
        RecordType::AAAA => 1,
        RecordType::CNAME => 2,
        RecordType::HTTPS => 3,
        RecordType::MX => 4,
        RecordType::NAPTR => 5,
        RecordType::NS => 6,
        RecordType::PTR => 7,
        RecordType::SOA => 8,
        RecordType::SRV => 9,
        RecordType::TXT => 10,
        _ => 11,
    }
}

/// What all sets of counters say together.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) requests: [[u64; TYPES.len()]; PROTOS.len()],
    pub(super) responses: [u64; RCODES.len() + 1],
    pub(super) answers: [u64; SOURCES.len()],
    pub(super) dropped: [u64; REASONS.len()],
    pub(super) turned_away: [u64; TURNED_AWAY.len()],
    pub(super) cookies: [u64; COOKIES.len()],
    pub(super) truncated: u64,
    pub(super) durations: [u64; BUCKETS.len() + 1],
    pub(super) duration_nanos: u64,
}

impl Totals {
    /// Adds one set.
    pub(super) fn add(&mut self, set: &Counters) {
        for (totals, counters) in self.requests.iter_mut().zip(&set.requests) {
            sum(totals, counters);
        }
        sum(&mut self.responses, &set.responses);
        sum(&mut self.answers, &set.answers);
        sum(&mut self.dropped, &set.dropped);
        sum(&mut self.turned_away, &set.turned_away);
        sum(&mut self.cookies, &set.cookies);
        sum(std::slice::from_mut(&mut self.truncated), std::slice::from_ref(&set.truncated));
        sum(&mut self.durations, &set.durations);
        sum(std::slice::from_mut(&mut self.duration_nanos), std::slice::from_ref(&set.duration_nanos));
    }
}

fn sum(totals: &mut [u64], counters: &[Counter]) {
    for (total, Counter(value)) in totals.iter_mut().zip(counters) {
        *total = total.wrapping_add(value.load(Ordering::Relaxed));
    }
}

/// The sets of all workers.
#[derive(Debug, Default)]
pub(super) struct Sets(Mutex<Vec<Arc<Counters>>>);

impl Sets {
    pub(super) fn register(&self, set: Counters) -> Arc<Counters> {
        let set = Arc::new(set);
        lock(&self.0).push(Arc::clone(&set));
        set
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for set in lock(&self.0).iter() {
            totals.add(set);
        }
        totals
    }
}
