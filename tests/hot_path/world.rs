//! Clusters of any size, some of their services behind load balancers, and what may be configured beside them.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use ecs_resolver::access::cookies::{Secret, Secrets};
use ecs_resolver::access::{Access, AccessSettings, Surroundings};
use ecs_resolver::dns::{DomainName, RecordType};
use ecs_resolver::ecs::{LoadBalancer, LoadBalancerId, LoadBalancerRef, Scheme, Timestamp};
use ecs_resolver::forward::hosts;
use ecs_resolver::forward::local::Blocked;
use ecs_resolver::forwarder::Forwarder;
use ecs_resolver::inventory::{Inventory, Outcome, reduce};
use ecs_resolver::responder::Responder;
use ecs_resolver::route53::{AliasTarget, Content, HostedZoneId, RecordSet, Routing};
use ecs_resolver::snapshot::{Shared, Snapshot};
use ecs_resolver::source::synthetic::synthetic;
use ecs_resolver::zone::layers::HostedRecords;
use ecs_resolver::zone::{Fallback, Settings, Zone, ZoneWriter};

use super::kinds::World;
use super::upstream::{self, Upstream};

/// Services of a world by default; what else is configured does not grow with them.
pub const SERVICES: usize = 1_000;

/// The responder of `services` services of three tasks each, at least ten, of which ten more are behind load balancers. To
/// be made within a tokio runtime.
pub fn responder(world: World, services: usize) -> Arc<Responder> {
    let mut forward = upstream::settings();
    if world == World::Hosted {
        let blocked = [name("ads.example")];
        forward.local = forward.local.with_hosts(&hosts::parse("192.0.0.9 nas.lan")).with_records(&outside());
        forward.local = forward.local.with_blocked(&blocked, Blocked::NxDomain);
    }
    let snapshot = Snapshot { generation: 1, zone: zone(world, services), ede: None };
    let forwarder = Forwarder::new(forward, Arc::new(Upstream));
    Arc::new(Responder::new(Shared::new(snapshot), forwarder, Arc::new(access(world))))
}

fn zone(world: World, services: usize) -> Zone {
    let mut document = synthetic(services, 3);
    for number in 0..10 {
        let id = LoadBalancerId(format!("lb-{number}").into());
        let mut service = document.services[number].clone();
        service.name = if number == 1 { "gone-lb".to_owned() } else { format!("lb-{number}") };
        service.load_balancers = vec![LoadBalancerRef::LoadBalancerName(id.clone())];
        document.services.push(service);
        let dns_name = format!("{}-{number}.example.com", if number == 9 { "gone" } else { "lb" });
        document.load_balancers.push(LoadBalancer { id, dns_name, scheme: Scheme::Internal });
    }
    let mut inventory = Inventory::default();
    let mut writer = ZoneWriter::new(settings(world), &inventory, 1);
    let mut touched = std::collections::BTreeSet::new();
    for change in document.into_changes(Timestamp::from_second(1_700_000_000).expect("a time")) {
        let (next, outcome) = reduce(inventory, change);
        inventory = next;
        if let Outcome::Changed(subjects) = outcome {
            touched.extend(subjects);
        }
    }
    writer.update(&inventory, &touched);
    if world == World::Hosted {
        writer.replace_hosted(&HostedRecords { zone: HostedZoneId::new("Z1"), sets: hosted(), unreadable: Vec::new() });
    }
    writer.zone().clone()
}

fn settings(world: World) -> Settings {
    let clusters = ["prod", "late"].map(str::to_owned);
    let clusters = if world == World::Early { clusters.to_vec() } else { clusters[..1].to_vec() };
    let settings = Settings::new(name("ecs.internal"), clusters);
    match world {
        World::Hosted => Settings { fallback: Fallback::Api, records: inside(), ..settings },
        World::Fallback => Settings { fallback: Fallback::Resolver, ..settings },
        World::Prefer => Settings { fallback: Fallback::Resolver, prefer_route53: true, ..settings },
        World::Plain | World::Early | World::Closed | World::Limited => settings,
    }
}

/// Who may ask: everybody, as if from our own networks, unless it is about that.
fn access(world: World) -> Access {
    let open = AccessSettings::open();
    let [nobody, loopback] = ["127.9.9.9/32", "127.0.0.0/8"].map(|text| text.parse().expect("a network"));
    let settings = match world {
        World::Plain | World::Fallback | World::Prefer | World::Early => open,
        World::Hosted => AccessSettings { cookies: true, ..open },
        World::Closed => AccessSettings { own: vec![nobody], deny: vec![loopback], ..open },
        World::Limited => {
            let rate = Some(NonZeroU32::MIN);
            AccessSettings { own: vec![nobody], allow: vec![loopback], rate, slip: 1, cookies: true, ..open }
        }
    };
    let secrets = Secrets { current: Secret::new([7; 16]), other: None };
    let time = (0, tokio::time::Instant::now().into_std());
    Access::new(settings, Surroundings { networks: Vec::new(), secrets, time })
}

