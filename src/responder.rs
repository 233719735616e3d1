//! The way of one query: bytes in, a verdict out.
//!
//! What can be answered at once is, without a log line or an allocation: whatever our zone says, the names that the
//! operator gives, what the cache has of upstreams, alone or behind aliases, and what those are told who may not ask. What
//! needs an upstream becomes a [`Pending`], which an async task [finishes](Responder::finish). No socket here: whoever has
//! the bytes sends the reply.
//!
//! There is one lock on this way, that of a part of the cache. It is held for a look, or while one answer is put in or taken
//! out.
//!
//! These take a longer way on purpose, and allocate:
//! * a question that has to wait for an upstream, or has just failed there: its bytes and a task. An exchange costs
//!   a thousand times as much. So does the renewal of a popular answer, once in its life.
//! * what is no plain question ([`Verdict::Unusual`]: ANY, other classes and opcodes, EDNS of another version, transfers):
//!   hickory's decoder, in a task. Nobody sends it in number but to do harm, and the places for tasks are bounded.
//! * the first use of an answer behind an alias, or of its CNAMEs in front of an answer of ours: its records are then made
//!   ready. And each use of one of a type that nobody asks for (see [`Entry`](crate::forward::Entry)), or a container could
//!   fill the memory with them.

mod ahead;
mod conclude;
mod decide;
mod pending;
mod turn_away;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::access::{Access, Admission};
use crate::dns::precheck::error_header;
use crate::dns::{Body, Cookie, Ede, Envelope, HEADER_LEN, Parsed, Precheck, Question, Rcode, ReplyCookie, precheck};
use crate::forward::{Key, KeyRef};
use crate::forwarder::{ForwardError, Forwarder, Resolved};
use crate::metrics::{Counters, Dropped, Proto, Source};
use crate::resolve::{self, Decision, Resolution};
use crate::snapshot::Shared;
use crate::zone::Zone;
use crate::zone::transfer::Transfer;

use conclude::{Asked, Heard};
pub use pending::Pending;

/// What became of a message.
#[derive(Debug)]
pub enum Verdict {
    /// The reply is written.
    Reply(Source),
    /// There is to be no reply, for this reason.
    Drop(Dropped),
    /// An upstream must be asked.
    Await(Pending),
    /// Not a plain question of class IN: for the handler of such.
    Unusual,
}

/// Circumstances of a query that are not in its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// Whether it came over TCP.
    pub tcp: bool,
    /// Who asks.
    pub client: IpAddr,
    /// Rotation of the answers; the caller counts it up.
    pub spin: u32,
    /// When it was received.
    pub now: Instant,
}

type Resolve = for<'z> fn(&'z Zone, &Question<'_>, u32) -> Decision<'z>;

/// Answers queries from the published snapshot and through the forwarder. Shared by all workers as an `Arc`.
#[derive(Debug)]
pub struct Responder {
    shared: Shared,
    forwarder: Arc<Forwarder>,
    access: Arc<Access>,
    resolve: Resolve,
    /// Whether the zone is transferred to this host.
    transfers: bool,
    not_ours: Body,
    busy: Body,
}

impl Responder {
    /// A responder for what `shared` holds at the time of each query, and for those whom `access` lets in.
    #[must_use]
    pub fn new(shared: Shared, forwarder: Arc<Forwarder>, access: Arc<Access>) -> Self {
        Self::with(shared, forwarder, access, resolve::resolve)
    }

    /// A responder that finds out by `resolve` who answers.
    pub(crate) fn with(shared: Shared, forwarder: Arc<Forwarder>, access: Arc<Access>, resolve: Resolve) -> Self {
        let error = |rcode, code, text| Body::empty(rcode, false, Some(Arc::new(Ede::new(code, text))));
        let not_ours = error(Rcode::Refused, Ede::NOT_AUTHORITATIVE, "not in our zones, and recursion is not desired");
        let busy =
            error(Rcode::ServFail, Ede::NETWORK_ERROR, "too many questions are under way, or we are being stopped");
        Self { shared, forwarder, access, resolve, transfers: false, not_ours, busy }
    }

    /// The same, which transfers the zone to clients on this host if `transfers`.
    #[must_use]
    pub fn with_transfers(self, transfers: bool) -> Self {
        Self { transfers, ..self }
    }

