//! CNAMEs from name to name of the zone, through all its layers (RFC 1034 4.3.2, step 3a).

use super::{Asked, Resolution, Step};
use crate::dns::{Body, DomainName, RecordType, name};
use crate::zone::Zone;

/// CNAMEs in a row that are followed. A longer chain is answered as far as it was followed.
const MAX_CHAIN: usize = 16;

/// An answer behind CNAMEs of the zone.
#[derive(Debug)]
pub struct Behind<'z> {
    /// The CNAMEs, each a record of its own, the first that of the name that was asked.
    pub cnames: Vec<&'z Body>,
    /// Where the last of them points.
    pub name: &'z DomainName,
    /// What is to be done for that name.
    pub end: Resolution<'z>,
}

/// Follows a CNAME that is not the zone's, as [`resolve`](super::resolve) follows those that are.
#[must_use]
pub fn follow<'z>(
    zone: &'z Zone,
    (cname, target): (&'z Body, &'z DomainName),
    qtype: RecordType,
    spin: u32,
) -> Resolution<'z> {
    Asked { zone, qtype, spin }.follow(cname, target)
}

impl<'z> Asked<'z> {
    /// Follows a CNAME to where it ends, leaves the zone or comes back to itself.
    pub(super) fn follow(self, cname: &'z Body, target: &'z DomainName) -> Resolution<'z> {
        let origin = self.zone.settings.origin.as_wire();
        let leaves = |target: &DomainName| !name::is_within(target.as_wire(), origin);
        if leaves(target) {
            return Resolution::Chase { alias: cname, target };
        }
        let (mut cnames, mut targets) = (vec![cname], vec![target]);
        let mut name = target;
        loop {
            let (cname, target) = match self.at(name.as_wire()).1 {
                Step::Done(end) => return Resolution::Behind(Box::new(Behind { cnames, name, end })),
                Step::Follow { cname, target } => (cname, target),
            };
            if leaves(target) {
                let end = Resolution::Chase { alias: cname, target };
                return Resolution::Behind(Box::new(Behind { cnames, name, end }));
            }
            cnames.push(cname);
            if targets.contains(&target) || cnames.len() >= MAX_CHAIN {
                let end = Resolution::Reply(&self.zone.fixed.unfinished);
                return Resolution::Behind(Box::new(Behind { cnames, name: target, end }));
            }
            targets.push(target);
            name = target;
        }
    }
}
