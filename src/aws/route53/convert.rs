//! Between the SDK's values and ours.

use aws_sdk_route53::types::{self, ResourceRecordSetFailover, RrType};
use aws_smithy_types::error::operation::BuildError;

use crate::dns::{RecordType, presentation};
use crate::route53::{Action, AliasTarget, Content, HostedZone, HostedZoneId, RecordChange, RecordSet, Routing, name};

/// `None` if its name is none.
pub(super) fn hosted_zone(from: &types::HostedZone) -> Option<HostedZone> {
    Some(HostedZone {
        id: HostedZoneId::new(from.id()),
        name: name::parse(from.name())?,
        private: from.config().is_some_and(types::HostedZoneConfig::private_zone),
        record_sets: from.resource_record_set_count().and_then(|count| u64::try_from(count).ok()),
        owned_by: from.linked_service().and_then(|service| service.service_principal()).map(str::to_owned),
        vpcs: Vec::new(),
    })
}

/// A listed record set, or in words why it is none.
pub(super) fn record_set(from: &types::ResourceRecordSet) -> Result<RecordSet, String> {
    let label = || format!("{} {}", from.name(), from.r#type().as_str());
    let owner = name::parse(from.name()).ok_or_else(|| format!("{}: the name is no domain name", label()))?;
    let kind = presentation::record_type(from.r#type().as_str());
    Ok(RecordSet {
        name: owner,
        kind: kind.ok_or_else(|| format!("{}: the type is not known", label()))?,
        content: content(from).ok_or_else(|| format!("{}: its alias target or TTL is none", label()))?,
        routing: routing(from),
        set_identifier: from.set_identifier().map(str::to_owned),
        health_check: from.health_check_id().map(str::to_owned),
    })
}

fn content(from: &types::ResourceRecordSet) -> Option<Content> {
    if let Some(target) = from.alias_target() {
        return Some(Content::Alias(AliasTarget {
            zone: HostedZoneId::new(target.hosted_zone_id()),
            name: name::parse(target.dns_name())?,
            evaluates_health: target.evaluate_target_health(),
        }));
    }
    let values = from.resource_records().iter().map(|record| record.value().to_owned()).collect();
    Some(Content::Values { ttl: u32::try_from(from.ttl()?).ok()?, values })
}

fn routing(from: &types::ResourceRecordSet) -> Routing {
    let weight = from.weight().map(|weight| u8::try_from(weight).unwrap_or(u8::MAX));
    if from.cidr_routing_config().is_some() || from.geo_proximity_location().is_some() {
        Routing::Other
    } else if let Some(weight) = weight {
        Routing::Weighted(weight)
    } else if let Some(failover) = from.failover() {
        Routing::Failover { primary: *failover == ResourceRecordSetFailover::Primary }
    } else if let Some(region) = from.region() {
        Routing::Latency { region: region.as_str().to_owned() }
    } else if let Some(place) = from.geo_location() {
        Routing::Geolocation {
            continent: place.continent_code().map(str::to_owned),
            country: place.country_code().map(str::to_owned),
            subdivision: place.subdivision_code().map(str::to_owned),
        }
    } else if from.multi_value_answer() == Some(true) {
        Routing::Multivalue
    } else if from.set_identifier().is_some() {
        Routing::Other
    } else {
        Routing::Simple
    }
}

/// A change as the API takes it: names and types are written as they are listed.
pub(super) fn change(from: &RecordChange) -> Result<types::Change, BuildError> {
    let action = match from.action {
        Action::Create => types::ChangeAction::Create,
        Action::Delete => types::ChangeAction::Delete,
        Action::Upsert => types::ChangeAction::Upsert,
    };
    types::Change::builder().action(action).resource_record_set(listed(&from.set)?).build()
}

fn listed(from: &RecordSet) -> Result<types::ResourceRecordSet, BuildError> {
    let mut set = types::ResourceRecordSet::builder()
        .name(name::text(&from.name))
        .r#type(record_type(from.kind))
        .set_set_identifier(from.set_identifier.clone())
        .set_health_check_id(from.health_check.clone());
    set = match &from.content {
        Content::Values { ttl, values } => {
            let values = values.iter().map(|value| types::ResourceRecord::builder().value(value).build());
            set.ttl(i64::from(*ttl)).set_resource_records(Some(values.collect::<Result<_, _>>()?))
        }
        Content::Alias(target) => {
            let alias = types::AliasTarget::builder().hosted_zone_id(target.zone.as_str());
            let alias = alias.dns_name(name::text(&target.name)).evaluate_target_health(target.evaluates_health);
            set.alias_target(alias.build()?)
        }
    };
    match &from.routing {
        Routing::Simple | Routing::Other => set,
        Routing::Weighted(weight) => set.weight(i64::from(*weight)),
        Routing::Multivalue => set.multi_value_answer(true),
        Routing::Failover { primary: true } => set.failover(ResourceRecordSetFailover::Primary),
        Routing::Failover { primary: false } => set.failover(ResourceRecordSetFailover::Secondary),
        Routing::Latency { region } => set.region(region.as_str().into()),
        Routing::Geolocation { continent, country, subdivision } => {
            let place = types::GeoLocation::builder().set_continent_code(continent.clone());
            let place = place.set_country_code(country.clone()).set_subdivision_code(subdivision.clone());
            set.geo_location(place.build())
        }
    }
    .build()
}

fn record_type(kind: RecordType) -> RrType {
    RrType::from(presentation::type_name(kind).as_str())
}