    /// Answers `message` into `out`, or says why not now. Counts the question in `counters`; whoever sends the reply
    /// counts that.
    pub fn respond(
        &self,
        message: &[u8],
        circumstances: Circumstances,
        counters: &Counters,
        out: &mut Vec<u8>,
    ) -> Verdict {
        let Circumstances { tcp, client, now, .. } = circumstances;
        let parsed = match precheck(message) {
            Precheck::Drop => return Verdict::Drop(Dropped::NoQuery),
            Precheck::FormErr(_) => Parsed::Malformed,
            Precheck::Pass => Question::parse(message),
        };
        let visit = self.access.visit(client, tcp, message.len(), now);
        let Parsed::Plain(ref question) = parsed else {
            return match visit.admit_other() {
                Admission::Answer(_) if matches!(parsed, Parsed::Unusual) => Verdict::Unusual,
                Admission::Answer(_) => {
                    write_error(message, Rcode::FormErr, out);
                    Verdict::Reply(Source::Error)
                }
                other => turn_away::unread(message, other, counters, out),
            };
        };
        counters.asked(if tcp { Proto::Tcp } else { Proto::Udp }, question.qtype);
        let (admission, cookies) = visit.admit(question);
        if let Some(worth) = cookies {
            counters.cookies(worth);
        }
        match admission {
            Admission::Answer(envelope) => self.answer(message, question, (circumstances, envelope), out),
            other => turn_away::question(question, other, counters, out),
        }
    }

    /// The cookies to send back to `client`, who has sent these; `None` if there are to be none.
    #[must_use]
    pub fn cookie(&self, cookie: Cookie<'_>, client: IpAddr, tcp: bool, now: Instant) -> Option<ReplyCookie> {
        self.access.visit(client, tcp, 0, now).cookie(cookie)
    }

    /// Whether a TCP connection from `client` is to be closed without a word.
    #[must_use]
    pub fn shuts_out(&self, client: IpAddr) -> bool {
        self.access.shuts_out(client)
    }

    /// The zone for a client that asks for all of it, over TCP and from a loopback address; `None` if the message, which
    /// is [unusual](Verdict::Unusual), asks for something else, or is not to have it.
    #[must_use]
    pub fn transfer(&self, message: &[u8], client: IpAddr) -> Option<Transfer> {
        let (name, question) = Question::transfer(message)?;
        let id = message.first_chunk::<2>()?;
        if !self.transfers || !client.to_canonical().is_loopback() {
            return None;
        }
        let zone = self.shared.load().zone.clone();
        (name == zone.settings.origin).then(|| Transfer::new(zone, *id, question))
    }

    /// Asks the upstream, more than once if need be, and writes the reply into `out`. Takes no longer than one exchange
    /// does: who has asked does not wait for two.
    pub async fn finish(&self, pending: &Pending, out: &mut Vec<u8>) -> Source {
        let first = self.forwarder.resolve(pending.key.clone(), pending.client).await;
        let Parsed::Plain(question) = Question::parse(&pending.message) else {
            return refuse(&pending.message, out);
        };
        let Pending { ref snapshot, envelope, spin, .. } = *pending;
        let names = self.forwarder.names().held();
        let mut decision = self.decide((&snapshot.zone, &names), &question, spin);
        // Which steps come before the one that waited is known only now; those are in the cache.
        let mut heard = vec![(pending.key.clone(), first)];
        loop {
            let key = conclude::key(&decision, &question).and_then(KeyRef::to_key);
            if let Some(key) = key.as_ref().filter(|key| !heard.iter().any(|(asked, _)| asked == *key)) {
                heard.push((key.clone(), self.resolve_in_time(key, pending).await));
            }
            let said = heard.iter().find(|(asked, _)| Some(asked) == key.as_ref());
            let now = tokio::time::Instant::now().into_std();
            let of = Asked { question: &question, snapshot, names: &names, envelope, spin, now, layer: decision.layer };
            let said = said.map_or(Heard::Nothing, |(_, resolved)| Heard::from(resolved));
            if let Some(source) = of.conclude(&mut decision, said, out) {
                return source;
            }
            decide::settle(&mut decision, (&snapshot.zone, &names), &question, spin);
        }
    }

    /// What the upstream says in the time that is left for `pending`, or else what it has said before.
    async fn resolve_in_time(&self, key: &Key, pending: &Pending) -> Resolved {
        let until = (pending.since() + self.forwarder.budget()).into();
        match tokio::time::timeout_at(until, self.forwarder.resolve(key.clone(), pending.client)).await {
            Ok(resolved) => resolved,
            Err(_) => self.forwarder.kept(key.borrow(), until.into_std()).ok_or(ForwardError::Timeout),
        }
    }

