use super::*;
use crate::inventory::{Change, Document, Outcome, reduce};
use crate::register::record::simple;
use crate::zone::ZoneWriter;

const ECS: &str = "arn:aws:ecs:us-east-1:123456789012";

fn inventory(services: &[serde_json::Value]) -> Inventory {
    inventory_with_tasks(services, &[])
}

/// These services, and tasks of the definition `web:1`, which listens at one port.
fn inventory_with_tasks(services: &[serde_json::Value], tasks: &[serde_json::Value]) -> Inventory {
    let port = serde_json::json!({ "name": "http", "container_port": 8080 });
    let document = serde_json::json!({
        "format": "ecs-resolver inventory 1",
        "clusters": [{ "arn": format!("{ECS}:cluster/prod"), "name": "prod" }],
        "services": services,
        "tasks": tasks,
        "task_definitions": [{
            "arn": format!("{ECS}:task-definition/web:1"),
            "network_mode": "awsvpc",
            "containers": [{ "name": "app", "port_mappings": [port] }],
        }],
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
    desired_beside(Vec::new(), &inventory(services), kinds)
}

/// What is desired if the configuration has these records.
fn desired_beside(records: Vec<RecordSet>, inventory: &Inventory, kinds: &[Kind]) -> Desired {
    let settings = Settings::new(DomainName::from_text("ecs.internal").unwrap(), vec!["prod".to_owned()]);
    let settings = Settings { records, ..settings };
    let mut writer = ZoneWriter::new(settings, inventory, 1);
    writer.update(inventory, &inventory.services.keys().cloned().map(Subject::Service).collect());
    let clusters = inventory.clusters.keys().cloned().collect();
    Desired::of(inventory, writer.zone(), &clusters, &Options { kinds: kinds.iter().copied().collect() })
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

#[test]
fn a_name_that_the_configuration_answers_is_not_registered() {
    let record = |name: &str| {
        let name = DomainName::from_text(name).unwrap();
        simple(&name, RecordType::TXT, 60, vec!["\"by hand\"".to_owned()])
    };
    let records = vec![record("web.ecs.internal"), record("deep.api.ecs.internal")];
    let inventory = inventory(&[service("web", "ACTIVE", &["inside"]), service("api", "ACTIVE", &["inside"])]);
    let desired = desired_beside(records, &inventory, &[Kind::Cname]);
    let names: Vec<_> = desired.names.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["api.ecs.internal."], "a record below a name does not take it");
    assert_eq!(desired.unregistered[&key("web")], "web.ecs.internal. is in [records] of the configuration");
}

#[test]
fn ports_that_the_configuration_answers_are_not_registered() {
    let owner = DomainName::from_text("_http._tcp.web.ecs.internal").unwrap();
    let record = simple(&owner, RecordType::SRV, 60, vec!["1 1 1 by-hand.example.".to_owned()]);
    let task = serde_json::json!({
        "arn": format!("{ECS}:task/prod/{:032x}", 1),
        "cluster": format!("{ECS}:cluster/prod"),
        "group": "service:web",
        "task_definition": format!("{ECS}:task-definition/web:1"),
        "last_status": "RUNNING",
        "desired_status": "RUNNING",
        "containers": [{ "name": "app" }],
        "ipv4": ["10.0.0.1"],
    });
    let inventory = inventory_with_tasks(&[service("web", "ACTIVE", &[])], &[task]);
    let wants = |records| desired_beside(records, &inventory, &[Kind::A, Kind::Srv]);
    assert!(wants(Vec::new()).names.contains_key(&owner));
    let desired = wants(vec![record]);
    assert!(!desired.names.contains_key(&owner));
    assert!(desired.names.contains_key(&DomainName::from_text("web.ecs.internal").unwrap()), "the addresses are");
    assert_eq!(desired.unregistered[&key("web")], "_http._tcp.web.ecs.internal. is in [records] of the configuration");
}

#[test]
fn tasks_and_ports_beyond_what_route_53_takes_are_counted() {
    let name = "w".repeat(60);
    let task = |number: u8| {
        serde_json::json!({
            "arn": format!("{ECS}:task/prod/{number:060}"),
            "cluster": format!("{ECS}:cluster/prod"),
            "group": format!("service:{name}"),
            "task_definition": format!("{ECS}:task-definition/web:1"),
            "last_status": "RUNNING",
            "desired_status": "RUNNING",
            "containers": [{ "name": "app" }],
            "ipv4": [format!("10.0.0.{number}")],
        })
    };
    let tasks: Vec<_> = (1..=120).map(task).collect();
    let inventory = inventory_with_tasks(&[service(&name, "ACTIVE", &[])], &tasks);
    let desired = desired_beside(Vec::new(), &inventory, &[Kind::A, Kind::Srv]);
    let sets = desired.names.values().flat_map(|wanted| &wanted.sets);
    let srv =
        sets.filter(|set| set.kind == RecordType::SRV).flat_map(|set| super::super::record::values(set).unwrap().1);
    let left_out = tasks::MAX_TASKS - srv.count();
    assert!(left_out > 0);
    let why = &desired.unregistered[&key(&name)];
    let expected = format!("only 100 of its 120 tasks are registered; {left_out} SRV records are left out: ");
    assert!(why.starts_with(&expected), "{why}");
}
