use super::*;
use crate::inventory::{Change, Document, Outcome, reduce};
use crate::zone::ZoneWriter;

const ECS: &str = "arn:aws:ecs:us-east-1:123456789012";

fn inventory(services: &[serde_json::Value]) -> Inventory {
    let document = serde_json::json!({
        "format": "ecs-resolver inventory 1",
        "clusters": [{ "arn": format!("{ECS}:cluster/prod"), "name": "prod" }],
        "services": services,
        "load_balancers": [
            { "id": "outside", "dns_name": "outside-1.elb.amazonaws.com", "scheme": "internet-facing" },
            { "id": "inside", "dns_name": "Inside-1.elb.amazonaws.com", "scheme": "internal" },
        ],
    });
    let document: Document = serde_json::from_value(document).unwrap();
    document.into_changes(crate::ecs::Timestamp::UNIX_EPOCH).into_iter().fold(
        Inventory::default(),
        |inventory, change| {
            let applied = matches!(change, Change::Apply { .. } | Change::Synced { .. });
            let (next, outcome) = reduce(inventory, change);
            assert!(applied && outcome != Outcome::Stale);
            next
        },
    )
}

fn service(name: &str, status: &str, balancers: &[&str]) -> serde_json::Value {
    let declared: Vec<_> = balancers.iter().map(|name| serde_json::json!({ "load_balancer_name": name })).collect();
    serde_json::json!({
        "arn": format!("{ECS}:service/prod/{name}"),
        "name": name,
        "cluster": format!("{ECS}:cluster/prod"),
        "status": status,
        "load_balancers": declared,
    })
}

fn desired(services: &[serde_json::Value], kinds: &[Kind]) -> Desired {
    let inventory = inventory(services);
    let settings = Settings::new(DomainName::from_text("ecs.internal").unwrap(), vec!["prod".to_owned()]);
    let mut writer = ZoneWriter::new(settings, &inventory, 1);
    writer.update(&inventory, &inventory.services.keys().cloned().map(Subject::Service).collect());
    let clusters = inventory.clusters.keys().cloned().collect();
    Desired::of(&inventory, writer.zone(), &clusters, &Options { kinds: kinds.iter().copied().collect() })
}

fn key(name: &str) -> ServiceKey {
    ServiceKey::new(&ClusterArn::parse(&format!("{ECS}:cluster/prod")).unwrap(), name)
}

#[test]
fn a_load_balanced_service_wants_its_best_label_and_the_internal_one() {
    let desired = desired(&[service("My_App", "ACTIVE", &["outside", "inside"])], &Kind::ALL);
    let names: Vec<_> = desired.names.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["my_app.ecs.internal."], "the twin with a hyphen is not registered");
    let wanted = desired.names.values().next().unwrap();
    assert_eq!(super::super::record::values(&wanted.sets[0]).unwrap().1, ["Inside-1.elb.amazonaws.com"]);
    assert_eq!(wanted.balancers.len(), 2, "a CNAME to either may be adopted");
}

#[test]
fn what_is_not_known_is_held_and_what_is_leaving_wants_nothing() {
    let services = [
        service("half", "ACTIVE", &["outside", "not-read"]),
        service("leaving", "DRAINING", &["inside"]),
        service("task", "ACTIVE", &["inside"]),
        service("alone", "ACTIVE", &[]),
    ];
    let desired = desired(&services, &[Kind::Cname]);
    assert!(desired.names.is_empty(), "{:?}", desired.names);
    assert_eq!(desired.held[&key("half")], "load balancer not-read could not be read");
    assert!(desired.unregistered[&key("task")].contains("`task` is reserved"), "{:?}", desired.unregistered);
    assert_eq!(desired.unregistered.len(), 1);
}

#[test]
fn of_two_with_one_label_the_loser_is_told() {
    let mut services = [service("Api", "ACTIVE", &["inside"]), service("api", "ACTIVE", &["inside"])];
    services[1]["created_at"] = "2020-01-01T00:00:00Z".into();
    let desired = desired(&services, &[Kind::Cname]);
    let owners: Vec<_> = desired.names.values().map(|wanted| wanted.ownership.service.name.to_string()).collect();
    assert_eq!(owners, ["api"], "the older one");
    assert!(desired.unregistered[&key("Api")].contains("is the name of service api of cluster prod: rename one"));
}
