//! The way of one query: bytes in, a verdict out.
//!
//! What can be answered at once is, without a lock, a log line or (for our zone) an allocation. What needs an upstream
//! becomes a [`Pending`], which an async task [finishes](Responder::finish). No socket here: whoever has the bytes
//! sends the reply.

mod chase;
mod pending;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::dns::precheck::error_header;
use crate::dns::{Body, Ede, HEADER_LEN, Parsed, Precheck, Question, Rcode, ReplyContext, precheck, reply};
use crate::forward::{Entry, Key};
use crate::forwarder::{ForwardError, Forwarder};
use crate::metrics::{Counters, Proto, Source};
use crate::resolve::{self, Resolution};
use crate::snapshot::{Shared, Snapshot};
use crate::zone::Zone;

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

type Resolve = for<'z> fn(&'z Zone, &Question<'_>) -> Resolution<'z>;

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

    /// Asks the upstream and writes the reply into `out`.
    pub async fn finish(&self, pending: Pending, out: &mut Vec<u8>) -> Source {
        let resolved = self.forwarder.resolve(pending.key.clone(), pending.client).await;
        let now = tokio::time::Instant::now().into_std();
        let Parsed::Plain(question) = Question::parse(&pending.message) else {
            write_error(&pending.message, Rcode::ServFail, out);
            return Source::Error;
        };
        let asked =
            Asked { question: &question, snapshot: &pending.snapshot, tcp: pending.tcp, spin: pending.spin, now };
        let resolution = self.resolution(&pending.snapshot.zone, &question);
        asked.conclude(&resolution, resolved.as_deref().map(|answer| &**answer), out)
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

    /// Who answers: our zone, the names that we answer ourselves, or an upstream.
    fn resolution<'z>(&'z self, zone: &'z Zone, question: &Question<'_>) -> Resolution<'z> {
        match (self.resolve)(zone, question) {
            Resolution::Forward => self.forwarder.local(question).map_or(Resolution::Forward, Resolution::Reply),
            ours => ours,
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
        let asked = Asked { question, snapshot: &snapshot, tcp, spin, now };
        let resolution = self.resolution(&snapshot.zone, question);
        let upstream_key = match &resolution {
            Resolution::Reply(body) => {
                asked.write(body, out);
                return Verdict::Reply(Source::Zone);
            }
            Resolution::Chase { target, .. } => Some(chase::key(target, question)),
            Resolution::Fallback { .. } | Resolution::Forward => Key::of(question),
        };
        let Some(key) = upstream_key else {
            write_error(message, Rcode::FormErr, out);
            return Verdict::Reply(Source::Error);
        };
        if let Some(entry) = self.forwarder.cached(&key, now) {
            asked.conclude(&resolution, Ok(&entry), out);
            return Verdict::Reply(Source::Cache);
        }
        match resolution {
            // Without recursion a zone tells what it has (RFC 1034 4.3.2), and others are none of our business.
            Resolution::Chase { alias, .. } if !question.recursion_desired => {
                asked.write(alias, out);
                Verdict::Reply(Source::Zone)
            }
            Resolution::Forward if !question.recursion_desired => {
                asked.write(&self.not_ours, out);
                Verdict::Reply(Source::Error)
            }
            _ => Verdict::Await(Pending::new(message, Arc::clone(&snapshot), key, circumstances)),
        }
    }
}

/// A question with everything that its answer depends on, but for the upstream.
#[derive(Clone, Copy)]
struct Asked<'a> {
    question: &'a Question<'a>,
    snapshot: &'a Snapshot,
    tcp: bool,
    spin: u32,
    now: Instant,
}

impl Asked<'_> {
    /// Writes the reply when the upstream has been heard, and says whose answer it is.
    fn conclude(
        &self,
        resolution: &Resolution<'_>,
        resolved: Result<&Entry, &ForwardError>,
        out: &mut Vec<u8>,
    ) -> Source {
        match (resolution, resolved) {
            (Resolution::Reply(body), _) => {
                self.write(body, out);
                Source::Zone
            }
            (Resolution::Forward, Ok(entry)) => self.pass_on(entry, out),
            (Resolution::Chase { alias, .. }, Ok(entry)) => {
                self.write(&chase::body(alias, entry, self.question.qtype, self.spin, self.now), out);
                Source::Upstream
            }
            (Resolution::Fallback { .. }, Ok(entry)) if entry.answer_count() > 0 => self.pass_on(entry, out),
            (Resolution::Fallback { otherwise }, Ok(entry)) => {
                // The upstream knows the name, though not the type: NXDOMAIN would take the other types with it.
                let exists = entry.rcode() == Rcode::NoError && otherwise.rcode() != Rcode::NoError;
                if exists {
                    self.write(&Body::empty(Rcode::NoError, true, None), out);
                } else {
                    self.write(otherwise, out);
                }
                Source::Zone
            }
            (Resolution::Fallback { otherwise }, Err(_)) if otherwise.rcode() != Rcode::NxDomain => {
                self.write(otherwise, out);
                Source::Zone
            }
            (Resolution::Forward | Resolution::Chase { .. } | Resolution::Fallback { .. }, Err(error)) => {
                self.write(&failed(error), out);
                Source::Error
            }
        }
    }

    fn pass_on(&self, entry: &Entry, out: &mut Vec<u8>) -> Source {
        entry.write(out, self.question, self.now, self.question.limit(self.tcp));
        Source::Upstream
    }

    fn write(&self, body: &Body, out: &mut Vec<u8>) {
        let context = ReplyContext {
            soa: &self.snapshot.zone.soa,
            spin: self.spin,
            limit: self.question.limit(self.tcp),
            ede: self.snapshot.ede.as_ref(),
        };
        reply::write(out, self.question, body, &context);
    }
}

/// SERVFAIL with the reason (RFC 8914). An answer that is withheld is none: after SERVFAIL, clients would ask the next
/// name server for it.
fn failed(error: &ForwardError) -> Body {
    let rcode = if *error == ForwardError::Rebind { Rcode::NoError } else { Rcode::ServFail };
    Body::empty(rcode, false, Some(error.ede()))
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
