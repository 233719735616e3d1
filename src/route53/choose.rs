//! Which hosted zone is meant: the private one of our zone's name, and no other.

use super::{HostedZone, HostedZoneId};
use crate::dns::DomainName;

/// Why no zone can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The zone with the id that was given has another name.
    #[error("hosted zone {id} is {found} and dns.zone is {wanted}: set route53.zone_id to the private zone {wanted}")]
    OtherName {
        /// The zone.
        id: HostedZoneId,
        /// Its name.
        found: DomainName,
        /// Ours.
        wanted: DomainName,
    },
    /// The zone is public: what is in it is everybody's.
    #[error("hosted zone {id} ({name}) is public, not private: set route53.zone_id to the private zone of that name")]
    Public {
        /// The zone.
        id: HostedZoneId,
        /// Its name.
        name: DomainName,
    },
    /// There is none of that name.
    #[error("there is no private hosted zone {wanted} in this account: create it, or set route53.zone_id")]
    None {
        /// Our zone.
        wanted: DomainName,
    },
    /// There are several of that name, for different VPCs.
    #[error("{} are all private hosted zones {wanted}: set route53.zone_id to the one of this VPC", list(.ids))]
    Several {
        /// Our zone.
        wanted: DomainName,
        /// All of them.
        ids: Vec<HostedZoneId>,
    },
}

fn list(ids: &[HostedZoneId]) -> String {
    let ids: Vec<_> = ids.iter().map(HostedZoneId::as_str).collect();
    ids.join(" and ")
}

/// Judges the zone that was configured by its id.
///
/// # Errors
/// When it is not the private zone `wanted`.
pub fn by_id(zone: HostedZone, wanted: &DomainName) -> Result<HostedZone, Unfit> {
    if zone.name != *wanted {
        return Err(Unfit::OtherName { id: zone.id, found: zone.name, wanted: wanted.clone() });
    }
    if !zone.private {
        return Err(Unfit::Public { id: zone.id, name: zone.name });
    }
    Ok(zone)
}

/// Finds the private zone `wanted` among zones that were listed.
///
/// # Errors
/// When there is none, or more than one.
pub fn by_name(zones: Vec<HostedZone>, wanted: &DomainName) -> Result<HostedZone, Unfit> {
    let (mut private, public): (Vec<_>, Vec<_>) =
        zones.into_iter().filter(|zone| zone.name == *wanted).partition(|zone| zone.private);
    match (private.pop(), public.into_iter().next()) {
        (Some(zone), _) if private.is_empty() => Ok(zone),
        (Some(zone), _) => {
            let mut ids: Vec<_> = private.into_iter().map(|zone| zone.id).chain([zone.id]).collect();
            ids.sort();
            Err(Unfit::Several { wanted: wanted.clone(), ids })
        }
        (None, Some(zone)) => Err(Unfit::Public { id: zone.id, name: zone.name }),
        (None, None) => Err(Unfit::None { wanted: wanted.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str, name: &str, private: bool) -> HostedZone {
        HostedZone {
            id: HostedZoneId::new(id),
            name: DomainName::from_text(name).unwrap(),
            private,
            record_sets: None,
            owned_by: None,
            vpcs: Vec::new(),
        }
    }

    #[test]
    fn the_one_private_zone_of_the_name_is_taken() {
        let wanted = DomainName::from_text("ecs.internal").unwrap();
        let (ours, public) = (zone("/hostedzone/Z1", "ECS.internal.", true), zone("Z2", "ecs.internal", false));
        let (other, second) = (zone("Z3", "x.ecs.internal", true), zone("Z0", "ecs.internal", true));
        let of = |zones: &[&HostedZone]| by_name(zones.iter().copied().cloned().collect(), &wanted);
        assert_eq!(of(&[&public, &ours, &other]).unwrap().id.as_str(), "Z1");
        let said = |result: Result<HostedZone, Unfit>| result.unwrap_err().to_string();
        assert!(said(of(&[&ours, &second])).starts_with("Z0 and Z1 are all private hosted zones ecs.internal."));
        assert!(said(of(&[&other])).starts_with("there is no private hosted zone ecs.internal."));
        assert!(said(of(&[&public])).contains("Z2 (ecs.internal.) is public"));
        assert_eq!(by_id(ours.clone(), &wanted), Ok(ours));
        assert!(said(by_id(other, &wanted)).contains("Z3 is x.ecs.internal. and dns.zone is ecs.internal."));
        assert!(said(by_id(public, &wanted)).contains("public"));
    }
}
