//! The way of one query: bytes in, a verdict out.
//!
//! What can be answered at once is, without a lock, a log line or (for our zone) an allocation. What needs an upstream
//! becomes a [`Pending`], which an async task [finishes](Responder::finish). No socket here: whoever has the bytes
//! sends the reply.

mod chase;
mod conclude;
mod decide;
mod pending;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::dns::precheck::error_header;
use crate::dns::{Body, Ede, HEADER_LEN, Parsed, Precheck, Question, Rcode, ReplyContext, precheck, reply};
use crate::forward::Key;
use crate::forwarder::Forwarder;
use crate::metrics::{Counters, Proto, Source};
use crate::resolve::{self, Decision, Resolution};
use crate::snapshot::Shared;
use crate::zone::Zone;

use conclude::{Asked, Concluded, Heard};
pub use pending::Pending;

/// What became of a message.
#[derive(Debug)]
pub enum Verdict {
    /// The reply is written.
    Reply(Source),
    /// There is to be no reply.
    Drop,
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
    resolve: Resolve,
    not_ours: Body,
    busy: Body,
}

impl Responder {
    /// A responder for what `shared` holds at the time of each query.
    #[must_use]
    pub fn new(shared: Shared, forwarder: Arc<Forwarder>) -> Self {
        Self::with(shared, forwarder, resolve::resolve)
    }

    /// A responder that finds out by `resolve` who answers.
    pub(crate) fn with(shared: Shared, forwarder: Arc<Forwarder>, resolve: Resolve) -> Self {
        let error = |rcode, code, text| Body::empty(rcode, false, Some(Arc::new(Ede::new(code, text))));
        let not_ours = error(Rcode::Refused, Ede::NOT_AUTHORITATIVE, "not in our zones, and recursion is not desired");
        let busy = error(Rcode::ServFail, Ede::NETWORK_ERROR, "too many questions are under way");
        Self { shared, forwarder, resolve, not_ours, busy }
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
        match precheck(message) {
            Precheck::Drop => Verdict::Drop,
            Precheck::FormErr(header) => {
                out.clear();
                out.extend_from_slice(&header);
                Verdict::Reply(Source::Error)
            }
            Precheck::Pass => match Question::parse(message) {
                Parsed::Plain(question) => {
                    counters.asked(if circumstances.tcp { Proto::Tcp } else { Proto::Udp }, question.qtype);
                    self.answer(message, &question, circumstances, out)
                }
                Parsed::Unusual => Verdict::Unusual,
                Parsed::Malformed => {
                    write_error(message, Rcode::FormErr, out);
                    Verdict::Reply(Source::Error)
                }
            },
        }
    }

    /// Asks the upstream, more than once if need be, and writes the reply into `out`.
    pub async fn finish(&self, pending: Pending, out: &mut Vec<u8>) -> Source {
        let mut heard = self.forwarder.resolve(pending.key.clone(), pending.client).await;
        let Parsed::Plain(question) = Question::parse(&pending.message) else {
            write_error(&pending.message, Rcode::ServFail, out);
            return Source::Error;
        };
        let Pending { ref snapshot, tcp, spin, client, .. } = pending;
        let Decision { layer, mut resolution } = self.decide(&snapshot.zone, &question, spin);
        let mut asked = pending.key.clone();
        loop {
            // Which steps come before the one that waited is known only now; those are in the cache.
            if let Some(key) = conclude::key(&resolution, &question).filter(|key| *key != asked) {
                heard = self.forwarder.resolve(key.clone(), client).await;
                asked = key;
            }
            let now = tokio::time::Instant::now().into_std();
            let of = Asked { question: &question, snapshot, tcp, spin, now, layer };
            match of.conclude(resolution, Heard::from(&heard), out) {
                Concluded::Done(source) => return source,
                Concluded::Next(next) => resolution = next,
            }
        }
    }

    /// Writes the reply to a query for which there is no room: SERVFAIL, so that the client asks again or elsewhere.
    pub fn refuse_for_room(&self, message: &[u8], tcp: bool, out: &mut Vec<u8>) {
        match Question::parse(message) {
            Parsed::Plain(question) => {
                let soa = &self.shared.load().zone.soa;
                let context = ReplyContext { soa, spin: 0, limit: question.limit(tcp), ede: None };
                reply::write(out, &question, &self.busy, &context);
            }
            Parsed::Unusual | Parsed::Malformed => write_error(message, Rcode::ServFail, out),
        }
    }

    fn answer(
        &self,
        message: &[u8],
        question: &Question<'_>,
        circumstances: Circumstances,
        out: &mut Vec<u8>,
    ) -> Verdict {
        let Circumstances { tcp, spin, now, .. } = circumstances;
        let snapshot = self.shared.load();
        let Decision { layer, mut resolution } = self.decide(&snapshot.zone, question, spin);
        let asked = Asked { question, snapshot: &snapshot, tcp, spin, now, layer };
        loop {
            if let Resolution::Reply(body) = resolution {
                return Verdict::Reply(asked.reply(body, out));
            }
            let Some(key) = conclude::key(&resolution, question) else {
                match asked.conclude(resolution, Heard::Nothing, out) {
                    Concluded::Done(source) => return Verdict::Reply(source),
                    Concluded::Next(next) => resolution = next,
                }
                continue;
            };
            let Some(entry) = self.forwarder.cached(&key, now) else {
                return self.wait(message, &asked, &resolution, (key, circumstances), out);
            };
            match asked.conclude(resolution, Heard::Answer(&entry), out) {
                Concluded::Done(Source::Upstream) => return Verdict::Reply(Source::Cache),
                Concluded::Done(source) => return Verdict::Reply(source),
                Concluded::Next(next) => resolution = next,
            }
        }
    }

    /// Has the upstream asked, unless a client without recursion is to get what there is.
    fn wait(
        &self,
        message: &[u8],
        asked: &Asked<'_>,
        resolution: &Resolution<'_>,
        upstream: (Key, Circumstances),
        out: &mut Vec<u8>,
    ) -> Verdict {
        if !asked.question.recursion_desired {
            if let Some(source) = asked.without_recursion(resolution, out) {
                return Verdict::Reply(source);
            }
            // Others are none of our business then.
            if matches!(resolution, Resolution::Forward) {
                asked.write(&self.not_ours, out);
                return Verdict::Reply(Source::Error);
            }
        }
        let (key, circumstances) = upstream;
        Verdict::Await(Pending::new(message, asked.snapshot, key, circumstances))
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
