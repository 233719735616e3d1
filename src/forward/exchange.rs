//! One question taken upstream: who is asked when, over what, and which datagram is believed. A state machine without
//! sockets or clock; whoever drives it sends what [`Exchange::poll_transmit`] says and reports what happens.
//!
//! Earlier tries are still listened to when a later one is under way, so a slow upstream is not asked in vain.

use std::time::{Duration, Instant};

use super::{Caps, Entry, Key, Refusal, query};
use crate::dns::HEADER_LEN;

/// Queries that one question can cost, all upstreams and TCP included.
pub const MAX_TRIES: usize = 8;

/// How long to wait for an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// After this long without a reply the next upstream is asked, or the same one again.
    pub try_timeout: Duration,
    /// After this long the question has failed.
    pub budget: Duration,
}

impl Default for Timing {
    /// 800 ms and 4 s: a stub resolver gives up after 5 s.
    fn default() -> Self {
        Self { try_timeout: Duration::from_millis(800), budget: Duration::from_secs(4) }
    }
}

/// What a query is sent over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A connection, after a truncated datagram.
    Tcp,
}

/// A query to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Which try it is; what comes back is reported under this number.
    pub attempt: usize,
    /// Which upstream it goes to, by its place in the list.
    pub upstream: usize,
    /// What it goes over.
    pub transport: Transport,
    /// The message.
    pub query: Vec<u8>,
}

/// Whether to keep listening to a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing more is expected from it.
    Settled,
    /// That was not its reply: keep listening.
    Ignored,
}

/// Why a question got no answer. A greater one tells more, and is told when upstreams failed in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// Nobody listens at the upstream's address, or there is no way to it.
    Unreachable,
    /// No reply in time.
    Timeout,
    /// The reply could not be used.
    Malformed,
    /// The upstream said SERVFAIL, REFUSED or another error.
    ServFail,
}

/// What happened in an exchange, for the counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Queries sent over UDP.
    pub udp: u32,
    /// Queries sent over TCP.
    pub tcp: u32,
    /// Tries that were given up waiting for.
    pub timeouts: u32,
    /// Tries that could not be sent or were refused by the upstream's host.
    pub unreachable: u32,
    /// Replies with an error code.
    pub errors: u32,
    /// Replies to our question whose content was refused.
    pub malformed: u32,
    /// Datagrams that were no reply to our question.
    pub ignored: u32,
}

#[derive(Debug)]
struct Try {
    upstream: usize,
    id: u16,
    transport: Transport,
    open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Send { upstream: usize, transport: Transport },
    Wait { until: Instant },
    Done,
}

/// One exchange for one question.
#[derive(Debug)]
pub struct Exchange {
    key: Key,
    caps: Caps,
    timing: Timing,
    ids: [u16; MAX_TRIES],
    ends_at: Instant,
    tries: Vec<Try>,
    /// By upstream: why it is not asked again.
    failed: Vec<Option<Failure>>,
    state: State,
    outcome: Option<Result<Entry, Failure>>,
    tally: Tally,
}

impl Exchange {
    /// An exchange that begins at `now` with the first of `upstreams` servers. `ids` are the message ids to use, fresh
    /// from the random numbers of the operating system (RFC 5452).
    #[must_use]
    pub fn new(key: Key, upstreams: usize, timing: Timing, caps: Caps, ids: [u16; MAX_TRIES], now: Instant) -> Self {
        let mut exchange = Self {
            key,
            caps,
            timing,
            ids,
            ends_at: now + timing.budget,
            tries: Vec::new(),
            failed: vec![None; upstreams],
            state: State::Done,
            outcome: None,
            tally: Tally::default(),
        };
        exchange.move_on(upstreams.saturating_sub(1));
        exchange
    }