fn name(text: &str) -> DomainName {
    DomainName::from_text(text).expect("a name")
}

fn set(owner: &str, kind: RecordType, values: &[&str]) -> RecordSet {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    RecordSet {
        name: name(owner),
        kind,
        content: Content::Values { ttl: 60, values },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    }
}

fn cnames(cnames: &[(&str, &str)]) -> Vec<RecordSet> {
    cnames.iter().map(|(owner, target)| set(owner, RecordType::CNAME, &[target])).collect()
}

/// Records of the configuration, in the zone.
fn inside() -> Vec<RecordSet> {
    let many: Vec<String> = (1..=100).map(|host| IpAddr::from([10, 8, 0, host]).to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut sets = vec![
        set("own.ecs.internal", RecordType::A, &["10.9.0.1", "10.9.0.2"]),
        set("large.ecs.internal", RecordType::A, &many),
    ];
    sets.extend(cnames(&[
        ("one.ecs.internal", "two.ecs.internal."),
        ("two.ecs.internal", "svc-0007.ecs.internal."),
        ("lost.ecs.internal", "nosuch.ecs.internal."),
        ("to-srv.ecs.internal", "_http._tcp.svc-0007.ecs.internal."),
        ("c-16.ecs.internal", "svc-0007.ecs.internal."),
        ("round.ecs.internal", "trip.ecs.internal."),
        ("trip.ecs.internal", "round.ecs.internal."),
        ("out.ecs.internal", "out-2.ecs.internal."),
        ("out-2.ecs.internal", "www.example.com."),
        ("out-gone.ecs.internal", "gone.example.com."),
        ("out-far.ecs.internal", "far.example.com."),
        ("out-down.ecs.internal", "www.down.example."),
        ("out-alone.ecs.internal", "nobody.asked.example."),
        ("to-flat.ecs.internal", "flat.ecs.internal."),
        ("to-sub.ecs.internal", "www.sub.ecs.internal."),
    ]));
    sets.extend(
        (0..16).flat_map(|at| cnames(&[(&format!("c-{at}.ecs.internal"), &format!("c-{}.ecs.internal.", at + 1))])),
    );
    sets
}

/// Records of the configuration, outside of the zone.
fn outside() -> Vec<RecordSet> {
    let mut sets = vec![set("db.corp.example", RecordType::A, &["10.1.2.3"])];
    sets.extend(cnames(&[
        ("alias.corp.example", "db.corp.example."),
        ("web.corp.example", "svc-0007.ecs.internal."),
        ("home.corp.example", "nosuch.ecs.internal."),
        ("far.corp.example", "www.example.com."),
    ]));
    sets
}

/// Record sets of the hosted zone.
fn hosted() -> Vec<RecordSet> {
    let a = |owner: &str, values: &[&str]| set(&format!("{owner}.ecs.internal"), RecordType::A, values);
    let alias = |owner: &str, kind, target: &str| {
        let target = AliasTarget { zone: HostedZoneId::new("Z9"), name: name(target), evaluates_health: false };
        RecordSet { kind, content: Content::Alias(target), ..a(owner, &[]) }
    };
    let routed = |set, routing| RecordSet { routing, set_identifier: Some("i".to_owned()), ..set };
    let mut sets = vec![
        a("static", &["10.7.0.1", "10.7.0.2"]),
        a("*.wild", &["10.7.1.1", "10.7.1.2"]),
        set("sub.ecs.internal", RecordType::NS, &["ns.example.com."]),
        alias("flat", RecordType::A, "lb-flat.example.com"),
        alias("flat", RecordType::AAAA, "lb-flat.example.com"),
        alias("flat-gone", RecordType::A, "gone.example.com"),
        alias("flat-far", RecordType::A, "far.example.com"),
        alias("flat-down", RecordType::A, "www.down.example"),
    ];
    sets.extend((1..=3).map(|at: u8| routed(a("weighted", &[&format!("10.7.2.{at}")]), Routing::Weighted(at))));
    sets.extend((1..=20).map(|at| routed(a("many", &[&format!("10.7.3.{at}")]), Routing::Multivalue)));
    let asked = ["ask", "none-ask", "gone-ask"].into_iter();
    sets.extend(asked.map(|owner| routed(a(owner, &["10.7.4.1"]), Routing::Failover { primary: true })));
    sets
}
