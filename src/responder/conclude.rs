//! From what is to be done, and what the upstream said, to the reply.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::chase;
use crate::dns::{Body, Ede, Envelope, Question, Rcode, ReplyContext, name, reply};
use crate::forward::{Entry, KeyRef};
use crate::forwarder::{ForwardError, Resolved};
use crate::metrics::Source;
use crate::resolve::{Behind, Resolution};
use crate::snapshot::Snapshot;
use crate::zone::layers::Layer;

/// A question with everything that its answer depends on, but for the upstream.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) envelope: Envelope,
    pub(super) spin: u32,
    pub(super) now: Instant,
    /// The layer that owns the name.
    pub(super) layer: Layer,
}

/// What the upstream has said.
#[derive(Clone, Copy)]
pub(super) enum Heard<'e> {
    /// Nothing: it was not asked.
    Nothing,
    /// This.
    Answer(&'e Entry),
    /// It has no answer.
    Failed(&'e ForwardError),
}

impl<'e> From<&'e Resolved> for Heard<'e> {
    fn from(resolved: &'e Resolved) -> Self {
        resolved.as_ref().map_or_else(Self::Failed, |answer| Self::Answer(answer))
    }
}

/// Where a question is when the upstream has been heard.
pub(super) enum Concluded<'a> {
    /// The reply is written.
    Done(Source),
    /// Something else is to be done.
    Next(Resolution<'a>),
}

/// What a name comes to.
enum Ending<'a, 'e> {
    /// An answer of ours.
    Ours(Cow<'a, Body>, Source),
    /// The upstream's answer as it is.
    Passed(&'e Entry, Source),
    /// The same behind CNAMEs of ours.
    Chased(Vec<&'a Body>, &'e Entry, Source),
    /// The upstream has not decided it.
    Next(Resolution<'a>),
}

/// What the upstream must be asked before `resolution` can be concluded; `None`: nothing.
pub(super) fn key<'k>(resolution: &'k Resolution<'_>, question: &'k Question<'_>) -> Option<KeyRef<'k>> {
    match resolution {
        Resolution::Reply(_) => None,
        Resolution::Chase { target, .. } | Resolution::Flatten { target } => {
            Some(KeyRef::of_name(target.as_wire(), question))
        }
        Resolution::Behind(behind) => key_behind(behind, question),
        Resolution::Fallback { .. } | Resolution::Prefer { .. } | Resolution::Ask | Resolution::Forward => {
            Some(KeyRef::of(question))
        }
    }
}

fn key_behind<'k>(behind: &'k Behind<'_>, question: &'k Question<'_>) -> Option<KeyRef<'k>> {
    match &behind.end {
        Resolution::Fallback { .. } | Resolution::Prefer { .. } | Resolution::Ask | Resolution::Forward => {
            Some(KeyRef::of_name(behind.name.as_wire(), question))
        }
        end => key(end, question),
    }
}

impl<'a> Asked<'a> {
    /// Writes the reply when the upstream has been heard, and says whose answer it is.
    pub(super) fn conclude(&self, resolution: Resolution<'a>, heard: Heard<'_>, out: &mut Vec<u8>) -> Concluded<'a> {
        if let (Resolution::Chase { alias, .. }, Heard::Answer(entry)) = (&resolution, heard) {
            self.write_behind(&[alias], entry, out);
            return Concluded::Done(self.credit(Source::Upstream));
        }
        match self.ending(resolution, heard) {
            Ending::Ours(body, source) => {
                self.write(&body, out);
                Concluded::Done(self.credit(source))
            }
            Ending::Passed(entry, source) => {
                let Envelope { limit, cookie } = self.envelope;
                entry.write(out, self.question, self.now, limit, cookie.as_ref());
                Concluded::Done(self.credit(source))
            }
            Ending::Chased(aliases, entry, source) => {
                self.write_behind(&aliases, entry, out);
                Concluded::Done(self.credit(source))
            }
            Ending::Next(resolution) => Concluded::Next(resolution),
        }
    }

    fn write_behind(&self, aliases: &[&Body], entry: &Entry, out: &mut Vec<u8>) {
        entry.write_behind(out, self.question, aliases, self.now, &self.context());
    }

    /// Writes an answer that needs no upstream.
    pub(super) fn reply(&self, body: &Body, out: &mut Vec<u8>) -> Source {
        self.write(body, out);
        self.credit(Source::Zone)
    }

    /// Writes what the zone alone can say (RFC 1034 4.3.2), for a client that wants no recursion; `None` if that is
    /// nothing.
    pub(super) fn without_recursion(&self, resolution: &Resolution<'_>, out: &mut Vec<u8>) -> Option<Source> {
        let known = self.known(resolution)?;
        Some(self.reply(&known, out))
    }

    /// The aliases that lead out of the zone.
    fn known<'r>(&'r self, resolution: &Resolution<'r>) -> Option<Cow<'r, Body>> {
        match resolution {
            Resolution::Chase { alias, .. } => Some(Cow::Borrowed(alias)),
            Resolution::Behind(behind) => {
                let end = match &behind.end {
                    Resolution::Forward => Cow::Borrowed(&self.snapshot.zone.fixed.unfinished),
                    end => self.known(end)?,
                };
                Some(Cow::Owned(Body::behind(&behind.cnames, &end, self.spin)))
            }
            _ => None,
        }
    }

    /// Who is told to have answered: the layer of the name, unless it is that of ECS, whose answers may be of many.
    fn credit(&self, source: Source) -> Source {
        match (self.layer, source) {
            (_, Source::Error) | (Layer::Ecs, _) => source,
            (Layer::Records, _) => Source::Records,
            (Layer::Route53, _) => Source::Route53,
        }
    }

    fn ending<'e>(&self, resolution: Resolution<'a>, heard: Heard<'e>) -> Ending<'a, 'e> {
        match (resolution, heard) {
            (Resolution::Reply(body), _) => Ending::Ours(Cow::Borrowed(body), Source::Zone),
            (Resolution::Behind(behind), heard) => self.behind(*behind, heard),
            (Resolution::Forward, Heard::Answer(entry)) => Ending::Passed(entry, Source::Upstream),
            (Resolution::Chase { alias, .. }, Heard::Answer(entry)) => {
                Ending::Chased(vec![alias], entry, Source::Upstream)
            }
            (Resolution::Flatten { .. }, Heard::Answer(entry)) => {
                Ending::Ours(Cow::Owned(chase::flat(entry, self.question.qtype, self.now)), Source::Upstream)
            }
            (Resolution::Fallback { .. } | Resolution::Ask | Resolution::Prefer { .. }, Heard::Answer(entry))
                if entry.answer_count() > 0 =>
            {
                Ending::Passed(entry, Source::Route53)
            }
            (Resolution::Ask, Heard::Answer(entry)) if entry.rcode() == Rcode::NxDomain => {
                Ending::Ours(Cow::Owned(not_seen()), Source::Error)
            }
            (Resolution::Ask, Heard::Answer(entry)) => self.nodata(entry),
            (Resolution::Prefer { .. }, Heard::Answer(entry)) if entry.rcode() == Rcode::NoError => self.nodata(entry),
            (Resolution::Prefer { otherwise }, Heard::Answer(_) | Heard::Failed(_)) => Ending::Next(*otherwise),
            // The upstream knows the name, though not the type: NXDOMAIN would take the other types with it.
            (Resolution::Fallback { otherwise }, Heard::Answer(entry))
                if entry.rcode() == Rcode::NoError && otherwise.rcode() != Rcode::NoError =>
            {
                self.nodata(entry)
            }
            (Resolution::Fallback { otherwise }, Heard::Answer(entry)) => {
                Ending::Ours(self.after(entry, otherwise), Source::Zone)
            }
            // What does not exist for us may exist there; only an error of ours tells more than that of the upstream.
            (Resolution::Fallback { otherwise }, Heard::Failed(_)) if otherwise.rcode() == Rcode::ServFail => {
                Ending::Ours(Cow::Borrowed(otherwise), Source::Zone)
            }
            (_, Heard::Failed(error)) => Ending::Ours(Cow::Owned(failed(error)), Source::Error),
            (_, Heard::Nothing) => Ending::Ours(Cow::Owned(failed(&ForwardError::NotAName)), Source::Error),
        }
    }

    /// The CNAMEs, and behind them what their end comes to.
    fn behind<'e>(&self, behind: Behind<'a>, heard: Heard<'e>) -> Ending<'a, 'e> {
        let Behind { cnames, name, end } = behind;
        match self.ending(end, heard) {
            Ending::Next(end) => Ending::Next(Resolution::Behind(Box::new(Behind { cnames, name, end }))),
            // Half an answer would be taken for a whole one.
            Ending::Ours(body, source) if body.rcode() == Rcode::ServFail => Ending::Ours(body, source),
            Ending::Ours(body, source) => Ending::Ours(Cow::Owned(Body::behind(&cnames, &body, self.spin)), source),
            Ending::Passed(entry, source) => Ending::Chased(cnames, entry, source),
            Ending::Chased(further, entry, source) => Ending::Chased([cnames, further].concat(), entry, source),
        }
    }

