//! CNAMEs from name to name, through all layers of the zone (RFC 1034 4.3.2, step 3a).

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Asked, Resolution, Step};
use crate::dns::reply::{Ageing, Alias, Hop};
use crate::dns::{Body, DomainName, Ede, Question, name};
use crate::zone::Zone;

/// CNAMEs in a row that are followed, whoever says them: of us, or of an upstream into our zone. Those of an upstream that
/// lead nowhere else may come behind them. A longer chain is answered as far as it was followed.
const MAX_CHAIN: usize = 16;

/// CNAMEs in a row, each of which points to the owner of the next, the first that of the name that was asked. There is
/// room within it for as many as are followed.
#[derive(Debug, Default)]
pub struct Chain<'z> {
    cnames: SmallVec<[Alias<'z>; MAX_CHAIN]>,
    targets: SmallVec<[Cow<'z, DomainName>; MAX_CHAIN]>,
}

/// What an upstream has said of the name at the end of a [`Chain`], where that leads into our zone.
#[derive(Debug, Clone, Copy)]
pub struct Entrance<'e> {
    /// The CNAMEs that it begins with, in their order.
    pub hops: &'e [Hop],
    /// Whether it has records of the type asked behind them.
    pub is_answered: bool,
    /// What has become of its TTLs.
    pub ageing: Ageing,
    /// Why it is said all the same, if its time is over.
    pub stale: Option<&'e Arc<Ede>>,
}

impl<'z> Chain<'z> {
    /// The CNAMEs, each a record of its own.
    #[must_use]
    pub fn cnames(&self) -> &[Alias<'z>] {
        &self.cnames
    }

    /// Where they lead; `None` if there are none.
    #[must_use]
    pub fn end(&self) -> Option<&DomainName> {
        self.targets.last().map(AsRef::as_ref)
    }

    /// These, one after the other, each with where it points.
    #[cfg(test)]
    pub(crate) fn of(cnames: impl IntoIterator<Item = (&'z Body, &'z DomainName)>) -> Self {
        let link = |(cname, target)| (Alias::Ours(cname), Cow::Borrowed(target));
        let (cnames, targets) = cnames.into_iter().map(link).unzip();
        Self { cnames, targets }
    }

    fn is_full(&self) -> bool {
        self.cnames.len() >= MAX_CHAIN
    }

    /// Adds a CNAME to those of the name `asked`; `false` if that is not the way to anywhere: there are too many, or it leads
    /// back to a name that they have passed.
    fn push(&mut self, asked: &[u8], cname: Alias<'z>, target: Cow<'z, DomainName>) -> bool {
        if self.is_full() {
            return false;
        }
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

/// Follows the CNAMEs that an upstream has said, behind `chain`, to the first name among their targets that the zone answers
/// itself, and goes on from there as [`resolve`](super::resolve) does: the layers are asked name by name, whoever leads to
/// one. Where the zone would ask the upstream for a name, what that has said of it holds, unless it has nothing: then the
/// name is to be asked for by itself, as there may be other upstreams for it. `None`: what has been said is the answer.
#[must_use]
pub fn enter<'z>(
    zone: &'z Zone,
    question: &Question<'_>,
    spin: u32,
    chain: &mut Chain<'z>,
    said: Entrance<'_>,
) -> Option<Resolution<'z>> {
    let asked = Asked { zone, name: question.name(), qtype: question.qtype, spin };
    let (index, step) = said.hops.iter().enumerate().find_map(|(index, hop)| {
        let target = hop.target.as_wire();
        let step = name::is_within(target, zone.settings.origin.as_wire()).then(|| asked.at(target).1)?;
        let goes_on = said.is_answered || index + 1 < said.hops.len();
        (!goes_on || !step.is_upstreams()).then_some((index, step))
    })?;
    for hop in said.hops.get(..=index)? {
        let Entrance { ageing, stale, .. } = said;
        let cname = Alias::Theirs { records: hop.records.clone(), ageing, stale: stale.cloned() };
        if !chain.push(asked.name, cname, Cow::Owned(hop.target.clone())) {
            return Some(Resolution::Reply(&zone.fixed.unfinished));
        }
    }
    Some(asked.go(chain, step))
}

