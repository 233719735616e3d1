//! One question taken upstream: who is asked when, over what, and which datagram is believed. A state machine without
//! sockets or clock; whoever drives it sends what [`Exchange::poll_transmit`] says and reports what happens.
//!
//! Earlier tries are still listened to when a later one is under way, so a slow upstream is not asked in vain.

mod reply;
mod tally;

use std::sync::Arc;
use std::time::Instant;

use self::reply::Judgement;
pub use self::reply::MAX_DATAGRAM;
pub use self::tally::{Failure, Tally};
use super::health::Observation;
use super::plan::{Candidate, Edns, Plan};
use super::{Entry, Key, Random, Reject, query};
use crate::dns::Ede;

/// EDNS tries without a reply after which an upstream that has never answered any is asked without.
const EDNS_TRIES: usize = 2;

/// What a query is sent over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A connection, after a truncated datagram.
    Tcp,
    /// An encrypted connection (DNS over TLS, RFC 7858).
    Tls,
}

/// A query to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Which try it is; what comes back is reported under this number.
    pub attempt: usize,
    /// Which upstream it goes to, by its place in the list of all.
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

#[derive(Debug)]
struct Try {
    /// Which candidate, by its place in the plan.
    candidate: usize,
    id: u16,
    transport: Transport,
    edns: bool,
    /// The question as it was sent.
    question: Vec<u8>,
    /// Whether its case must come back.
    mixed: bool,
    sent_at: Instant,
    /// When it counts as lost; it is listened to all the same.
    lost_at: Option<Instant>,
    open: bool,
    /// It was answered with a refusal of EDNS.
    refused_edns: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Next {
    candidate: usize,
    transport: Transport,
    edns: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Send(Next),
    Wait { until: Instant },
    Done,
}

/// One exchange for one question.
#[derive(Debug)]
pub struct Exchange {
    key: Key,
    plan: Plan,
    random: Random,
    ends_at: Instant,
    tries: Vec<Try>,
    /// By candidate: why it is not asked again.
    failed: Vec<Option<Failure>>,
    state: State,
    outcome: Option<Result<Entry, Failure>>,
    observed: Vec<(usize, Observation)>,
    ede: Option<Arc<Ede>>,
    tally: Tally,
}

impl Exchange {
    /// An exchange that begins at `now` with the first candidate of the plan.
    #[must_use]
    pub fn new(key: Key, plan: Plan, random: Random, now: Instant) -> Self {
        let count = plan.candidates.len();
        let mut exchange = Self {
            key,
            random,
            ends_at: now + plan.budget,
            plan,
            tries: Vec::new(),
            failed: vec![None; count],
            state: State::Done,
            outcome: None,
            observed: Vec::new(),
            ede: None,
            tally: Tally::default(),
        };
        exchange.move_on(count.saturating_sub(1));
        exchange
    }

    /// What the next query would be sent over, if it is time for one: whoever counts queries asks this first.
    #[must_use]
    pub fn wants_to_send(&self) -> Option<Transport> {
        match self.state {
            State::Send(next) => Some(next.transport),
            State::Wait { .. } | State::Done => None,
        }
    }

    /// The next query to send, if it is time for one. To be called after everything else until it says `None`.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        let State::Send(next) = self.state else { return None };
        if now >= self.ends_at {
            return None;
        }
        let attempt = self.tries.len();
        let (Some(&id), Some(&candidate)) = (self.random.ids.get(attempt), self.plan.candidates.get(next.candidate))
        else {
            self.state = State::Wait { until: self.ends_at };
            return None;
        };
        let mixed = self.plan.mix_case && next.transport == Transport::Udp;
        let question =
            if mixed { query::mixed_question(&self.key, &self.random, attempt) } else { query::question(&self.key) };
        let query = query::build(&self.key, &question, id, next.edns);
        let stream = next.transport != Transport::Udp;
        let before = self.tries.iter().filter(|before| before.candidate == next.candidate).count();
        let wait = candidate.wait(u32::try_from(before).unwrap_or(u32::MAX), stream);
        // The first that is late is not lost yet: another is asked as well.
        let others = self.failed.iter().enumerate().any(|(other, failed)| other != next.candidate && failed.is_none());
        let until = now + if before == 0 && others && !stream { candidate.hedge } else { wait };
        self.state = State::Wait { until: until.min(self.ends_at) };
        match next.transport {
            Transport::Udp => self.tally.udp += 1,
            Transport::Tcp => self.tally.tcp += 1,
            Transport::Tls => self.tally.tls += 1,
        }
        self.tally.hedged += u32::from(self.tries.iter().any(|earlier| earlier.open));
        self.tally.without_edns += u32::from(!next.edns && candidate.edns != Edns::Refused);
        self.tries.push(Try {
            candidate: next.candidate,
            id,
            transport: next.transport,
            edns: next.edns,
            question,
            mixed,
            sent_at: now,
            lost_at: Some(now + wait),
            open: true,
            refused_edns: false,
        });
        Some(Transmit { attempt, upstream: candidate.upstream, transport: next.transport, query })
    }

