//! Who answers: our zone, the names that we answer ourselves, or an upstream; and several of them in a row where one has
//! an alias for a name of another.

use super::Responder;
use crate::dns::{DomainName, Question};
use crate::forward::LocalAnswer;
use crate::forwarder::Names;
use crate::resolve::{self, Decision, Resolution};
use crate::zone::Zone;

impl Responder {
    /// Finds out who answers `question`. The same `spin` leads to the same decision.
    pub(super) fn decide<'z>(
        &self,
        (zone, names): (&'z Zone, &'z Names<'z>),
        question: &Question<'_>,
        spin: u32,
    ) -> Decision<'z> {
        let mut decision = (self.resolve)(zone, question, spin);
        settle(&mut decision, (zone, names), question, spin);
        decision
    }
}

/// Answers ourselves what would be an upstream's: a name that is not of the zone, or that aliases lead to, may be one of
/// our own; and an alias itself.
pub(super) fn settle<'z>(
    decision: &mut Decision<'z>,
    (zone, names): (&'z Zone, &'z Names<'z>),
    question: &Question<'_>,
    spin: u32,
) {
    while let Resolution::Forward = decision.end {
        let name = decision.chain.end().map_or(question.name(), DomainName::as_wire);
        decision.end = match names.local(name, question.qtype) {
            None => return,
            Some(LocalAnswer::Body(body)) => Resolution::Reply(body),
            Some(LocalAnswer::Alias { cname, target }) => {
                resolve::follow(zone, question, spin, &mut decision.chain, (cname, target))
            }
        };
    }
}
