//! One question → who answers it: our zone, our zone and the upstream together, or the upstream alone.

use crate::dns::{Body, DomainName, Question};
use crate::zone::Zone;

/// What is to be done for a question.
#[derive(Debug)]
pub enum Resolution<'z> {
    /// The zone has the answer, negative ones and SERVFAIL included.
    Reply(&'z Body),
    /// The name is an alias: the CNAME record in `alias`, then whatever the upstream says of `target` for the type
    /// that was asked.
    Chase {
        /// The CNAME alone.
        alias: &'z Body,
        /// Where it points.
        target: &'z DomainName,
    },
    /// ECS does not have the name: the Route 53 side is asked (through the upstream). If that has no positive answer,
    /// or cannot be reached and the name is not known to exist there, `otherwise` is the answer.
    Fallback {
        /// NXDOMAIN, NODATA of an empty non-terminal, or SERVFAIL while not synced.
        otherwise: &'z Body,
    },
    /// Outside our zones.
    Forward,
}

/// Finds out what to do for `question`.
#[must_use]
pub fn resolve<'z>(_zone: &'z Zone, _question: &Question<'_>) -> Resolution<'z> {
    Resolution::Forward
}
