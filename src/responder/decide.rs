//! Who answers: our zone, the names that we answer ourselves, or an upstream; and both of the former where one has an
//! alias for a name of the other.

use super::Responder;
use crate::dns::{Question, RecordType};
use crate::forward::LocalAnswer;
use crate::forwarder::Names;
use crate::resolve::{self, Behind, Decision, Resolution};
use crate::zone::Zone;

/// Steps from a name that we answer ourselves to another one. A longer chain is answered as far as it was followed.
const MAX_STEPS: usize = 8;

/// What the answer depends on besides the name.
#[derive(Clone, Copy)]
struct Of<'z> {
    zone: &'z Zone,
    names: &'z Names<'z>,
    qtype: RecordType,
    spin: u32,
}

impl Responder {
    /// Finds out who answers `question`. The same `spin` leads to the same decision.
    pub(super) fn decide<'z>(
        &self,
        (zone, names): (&'z Zone, &'z Names<'z>),
        question: &Question<'_>,
        spin: u32,
    ) -> Decision<'z> {
        let Decision { layer, resolution } = (self.resolve)(zone, question, spin);
        let of = Of { zone, names, qtype: question.qtype, spin };
        let resolution = match resolution {
            Resolution::Forward => match names.local(question.name(), question.qtype) {
                Some(answer) => local(of, answer, MAX_STEPS),
                None => Resolution::Forward,
            },
            other => beyond(of, other, MAX_STEPS),
        };
        Decision { layer, resolution }
    }
}

/// What a name of our own comes to.
fn local<'z>(of: Of<'z>, answer: LocalAnswer<'z>, steps: usize) -> Resolution<'z> {
    match answer {
        LocalAnswer::Body(body) => Resolution::Reply(body),
        LocalAnswer::Alias { cname, target } => {
            beyond(of, resolve::follow(of.zone, (cname, target), of.qtype, of.spin), steps)
        }
    }
}

/// An alias that leads out of the zone may lead to a name of our own.
fn beyond<'z>(of: Of<'z>, resolution: Resolution<'z>, steps: usize) -> Resolution<'z> {
    match resolution {
        Resolution::Chase { alias, target } => {
            let Some(answer) = of.names.local(target.as_wire(), of.qtype) else {
                return Resolution::Chase { alias, target };
            };
            let end = match steps.checked_sub(1) {
                Some(steps) => local(of, answer, steps),
                None => Resolution::Reply(&of.zone.fixed.unfinished),
            };
            Resolution::Behind(Box::new(Behind { cnames: vec![alias], name: target, end }))
        }
        Resolution::Behind(mut behind) => {
            behind.end = beyond(of, behind.end, steps);
            Resolution::Behind(behind)
        }
        other => other,
    }
}