    /// Bytes have come for the try with this number.
    pub fn handle_reply(&mut self, now: Instant, attempt: usize, bytes: &[u8]) -> Heard {
        let Some(to) = self.tries.get(attempt).filter(|to| to.open && self.state != State::Done) else {
            return Heard::Settled;
        };
        let (candidate, transport, edns) = (to.candidate, to.transport, to.edns);
        let took = now.saturating_duration_since(to.sent_at);
        let judgement = reply::judge(&self.key, to, bytes, self.plan.caps, now);
        if let Judgement::Foreign(reject) = judgement {
            self.tally.rejects.count(reject);
            if transport == Transport::Udp {
                return Heard::Ignored;
            }
            // A connection has nothing else to give.
            self.fail(candidate, Failure::Malformed);
            return Heard::Settled;
        }
        self.observe(candidate, Observation::Answered { took });
        match judgement {
            Judgement::Foreign(_) => {}
            Judgement::Answer(entry) => {
                self.observe_edns(candidate, edns);
                self.finish(Ok(entry));
            }
            Judgement::Truncated => self.ask_again(attempt, Transport::Tcp, edns),
            Judgement::WrongCase => {
                self.tally.rejects.count(Reject::WrongCase);
                self.ask_again(attempt, Transport::Tcp, edns);
            }
            Judgement::RefusesEdns => {
                self.tries.iter_mut().skip(attempt).take(1).for_each(|one| one.refused_edns = true);
                self.ask_again(attempt, transport, false);
            }
            Judgement::Error(ede) => {
                self.tally.errors += 1;
                self.ede = ede.or(self.ede.take());
                self.fail(candidate, Failure::ServFail);
            }
            Judgement::Useless(reject) => {
                self.tally.rejects.count(reject);
                self.fail(candidate, Failure::Malformed);
            }
        }
        Heard::Settled
    }