    /// The next query to send, if it is time for one. To be called after everything else until it says `None`.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        let State::Send { upstream, transport } = self.state else {
            return None;
        };
        self.state = State::Wait { until: (now + self.timing.try_timeout).min(self.ends_at) };
        let attempt = self.tries.len();
        let Some(&id) = self.ids.get(attempt) else {
            self.state = State::Wait { until: self.ends_at };
            return None;
        };
        self.tries.push(Try { upstream, id, transport, open: true });
        match transport {
            Transport::Udp => self.tally.udp += 1,
            Transport::Tcp => self.tally.tcp += 1,
        }
        Some(Transmit { attempt, upstream, transport, query: query::build(&self.key, id) })
    }

    /// Bytes have come for the try with this number.
    pub fn handle_reply(&mut self, now: Instant, attempt: usize, bytes: &[u8]) -> Heard {
        let Some(&Try { upstream, id, transport, open: true }) = self.tries.get(attempt) else {
            return Heard::Settled;
        };
        if self.state == State::Done {
            return Heard::Settled;
        }
        let ours = is_reply(&self.key, id, bytes);
        if ours && transport == Transport::Udp && bytes.get(2).is_some_and(|flags| flags & 0x02 != 0) {
            self.ask_over_tcp(upstream, attempt);
            return Heard::Settled;
        }
        let entry = if ours { Entry::accept(&self.key, bytes, self.caps, now) } else { Err(Refusal::Unreadable) };
        match entry {
            Ok(entry) => self.finish(Ok(entry)),
            // Forged or damaged: the true reply may still come (TuDoor). A connection has nothing else to give.
            Err(Refusal::Unreadable) if transport == Transport::Udp => {
                self.tally.ignored += 1;
                return Heard::Ignored;
            }
            Err(Refusal::Rcode(_)) => {
                self.tally.errors += 1;
                self.fail(upstream, Failure::ServFail);
            }
            Err(Refusal::Unreadable | Refusal::Unrelated | Refusal::Referral) => {
                self.tally.malformed += 1;
                self.fail(upstream, Failure::Malformed);
            }
        }
        Heard::Settled
    }

    /// The try with this number could not be sent, or its socket or connection broke.
    pub fn handle_unreachable(&mut self, attempt: usize) {
        if let Some(&Try { upstream, open: true, .. }) = self.tries.get(attempt) {
            self.tally.unreachable += 1;
            self.fail(upstream, Failure::Unreachable);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let State::Wait { until } = self.state else {
            return;
        };
        if now >= self.ends_at {
            self.tally.timeouts += 1;
            self.finish(Err(self.worst().max(Failure::Timeout)));
        } else if now >= until {
            self.tally.timeouts += 1;
            self.move_on(self.tries.last().map_or(0, |last| last.upstream));
        }
    }

    /// When [`Self::handle_timeout`] is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Wait { until } => Some(until),
            State::Send { .. } | State::Done => None,
        }
    }

    /// The answer, or why there is none; once.
    pub fn poll_outcome(&mut self) -> Option<Result<Entry, Failure>> {
        self.outcome.take()
    }

    /// What has happened so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// A truncated reply: the same upstream is asked again over TCP, unless it is being asked so already.
    fn ask_over_tcp(&mut self, upstream: usize, attempt: usize) {
        if let Some(settled) = self.tries.get_mut(attempt) {
            settled.open = false;
        }
        let asked = |other: &Try| other.upstream == upstream && other.transport == Transport::Tcp && other.open;
        if !self.tries.iter().any(asked) {
            self.state = State::Send { upstream, transport: Transport::Tcp };
        }
    }

    /// Nothing more is expected of `upstream`.
    fn fail(&mut self, upstream: usize, failure: Failure) {
        if self.state == State::Done {
            return;
        }
        if let Some(failed) = self.failed.get_mut(upstream) {
            *failed = Some(failed.map_or(failure, |before| before.max(failure)));
        }
        for attempt in self.tries.iter_mut().filter(|attempt| attempt.upstream == upstream) {
            attempt.open = false;
        }
        let latest = self.tries.last().map(|last| last.upstream);
        let current = match self.state {
            State::Send { upstream, .. } => Some(upstream),
            State::Wait { .. } | State::Done => latest,
        };
        if current == Some(upstream) || !self.tries.iter().any(|attempt| attempt.open) {
            self.move_on(upstream);
        }
    }

    /// Turns to the next upstream after `last` that has not failed, which may be `last` itself.
    fn move_on(&mut self, last: usize) {
        let count = self.failed.len();
        let next = (1..=count).map(|step| (last + step) % count).find(|next| self.failed.get(*next) == Some(&None));
        match next {
            Some(upstream) => self.state = State::Send { upstream, transport: Transport::Udp },
            None => self.finish(Err(self.worst())),
        }
    }

    fn worst(&self) -> Failure {
        self.failed.iter().flatten().copied().max().unwrap_or(Failure::Unreachable)
    }

    fn finish(&mut self, outcome: Result<Entry, Failure>) {
        self.state = State::Done;
        self.outcome = Some(outcome);
    }
}

/// Whether `bytes` are a response to our query: id, QR, opcode, and our question with its type and class, in whatever
/// case.
fn is_reply(key: &Key, id: u16, bytes: &[u8]) -> bool {
    let question = query::question(key);
    let (Some(header), Some(echoed)) =
        (bytes.first_chunk::<HEADER_LEN>(), bytes.get(HEADER_LEN..HEADER_LEN + question.len()))
    else {
        return false;
    };
    let (Some((name, rest)), Some((asked, kind))) = (echoed.split_last_chunk::<4>(), question.split_last_chunk::<4>())
    else {
        return false;
    };
    header[..2] == id.to_be_bytes()
        && header[2] & 0xf8 == 0x80
        && header[4..6] == [0, 1]
        && name.eq_ignore_ascii_case(asked)
        && rest == kind
}

#[cfg(test)]
mod tests;
