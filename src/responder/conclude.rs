//! From what is to be done, and what the upstream said, to the reply.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use crate::dns::reply::{self, Alias};
use crate::dns::{Body, DomainName, Ede, Envelope, Question, Rcode, ReplyContext, Whose, name};
use crate::forward::{Entry, KeyRef};
use crate::forwarder::{ForwardError, Names, Resolved};
use crate::metrics::Source;
use crate::resolve::{self, Decision, Entrance, Resolution};
use crate::snapshot::Snapshot;
use crate::zone::Node;
use crate::zone::layers::Layer;

/// A question with everything that its answer depends on, but for the upstream.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) names: &'a Names<'a>,
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

/// What a name comes to.
enum Ending<'a, 'e> {
    /// An answer of ours, and what is to be said of it besides.
    Ours(&'a Body, Option<&'e Ede>, Source),
    /// The upstream's answer as it is.
    Passed(&'e Entry, Source),
    /// The records of the upstream's answer, as the name's own.
    Flat(&'e Entry),
    /// There is none.
    Failed(&'e ForwardError),
    /// The upstream has not decided it, so ECS does.
    OfEcs(&'a Node),
}

/// What the upstream must be asked before a decision can be concluded; `None`: nothing.
pub(super) fn key<'k>(decision: &'k Decision<'_>, question: &'k Question<'_>) -> Option<KeyRef<'k>> {
    let name = match decision.end {
        Resolution::Reply(_) => return None,
        Resolution::Flatten { target } => target.as_wire(),
        Resolution::Fallback { .. } | Resolution::Prefer { .. } | Resolution::Ask | Resolution::Forward => {
            end(decision, question)
        }
    };
    Some(KeyRef::of_name(name, question))
}

/// The name that the aliases lead to, or the one that was asked.
fn end<'k>(decision: &'k Decision<'_>, question: &'k Question<'_>) -> &'k [u8] {
    decision.chain.end().map_or(question.name(), DomainName::as_wire)
}

impl<'a> Asked<'a> {
    /// Writes the reply when the upstream has been heard, and says whose answer it is; `None` if that leaves something
    /// else to be done, which is then the decision.
    pub(super) fn conclude(&self, decision: &mut Decision<'a>, heard: Heard<'_>, out: &mut Vec<u8>) -> Option<Source> {
        let ending = self.ending(decision.end, heard);
        if let Ending::Passed(entry, _) = ending
            && let Some(end) = self.enter(decision, entry)
        {
            decision.end = end;
            return None;
        }
        let aliases = decision.chain.cnames();
        let source = match ending {
            Ending::Ours(body, ede, source) => {
                self.write((aliases, body), ede, out);
                source
            }
            Ending::Passed(entry, source) => {
                self.pass(aliases, entry, out);
                source
            }
            Ending::Flat(entry) => {
                entry.write_behind(out, self.question, (aliases, Whose::Own), self.now, &self.context());
                Source::Upstream
            }
            Ending::Failed(error) => {
                self.write((aliases, &failed(error)), None, out);
                Source::Error
            }
            Ending::OfEcs(node) => {
                let zone = &self.snapshot.zone;
                decision.end = resolve::of_ecs(zone, self.question, self.spin, &mut decision.chain, node);
                return None;
            }
        };
        Some(self.credit(source))
    }

    /// What is to be done if the upstream's answer leads to a name that our zone has a say in: then the rest is ours.
    fn enter(&self, decision: &mut Decision<'a>, entry: &Entry) -> Option<Resolution<'a>> {
        let zone = &self.snapshot.zone;
        entry.with_hops(self.question, &zone.settings.origin, |hops| {
            if hops.is_empty() || !self.names.may_lead_in(end(decision, self.question)) {
                return None;
            }
            let (is_answered, ageing) = (entry.is_answered(), entry.ageing(self.now));
            let said = Entrance { hops, is_answered, ageing, stale: entry.stale(self.now) };
            resolve::enter(zone, self.question, self.spin, &mut decision.chain, said)
        })
    }

    /// Passes on what the upstream says, behind the aliases if there are any.
    fn pass(&self, aliases: &[Alias<'_>], entry: &Entry, out: &mut Vec<u8>) {
        let Envelope { limit, cookie } = self.envelope;
        match aliases {
            [] => entry.write(out, self.question, self.now, limit, cookie.as_ref()),
            aliases => {
                entry.write_behind(out, self.question, (aliases, Whose::Target), self.now, &self.context());
            }
        }
    }

    /// Writes what the zone alone can say (RFC 1034 4.3.2), for a client that wants no recursion: the aliases that lead
    /// out of it; `None` if that is nothing.
    pub(super) fn without_recursion(&self, decision: &Decision<'_>, out: &mut Vec<u8>) -> Option<Source> {
        let aliases = decision.chain.cnames();
        let leads_out = matches!(decision.end, Resolution::Forward) && !aliases.is_empty();
        leads_out.then(|| {
            self.write((aliases, &self.snapshot.zone.fixed.unfinished), None, out);
            self.credit(Source::Zone)
        })
    }

    /// Who is told to have answered: the layer of the name, unless it is that of ECS, whose answers may be of many.
    fn credit(&self, source: Source) -> Source {
        match (self.layer, source) {
            (_, Source::Error) | (Layer::Ecs, _) => source,
            (Layer::Records, _) => Source::Records,
            (Layer::Route53, _) => Source::Route53,
        }
    }

    /// What the name comes to that the aliases lead to.
    fn ending<'e>(&self, end: Resolution<'a>, heard: Heard<'e>) -> Ending<'a, 'e> {
        match (end, heard) {
            (Resolution::Reply(body), _) => Ending::Ours(body, None, Source::Zone),
            (Resolution::Forward, Heard::Answer(entry)) => Ending::Passed(entry, Source::Upstream),
            (Resolution::Flatten { .. }, Heard::Answer(entry)) => Ending::Flat(entry),
            (Resolution::Fallback { .. } | Resolution::Ask | Resolution::Prefer { .. }, Heard::Answer(entry))
                if entry.answer_count() > 0 =>
            {
                Ending::Passed(entry, Source::Route53)
            }
            (Resolution::Ask, Heard::Answer(entry)) if entry.rcode() == Rcode::NxDomain => {
                Ending::Ours(&NOT_SEEN, None, Source::Error)
            }
            (Resolution::Ask, Heard::Answer(entry)) => self.nodata(entry),
            (Resolution::Prefer { .. }, Heard::Answer(entry)) if entry.rcode() == Rcode::NoError => self.nodata(entry),
            (Resolution::Prefer { otherwise }, Heard::Answer(_) | Heard::Failed(_)) => Ending::OfEcs(otherwise),
            // The upstream knows the name, though not the type, or only names below it: NXDOMAIN would take those with it.
            // What we cannot know, it does not know either.
            (Resolution::Fallback { otherwise }, Heard::Answer(entry))
                if entry.rcode() == Rcode::NoError && otherwise.rcode() == Rcode::NxDomain =>
            {
                self.nodata(entry)
            }
            (Resolution::Fallback { otherwise }, Heard::Answer(entry)) => {
                Ending::Ours(otherwise, self.of(entry), Source::Zone)
            }
            // What does not exist for us may exist there; only an error of ours tells more than that of the upstream.
            (Resolution::Fallback { otherwise }, Heard::Failed(_)) if otherwise.rcode() == Rcode::ServFail => {
                Ending::Ours(otherwise, None, Source::Zone)
            }
            (_, Heard::Failed(error)) => Ending::Failed(error),
            (_, Heard::Nothing) => Ending::Failed(&ForwardError::NotAName),
        }
    }

    fn nodata<'e>(&self, entry: &'e Entry) -> Ending<'a, 'e> {
        Ending::Ours(&self.snapshot.zone.fixed.nodata, self.of(entry), Source::Route53)
    }

    /// What is to be said of a "no" of ours that rests on that of the upstream: that it is stale, say.
    fn of<'e>(&self, entry: &'e Entry) -> Option<&'e Ede> {
        entry.ede(self.now).map(Arc::as_ref)
    }

    /// What is said of all that ECS says, if this is ECS's to say: how old it is concerns no other name.
    fn remark(&self) -> Option<&'a Ede> {
        let ede = self.snapshot.ede.as_ref()?;
        let (zone, name) = (&self.snapshot.zone, self.question.name());
        let of_ecs = || name::is_within(name, zone.settings.origin.as_wire()) || zone.find(name).is_some();
        (self.layer == Layer::Ecs && of_ecs()).then_some(ede)
    }

    /// Writes an answer of ours behind the aliases that lead to it, and `ede` with it, unless it says why it is so itself.
    pub(super) fn write(&self, (aliases, body): (&[Alias<'_>], &Body), ede: Option<&Ede>, out: &mut Vec<u8>) {
        // Half an answer would be taken for a whole one.
        let aliases = if body.rcode() == Rcode::ServFail { &[] } else { aliases };
        let ede = ede.or_else(|| aliases.iter().find_map(Alias::stale));
        reply::write_behind(out, self.question, (aliases, body), ede, &self.context());
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
static NOT_SEEN: LazyLock<Body> = LazyLock::new(|| {
    let ede =
        Ede::new(Ede::OTHER, "only Route 53 can decide this record, and the upstream does not see the hosted zone");
    Body::empty(Rcode::ServFail, false, Some(Arc::new(ede)))
});