    /// The try with this number could not be sent, or its socket or connection broke.
    pub fn handle_unreachable(&mut self, attempt: usize) {
        if let Some(&Try { candidate, open: true, .. }) = self.tries.get(attempt) {
            self.tally.unreachable += 1;
            self.observe(candidate, Observation::Unreachable);
            self.fail(candidate, Failure::Unreachable);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.count_lost(now);
        match self.state {
            State::Done => {}
            _ if now >= self.ends_at => {
                let late = if self.tries.is_empty() { Failure::NotSent } else { Failure::Timeout };
                self.finish(Err(self.worst().max(late)));
            }
            State::Wait { until } if now >= until => {
                self.move_on(self.tries.last().map_or(0, |last| last.candidate));
            }
            State::Wait { .. } | State::Send(_) => {}
        }
    }

    /// When [`Self::handle_timeout`] is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = match self.state {
            State::Wait { until } => until,
            State::Send(_) => self.ends_at,
            State::Done => return None,
        };
        let lost = self.tries.iter().filter(|one| one.open).filter_map(|one| one.lost_at);
        Some(lost.fold(next, Instant::min))
    }

    /// The answer, or why there is none; once.
    pub fn poll_outcome(&mut self) -> Option<Result<Entry, Failure>> {
        self.outcome.take()
    }

    /// What was seen of upstreams since this was asked last, by their place in the list of all.
    pub fn take_observed(&mut self) -> Vec<(usize, Observation)> {
        std::mem::take(&mut self.observed)
    }

    /// What an upstream that said an error said of the reason.
    #[must_use]
    pub fn ede(&self) -> Option<&Arc<Ede>> {
        self.ede.as_ref()
    }

    /// What has happened so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Tells of the tries that have been waited for long enough.
    fn count_lost(&mut self, now: Instant) {
        for index in 0..self.tries.len() {
            let Some(one) = self.tries.get_mut(index).filter(|one| one.open) else { continue };
            if one.lost_at.take_if(|lost_at| *lost_at <= now).is_some() {
                let candidate = one.candidate;
                self.tally.timeouts += 1;
                self.observe(candidate, Observation::Silent);
            }
        }
    }

    /// What an answer to a query with or without EDNS tells of the candidate.
    fn observe_edns(&mut self, candidate: usize, edns: bool) {
        let refused = self.tries.iter().any(|one| one.candidate == candidate && one.refused_edns);
        let known = self.plan.candidates.get(candidate).is_some_and(|plan| plan.edns == Edns::Refused);
        match (edns, refused) {
            (true, _) => self.observe(candidate, Observation::TakesEdns),
            (false, true) => self.observe(candidate, Observation::RefusesEdns),
            (false, false) if !known => self.observe(candidate, Observation::IgnoresEdns),
            (false, false) => {}
        }
    }

    fn observe(&mut self, candidate: usize, observation: Observation) {
        if let Some(candidate) = self.plan.candidates.get(candidate) {
            self.observed.push((candidate.upstream, observation));
        }
    }

    /// The same upstream is asked again in another way, unless it is being asked so already.
    fn ask_again(&mut self, attempt: usize, transport: Transport, edns: bool) {
        let Some(settled) = self.tries.get_mut(attempt) else { return };
        settled.open = false;
        let candidate = settled.candidate;
        let asked =
            |other: &Try| other.open && (other.candidate, other.transport, other.edns) == (candidate, transport, edns);
        if !self.tries.iter().any(asked) {
            self.send(Next { candidate, transport, edns });
        }
    }

    /// Sends next what `next` says, unless there have been too many tries: then the open ones are waited for.
    fn send(&mut self, next: Next) {
        let is_open = self.tries.iter().any(|one| one.open);
        self.state = match self.tries.len() < self.random.ids.len() {
            true => State::Send(next),
            false if is_open => State::Wait { until: self.ends_at },
            false => return self.finish(Err(self.worst().max(Failure::Timeout))),
        };
    }

    /// Nothing more is expected of a candidate.
    fn fail(&mut self, candidate: usize, failure: Failure) {
        if self.state == State::Done {
            return;
        }
        if let Some(failed) = self.failed.get_mut(candidate) {
            *failed = Some(failed.map_or(failure, |before| before.max(failure)));
        }
        for attempt in self.tries.iter_mut().filter(|attempt| attempt.candidate == candidate) {
            attempt.open = false;
        }
        let current = match self.state {
            State::Send(next) => Some(next.candidate),
            State::Wait { .. } | State::Done => self.tries.last().map(|last| last.candidate),
        };
        if current == Some(candidate) || !self.tries.iter().any(|attempt| attempt.open) {
            self.move_on(candidate);
        }
    }

    /// Turns to the next candidate after `last` that has not failed, which may be `last` itself.
    fn move_on(&mut self, last: usize) {
        let count = self.failed.len();
        let next = (1..=count).map(|step| (last + step) % count).find(|next| self.failed.get(*next) == Some(&None));
        match next.and_then(|next| Some((next, *self.plan.candidates.get(next)?))) {
            Some((next, candidate)) => {
                let transport = if candidate.encrypted { Transport::Tls } else { Transport::Udp };
                self.send(Next { candidate: next, transport, edns: self.tries_edns(next, candidate) });
            }
            None => self.finish(Err(self.worst())),
        }
    }

    /// Whether the next query to a candidate has EDNS. Some middleboxes drop what they do not know.
    fn tries_edns(&self, index: usize, candidate: Candidate) -> bool {
        let in_vain = || self.tries.iter().filter(|one| one.candidate == index && one.edns).count();
        match candidate.edns {
            Edns::Proven => true,
            Edns::Untried => in_vain() < EDNS_TRIES,
            Edns::Refused => false,
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

#[cfg(test)]
mod tests;
