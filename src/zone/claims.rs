//! Who may say what a name says.
//!
//! A name can be claimed by several subjects: twins, shortened names, flat names of several clusters, hosts. The
//! claims are ordered, the first is shown, and the others wait for it to go. Where two services are equally entitled,
//! the answer says so.

use std::cmp::Ordering;
use std::sync::Arc;

use super::block::Named;
use super::naming::Form;
use super::node::Node;
use crate::dns::{DomainName, Ede};
use crate::ecs::Timestamp;
use crate::inventory::Subject;

/// Where a claim comes from: what decides between equally exact claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Who; `None` for the zone's own records.
    pub subject: Option<Subject>,
    /// Position of its cluster among the default clusters; others come after them.
    pub order: usize,
    /// Whether the service is being deleted: an ACTIVE one goes first.
    pub leaving: bool,
    /// When it was created: the older one keeps a name.
    pub created_at: Timestamp,
}

impl Origin {
    fn precedence(&self) -> (usize, bool, Timestamp, &Option<Subject>) {
        (self.order, self.leaving, self.created_at, &self.subject)
    }
}

/// One subject's wish for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// How true the name is to the subject's own.
    pub form: Form,
    /// Whose wish.
    pub origin: Arc<Origin>,
    /// What the name would say.
    pub node: Arc<Node>,
}

impl Claim {
    fn precedence(&self, other: &Self) -> Ordering {
        self.form.cmp(&other.form).then_with(|| self.origin.precedence().cmp(&other.origin.precedence()))
    }
}

/// A name that several subjects have: what they claim, and how many have names below it.
#[derive(Debug, Clone)]
pub struct Claims {
    /// The name.
    pub name: DomainName,
    /// Best first.
    claims: Vec<Claim>,
    /// Subjects that say nothing here but have names below: an empty non-terminal exists through them alone (RFC 8020).
    above: usize,
    /// What the name says; `None` for an empty non-terminal.
    shown: Option<Arc<Node>>,
}

impl Claims {
    /// A name without claims.
    #[must_use]
    pub fn new(name: DomainName) -> Self {
        Self { name, claims: Vec::new(), above: 0, shown: None }
    }

    /// What the name says; `None` for an empty non-terminal.
    #[must_use]
    pub fn shown(&self) -> Option<&Arc<Node>> {
        self.shown.as_ref()
    }

    /// The claim that is shown.
    #[must_use]
    pub fn winner(&self) -> Option<&Claim> {
        self.claims.first()
    }

    /// The claim that lost against an equally exact one of the same standing.
    #[must_use]
    pub fn loser(&self) -> Option<&Claim> {
        let (first, second) = (self.claims.first()?, self.claims.get(1)?);
        let is_service = |claim: &Claim| matches!(claim.origin.subject, Some(Subject::Service(_)));
        let equal = first.form == second.form && first.origin.order == second.origin.order;
        (equal && is_service(first) && is_service(second)).then_some(second)
    }

    /// Whether the name exists: it says something, or something below it does.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.shown.is_some() || self.above > 0
    }

    /// A subject has `after` here and no longer `before`. Returns whether what the name says has changed.
    pub fn replace(&mut self, before: Option<&Named<'_>>, after: Option<&Named<'_>>) -> bool {
        let is_above = |named: Option<&Named<'_>>| usize::from(named.is_some_and(|named| named.said.is_none()));
        self.above = (self.above + is_above(after)).saturating_sub(is_above(before));
        match after.and_then(|after| Some((after.origin, after.said?))) {
            Some((origin, (form, node))) => {
                self.claim(Claim { form, origin: Arc::clone(origin), node: Arc::new(node.clone()) })
            }
            None => before.is_some_and(|before| self.drop_claim(before.origin.subject.as_ref())),
        }
    }

    /// Puts a claim in the place of the one of the same subject. Returns whether what the name says has changed.
    pub fn claim(&mut self, claim: Claim) -> bool {
        let place = self.claims.iter().position(|other| other.origin.subject == claim.origin.subject);
        if let Some(place) = place {
            if self.claims[place] == claim {
                return false;
            }
            self.claims.remove(place);
        }
        let at = self.claims.partition_point(|other| other.precedence(&claim) == Ordering::Less);
        self.claims.insert(at, claim);
        self.show()
    }

    fn drop_claim(&mut self, subject: Option<&Subject>) -> bool {
        self.claims.retain(|claim| claim.origin.subject.as_ref() != subject);
        self.claims.shrink_to_fit();
        self.show()
    }

    fn show(&mut self) -> bool {
        let shown = match (self.winner(), self.loser()) {
            (None, _) => None,
            (Some(winner), None) => Some(Arc::clone(&winner.node)),
            (Some(winner), Some(loser)) => {
                let ede = Arc::new(contested(&self.name, winner, loser));
                Some(Arc::new(winner.node.map_bodies(|body| body.with_ede(&ede))))
            }
        };
        let changed = shown != self.shown;
        if changed {
            self.shown = shown;
        }
        changed
    }
}

fn contested(name: &DomainName, winner: &Claim, loser: &Claim) -> Ede {
    let service = |claim: &Claim| match &claim.origin.subject {
        Some(Subject::Service(key)) => format!("{} of {}", key.name, key.cluster.id()),
        _ => String::new(),
    };
    Ede::new(Ede::OTHER, &format!("{name} is service {}; also wanted by {}", service(winner), service(loser)))
}
