//! CNAMEs from name to name, through all layers of the zone (RFC 1034 4.3.2, step 3a).

use smallvec::SmallVec;

use super::{Asked, Resolution, Step};
use crate::dns::{Body, DomainName, Question, name};
use crate::zone::Zone;

/// CNAMEs in a row that are followed, whoever says them. A longer chain is answered as far as it was followed.
const MAX_CHAIN: usize = 16;

/// CNAMEs in a row, each of which points to the owner of the next, the first that of the name that was asked. There is
/// room within it for as many as are followed.
#[derive(Debug, Default)]
pub struct Chain<'z> {
    cnames: SmallVec<[&'z Body; MAX_CHAIN]>,
    targets: SmallVec<[&'z DomainName; MAX_CHAIN]>,
}

impl<'z> Chain<'z> {
    /// The CNAMEs, each a record of its own.
    #[must_use]
    pub fn cnames(&self) -> &[&'z Body] {
        &self.cnames
    }

    /// Where they lead; `None` if there are none.
    #[must_use]
    pub fn end(&self) -> Option<&'z DomainName> {
        self.targets.last().copied()
    }

    /// These, one after the other, each with where it points.
    #[cfg(test)]
    pub(crate) fn of(cnames: impl IntoIterator<Item = (&'z Body, &'z DomainName)>) -> Self {
        let (cnames, targets) = cnames.into_iter().unzip();
        Self { cnames, targets }
    }

    fn is_full(&self) -> bool {
        self.cnames.len() >= MAX_CHAIN
    }

    /// Adds a CNAME to those of the name `asked`; `false` if it leads back to a name that they have passed.
    fn push(&mut self, asked: &[u8], cname: &'z Body, target: &'z DomainName) -> bool {
        let is_new = asked != target.as_wire() && !self.targets.contains(&target);
        self.cnames.push(cname);
        self.targets.push(target);
        is_new
    }
}

/// Follows a CNAME that is not the zone's, as [`resolve`](super::resolve) follows those that are, from the end of `chain`
/// on.
#[must_use]
pub fn follow<'z>(
    zone: &'z Zone,
    question: &Question<'_>,
    spin: u32,
    chain: &mut Chain<'z>,
    (cname, target): (&'z Body, &'z DomainName),
) -> Resolution<'z> {
    Asked { zone, name: question.name(), qtype: question.qtype, spin }.go(chain, Step::Follow { cname, target })
}

impl<'z> Asked<'z, '_> {
    /// Goes on from a step to where aliases end, leave the zone or come back to a name that they have passed.
    pub(super) fn go(self, chain: &mut Chain<'z>, mut step: Step<'z>) -> Resolution<'z> {
        loop {
            let (cname, target) = match step {
                Step::Done(end) => return end,
                Step::Follow { cname, target } => (cname, target),
            };
            if chain.is_full() || !chain.push(self.name, cname, target) {
                return Resolution::Reply(&self.zone.fixed.unfinished);
            }
            if !name::is_within(target.as_wire(), self.zone.settings.origin.as_wire()) {
                return Resolution::Forward;
            }
            step = self.at(target.as_wire()).1;
        }
    }
}
