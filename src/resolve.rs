//! One question → who answers it: our zone, our zone and the upstream together, or the upstream alone.
//!
//! The layers of the zone are asked in their order (`[records]`, ECS, Route 53; or Route 53 before ECS), name by name:
//! the first that has any record at a name owns it.

mod chain;
mod ecs;

use crate::dns::{Body, DomainName, Question, Rcode, RecordType, name};
use crate::zone::layers::{Found, Layer, Saying};
use crate::zone::{Fallback, Node, Zone};

pub use chain::{Chain, Entrance, enter, follow};

/// What the names of addresses end in (RFC 1035 3.5, RFC 3596 2.5).
const ARPA: &[u8] = b"\x04arpa\0";

/// What is to be done for a name.
#[derive(Debug, Clone, Copy)]
pub enum Resolution<'z> {
    /// The zone has the answer, negative ones and SERVFAIL included.
    Reply(&'z Body),
    /// The name has the records that the upstream gives for this other name, as its own: an alias record of Route 53.
    Flatten {
        /// Whose records.
        target: &'z DomainName,
    },
    /// Our copy of the Route 53 zone has the name, but what it says is decided by Route 53 (health, location): the
    /// upstream is asked. If that does not know the name, it does not see the zone: SERVFAIL.
    Ask,
    /// ECS does not have the name: the Route 53 side is asked (through the upstream). If that has no positive answer,
    /// `otherwise` is the answer. If it cannot be reached, the answer is SERVFAIL: that of `otherwise`, or else one that
    /// says what failed.
    Fallback {
        /// NXDOMAIN, NODATA of an empty non-terminal, or SERVFAIL while not synced.
        otherwise: &'z Body,
    },
    /// Route 53 goes before ECS: the upstream is asked, and if it does not know the name, ECS [has the word](of_ecs).
    Prefer {
        /// What ECS says.
        otherwise: &'z Node,
    },
    /// Outside our zones, or delegated: whatever the upstream says.
    Forward,
}

/// What is to be done, and whose name it is. Nothing in it is owned, and making one allocates nothing.
#[derive(Debug)]
pub struct Decision<'z> {
    /// The layer that owns the name, as far as the zone alone tells.
    pub layer: Layer,
    /// The aliases that lead from the name to another one; none if it has an answer itself.
    pub chain: Chain<'z>,
    /// What is to be done for the name at their end.
    pub end: Resolution<'z>,
}

/// Finds out what to do for `question`. `spin` counts questions: a choice among weighted records depends on it, so the
/// same number has to be given if the same question is resolved again.
#[must_use]
pub fn resolve<'z>(zone: &'z Zone, question: &Question<'_>, spin: u32) -> Decision<'z> {
    let name = question.name();
    // Made where the caller will have it: it is too large to be copied for nothing.
    let mut decision = Decision { layer: Layer::Ecs, chain: Chain::default(), end: Resolution::Forward };
    if name::is_within(name, zone.settings.origin.as_wire()) {
        let asked = Asked { zone, name, qtype: question.qtype, spin };
        let (layer, step) = asked.at(name);
        decision.layer = layer;
        decision.end = asked.go(&mut decision.chain, step);
    } else {
        decision.end = reverse(zone, question);
    }
    decision
}

/// What ECS says after all, of the name to which `chain` has led: what is to be done then.
#[must_use]
pub fn of_ecs<'z>(
    zone: &'z Zone,
    question: &Question<'_>,
    spin: u32,
    chain: &mut Chain<'z>,
    node: &'z Node,
) -> Resolution<'z> {
    let asked = Asked { zone, name: question.name(), qtype: question.qtype, spin };
    asked.go(chain, answer(node, question.qtype))
}

/// What one name comes to.
#[derive(Clone, Copy)]
enum Step<'z> {
    Done(Resolution<'z>),
    /// A CNAME, and where it points.
    Follow {
        cname: &'z Body,
        target: &'z DomainName,
    },
}

impl<'z> From<&'z Body> for Step<'z> {
    fn from(body: &'z Body) -> Self {
        Self::Done(Resolution::Reply(body))
    }
}

/// A question, and what it is asked of.
#[derive(Clone, Copy)]
struct Asked<'z, 'q> {
    zone: &'z Zone,
    /// The name that was asked, with which aliases begin.
    name: &'q [u8],
    qtype: RecordType,
    spin: u32,
}