impl Step<'_> {
    /// Whether it is for an upstream to say what the name has.
    fn is_upstreams(&self) -> bool {
        match self {
            Self::Done(Resolution::Reply(_) | Resolution::Flatten { .. }) | Self::Follow { .. } => false,
            Self::Done(
                Resolution::Fallback { .. } | Resolution::Prefer { .. } | Resolution::Ask | Resolution::Forward,
            ) => true,
        }
    }
}

impl<'z> Asked<'z, '_> {
    /// Goes on from a step to where aliases end, leave the zone or come back to a name that they have passed.
    pub(super) fn go(self, chain: &mut Chain<'z>, mut step: Step<'z>) -> Resolution<'z> {
        loop {
            let (cname, target) = match step {
                Step::Done(end) => return end,
                Step::Follow { cname, target } => (cname, target),
            };
            if !chain.push(self.name, Alias::Ours(cname), Cow::Borrowed(target)) {
                return Resolution::Reply(&self.zone.fixed.unfinished);
            }
            if !name::is_within(target.as_wire(), self.zone.settings.origin.as_wire()) {
                return Resolution::Forward;
            }
            step = self.at(target.as_wire()).1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::RecordType;
    use crate::forward::testing::{client_query, plain};
    use crate::inventory::Inventory;
    use crate::resolve::resolve;
    use crate::route53::{Content, RecordSet, Routing};
    use crate::zone::{Settings, ZoneWriter};

    fn set(owner: &str, kind: RecordType, value: &str) -> RecordSet {
        RecordSet {
            name: DomainName::from_text(&format!("{owner}.ecs.internal")).unwrap(),
            kind,
            content: Content::Values { ttl: 60, values: vec![value.to_owned()] },
            routing: Routing::Simple,
            set_identifier: None,
            health_check: None,
        }
    }

    /// How many CNAMEs `name` leads through, and how many records are at their end; `None` if the zone has no answer there.
    fn follow(cnames: &[(&str, &str)], name: &str) -> (usize, Option<usize>) {
        let cname = |(owner, target): &(&str, &str)| set(owner, RecordType::CNAME, target);
        let mut settings = Settings::new(DomainName::from_text("ecs.internal").unwrap(), Vec::new());
        settings.records = cnames.iter().map(cname).chain([set("end", RecordType::A, "10.0.0.1")]).collect();
        let writer = ZoneWriter::new(settings, &Inventory::default(), 1);
        let query = client_query(&format!("{name}.ecs.internal"), RecordType::A, None);
        let decision = resolve(writer.zone(), &plain(&query), 0);
        let end = match decision.end {
            Resolution::Reply(body) => Some(body.answer_count()),
            _ => None,
        };
        (decision.chain.cnames().len(), end)
    }

    #[test]
    fn sixteen_aliases_are_followed_and_no_more() {
        for (length, expected) in [(1, (1, Some(1))), (15, (15, Some(1))), (16, (16, Some(1))), (17, (16, Some(0)))] {
            let names: Vec<String> = (0..length).map(|at| format!("c{at}")).collect();
            let target = |at: usize| names.get(at + 1).map_or("end", String::as_str);
            let targets: Vec<String> = (0..length).map(|at| format!("{}.ecs.internal.", target(at))).collect();
            let cnames: Vec<_> = names.iter().map(String::as_str).zip(targets.iter().map(String::as_str)).collect();
            assert_eq!(follow(&cnames, "c0"), expected, "{length}");
            let mut out = cnames.clone();
            out.last_mut().unwrap().1 = "elsewhere.example.";
            assert_eq!(
                follow(&out, "c0"),
                (length.min(16), (length > 16).then_some(0)),
                "{length}, and out of the zone"
            );
        }
    }

    #[test]
    fn a_circle_is_gone_through_once() {
        let circle = [("a", "b.ecs.internal."), ("b", "c.ecs.internal."), ("c", "a.ecs.internal.")];
        assert_eq!(follow(&circle, "a"), (3, Some(0)));
        let tail = [("x", "a.ecs.internal."), ("a", "b.ecs.internal."), ("b", "a.ecs.internal.")];
        assert_eq!(follow(&tail, "x"), (3, Some(0)), "no record twice");
        assert_eq!(follow(&[("self", "self.ecs.internal.")], "self"), (1, Some(0)));
    }
}