    fn nodata<'e>(&self, entry: &Entry) -> Ending<'a, 'e> {
        Ending::Ours(self.after(entry, &self.snapshot.zone.fixed.nodata), Source::Route53)
    }

    /// A "no" of ours that rests on that of the upstream, with what is to be said of it: that it is stale, say.
    fn after(&self, entry: &Entry, no: &'a Body) -> Cow<'a, Body> {
        entry.ede(self.now).map_or(Cow::Borrowed(no), |ede| Cow::Owned(no.with_ede(ede)))
    }

    /// What is said of all that ECS says, if this is ECS's to say: how old it is concerns no other name.
    fn remark(&self) -> Option<&'a Ede> {
        let ede = self.snapshot.ede.as_ref()?;
        let (zone, name) = (&self.snapshot.zone, self.question.name());
        let of_ecs = || name::is_within(name, zone.settings.origin.as_wire()) || zone.find(name).is_some();
        (self.layer == Layer::Ecs && of_ecs()).then_some(ede)
    }

    pub(super) fn write(&self, body: &Body, out: &mut Vec<u8>) {
        reply::write(out, self.question, body, &self.context());
    }

    fn context(&self) -> ReplyContext<'a> {
        ReplyContext {
            soa: &self.snapshot.zone.soa,
            spin: self.spin,
            limit: self.envelope.limit,
            ede: self.remark(),
            cookie: self.envelope.cookie,
        }
    }
}

/// SERVFAIL with the reason (RFC 8914). An answer that is withheld is none: after SERVFAIL, clients would ask the next
/// name server for it.
fn failed(error: &ForwardError) -> Body {
    let rcode = if *error == ForwardError::Rebind { Rcode::NoError } else { Rcode::ServFail };
    Body::empty(rcode, false, Some(error.ede()))
}

/// SERVFAIL for a name that the hosted zone has, as our copy shows, and that the upstream says is not there: it does not
/// see the zone.
fn not_seen() -> Body {
    let ede =
        Ede::new(Ede::OTHER, "only Route 53 can decide this record, and the upstream does not see the hosted zone");
    Body::empty(Rcode::ServFail, false, Some(Arc::new(ede)))
}