impl<'z> Asked<'z, '_> {
    /// What the zone says of a name, itself alone.
    fn at(self, name: &[u8]) -> (Layer, Step<'z>) {
        let zone = self.zone;
        if name == zone.settings.origin.as_wire() {
            return (Layer::Ecs, answer(&zone.apex, self.qtype));
        }
        let records = zone.records.at(name);
        if let Found::Node(node) = records {
            return (Layer::Records, self.say(node.say(self.qtype, self.spin)));
        }
        let entry = zone.find(name);
        if zone.settings.prefer_route53
            && let Some(step) = self.route53_first(name, ecs::node(zone, entry))
        {
            return step;
        }
        match ecs::node(zone, entry) {
            Some(Node::Unavailable { answer }) if !zone.is_below_reserved(name) => self.fall_back(name, answer),
            Some(node) => (Layer::Ecs, answer(node, self.qtype)),
            None => self.miss(name, records == Found::Empty || entry.is_some_and(|entry| entry.shown().is_none())),
        }
    }

    /// What Route 53 says before ECS is asked; `None` if it has no say or nothing to say.
    fn route53_first(self, name: &[u8], of_ecs: Option<&'z Node>) -> Option<(Layer, Step<'z>)> {
        if self.zone.is_ours_alone(name) {
            return None;
        }
        match self.zone.settings.fallback {
            Fallback::Off => None,
            Fallback::Api => match self.zone.hosted.as_ref()?.find(name) {
                Found::Node(node) => Some((Layer::Route53, self.say(node.say(self.qtype, self.spin)))),
                Found::Empty | Found::Nothing => None,
            },
            Fallback::Resolver => Some((Layer::Ecs, Step::Done(Resolution::Prefer { otherwise: of_ecs? }))),
        }
    }

    /// A name that ECS does not have; `empty` if names below it exist.
    fn miss(self, name: &[u8], empty: bool) -> (Layer, Step<'z>) {
        let zone = self.zone;
        if let Some(answer) = ecs::unread_port(zone, name) {
            return (Layer::Ecs, answer.into());
        }
        let otherwise = if ecs::may_come(zone, name) {
            &zone.fixed.not_synced
        } else if empty {
            &zone.fixed.nodata
        } else {
            &zone.fixed.nxdomain
        };
        if zone.is_ours_alone(name) {
            return (Layer::Ecs, otherwise.into());
        }
        self.fall_back(name, otherwise)
    }

    /// Asks the Route 53 side; if it does not have the name, `otherwise` is the answer.
    fn fall_back(self, name: &[u8], otherwise: &'z Body) -> (Layer, Step<'z>) {
        let zone = self.zone;
        let hosted = match zone.settings.fallback {
            Fallback::Off => return (Layer::Ecs, otherwise.into()),
            Fallback::Resolver => return (Layer::Ecs, Step::Done(Resolution::Fallback { otherwise })),
            Fallback::Api => zone.hosted.as_ref(),
        };
        let Some(hosted) = hosted else {
            let waiting = if otherwise.rcode() == Rcode::ServFail { otherwise } else { &zone.fixed.not_read };
            return (Layer::Ecs, Step::Done(Resolution::Fallback { otherwise: waiting }));
        };
        match hosted.find(name) {
            Found::Node(node) => (Layer::Route53, self.say(node.say(self.qtype, self.spin))),
            Found::Empty if otherwise.rcode() == Rcode::NxDomain => (Layer::Ecs, (&zone.fixed.nodata).into()),
            Found::Empty | Found::Nothing => (Layer::Ecs, otherwise.into()),
        }
    }

    fn say(self, saying: Saying<'z>) -> Step<'z> {
        match saying {
            Saying::Body(body) => body.into(),
            Saying::NoData => (&self.zone.fixed.nodata).into(),
            Saying::Follow { cname, target } => Step::Follow { cname, target },
            Saying::Flatten(target) => Step::Done(Resolution::Flatten { target }),
            Saying::Ask => Step::Done(Resolution::Ask),
            Saying::Elsewhere => Step::Done(Resolution::Forward),
        }
    }
}

/// What a node of ECS says of a type.
fn answer(node: &Node, qtype: RecordType) -> Step<'_> {
    match node {
        Node::Alias { cname, target } if qtype != RecordType::CNAME => Step::Follow { cname, target },
        said => said.body(qtype).into(),
    }
}

/// Names of addresses that we know, for all types: who passed on that such a name does not exist would have others take it
/// that there is no PTR record either (RFC 8020 2). Everything else of the reverse zones belongs to somebody else.
fn reverse<'z>(zone: &'z Zone, question: &Question<'_>) -> Resolution<'z> {
    let is_reverse = question.name().ends_with(ARPA);
    match is_reverse.then(|| zone.find(question.name())?.shown()).flatten() {
        Some(node) => Resolution::Reply(node.body(question.qtype)),
        None => Resolution::Forward,
    }
}