    /// Writes the reply to a query for which there is no room, or no time: what the cache has, even if it is stale, or SERVFAIL, so
    /// that the client asks again or elsewhere.
    pub fn refuse_for_room(&self, pending: &Pending, out: &mut Vec<u8>) -> Source {
        let Parsed::Plain(question) = Question::parse(&pending.message) else {
            return refuse(&pending.message, out);
        };
        let Pending { ref snapshot, envelope, spin, .. } = *pending;
        let names = self.forwarder.names();
        let both = (&snapshot.zone, &names);
        let mut decision = self.decide(both, &question, spin);
        let now = tokio::time::Instant::now().into_std();
        let asked = Asked { question: &question, snapshot, names: &names, envelope, spin, now, layer: decision.layer };
        loop {
            let kept = conclude::key(&decision, &question).map(|key| self.forwarder.kept(key, now));
            let heard = match &kept {
                None => Heard::Nothing,
                Some(Some(entry)) => Heard::Answer(entry),
                Some(None) => {
                    asked.write((&[], &self.busy), None, out);
                    return Source::Error;
                }
            };
            if let Some(source) = asked.conclude(&mut decision, heard, out) {
                return of_cache(source);
            }
            decide::settle(&mut decision, both, &question, spin);
        }
    }

    fn answer(
        &self,
        message: &[u8],
        question: &Question<'_>,
        (circumstances, envelope): (Circumstances, Envelope),
        out: &mut Vec<u8>,
    ) -> Verdict {
        let Circumstances { spin, now, .. } = circumstances;
        let snapshot = self.shared.load();
        let names = self.forwarder.names();
        let both = (&snapshot.zone, &names);
        let mut decision = self.decide(both, question, spin);
        let asked = Asked { question, snapshot: &snapshot, names: &names, envelope, spin, now, layer: decision.layer };
        loop {
            let key = conclude::key(&decision, question);
            let entry = key.and_then(|key| self.forwarder.cached(key, now));
            let heard = match (key, &entry) {
                (None, _) => Heard::Nothing,
                (Some(_), Some(entry)) => Heard::Answer(entry),
                (Some(key), None) => return self.wait(message, &asked, &decision, (key, circumstances), out),
            };
            if let Some(source) = asked.conclude(&mut decision, heard, out) {
                return Verdict::Reply(of_cache(source));
            }
            decide::settle(&mut decision, both, question, spin);
        }
    }

    /// Has the upstream asked, unless a client without recursion is to get what there is.
    fn wait(
        &self,
        message: &[u8],
        asked: &Asked<'_>,
        decision: &Decision<'_>,
        upstream: (KeyRef<'_>, Circumstances),
        out: &mut Vec<u8>,
    ) -> Verdict {
        if !asked.question.recursion_desired {
            if let Some(source) = asked.without_recursion(decision, out) {
                return Verdict::Reply(source);
            }
            // Others are none of our business then.
            if let Resolution::Forward = decision.end {
                asked.write((&[], &self.not_ours), None, out);
                return Verdict::Reply(Source::Error);
            }
        }
        let (key, circumstances) = upstream;
        // A question has no other names, nor has the zone.
        let Some(key) = key.to_key() else { return Verdict::Drop(Dropped::NoQuery) };
        Verdict::Await(Pending::new(message, asked, key, circumstances))
    }
}

/// Whose answer it is that was not waited for.
fn of_cache(source: Source) -> Source {
    if source == Source::Upstream { Source::Cache } else { source }
}

/// Writes the reply to a message that is no plain question and for which there is no room.
pub fn refuse(message: &[u8], out: &mut Vec<u8>) -> Source {
    write_error(message, Rcode::ServFail, out);
    Source::Error
}

/// Writes the reply to a query whose answer a fault of ours has cost: SERVFAIL. Looks at nothing but the query.
pub fn refuse_for_fault(pending: &Pending, out: &mut Vec<u8>) -> Source {
    match Question::parse(&pending.message) {
        Parsed::Plain(question) => turn_away::at_fault(&question, pending.envelope.cookie.as_ref(), out),
        _ => refuse(&pending.message, out),
    }
}

/// A header alone, for a message whose question cannot be echoed.
fn write_error(message: &[u8], rcode: Rcode, out: &mut Vec<u8>) {
    out.clear();
    if let Some(header) = message.first_chunk::<HEADER_LEN>() {
        out.extend_from_slice(&error_header(header, rcode));
    }
}

#[cfg(test)]
pub(crate) mod stub;
#[cfg(test)]
mod tests;
