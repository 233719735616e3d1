use super::*;
use crate::ecs::{
    Container, ContainerDefinition, ContainerInstanceArn, ContainerInstanceStatus, Ec2InstanceId, Ec2State, Health,
    LoadBalancerId, LoadBalancerRef, NetworkBinding, NetworkMode, PortMapping, Protocol, Scheme, ServiceArn,
    ServiceStatus, TargetGroupArn, TaskArn, TaskDefinitionArn, TaskSet, TaskStatus,
};
use crate::inventory::reduce;

const ECS: &str = "arn:aws:ecs:us-east-1:123456789012";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn cluster(name: &str) -> ClusterArn {
    ClusterArn::parse(&format!("{ECS}:cluster/{name}")).unwrap()
}

fn definition(revision: u32) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("{ECS}:task-definition/web:{revision}")).unwrap()
}

fn host() -> ContainerInstanceArn {
    ContainerInstanceArn::parse(&format!("{ECS}:container-instance/prod/c0")).unwrap()
}

fn task(id: &str) -> Task {
    let bindings = vec![NetworkBinding { container_port: 80, host_port: 32768, protocol: Protocol::Udp }];
    let app = Container { name: "app".to_owned(), health: Some(Health::Healthy), network_bindings: bindings };
    Task {
        arn: TaskArn::parse(&format!("{ECS}:task/prod/{id}")).unwrap(),
        cluster: cluster("prod"),
        group: Some("service:web".to_owned()),
        task_definition: definition(1),
        container_instance: Some(host()),
        availability_zone: Some("us-east-1a".to_owned()),
        last_status: TaskStatus::Running,
        desired_status: TaskStatus::Running,
        version: Some(7),
        containers: vec![app],
        ipv4: vec![[10, 0, 0, 1].into()],
        ipv6: vec![[0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()],
        created_at: Some(at(-60)),
        started_at: Some(at(-30)),
    }
}

fn service() -> Service {
    let classic = LoadBalancerRef::LoadBalancerName(LoadBalancerId("classic".into()));
    let group = LoadBalancerRef::TargetGroup(TargetGroupArn("arn:tg".into()));
    Service {
        arn: ServiceArn::parse(&format!("{ECS}:service/prod/web")).unwrap(),
        name: "web".to_owned(),
        cluster: cluster("prod"),
        status: ServiceStatus::Active,
        desired_count: 2,
        task_definition: Some(definition(1)),
        load_balancers: vec![classic],
        task_sets: vec![TaskSet {
            id: "ecs-svc/1".to_owned(),
            status: "PRIMARY".to_owned(),
            load_balancers: vec![group],
        }],
        created_at: Some(at(-3600)),
    }
}

/// One of everything.
fn full() -> Document {
    let port =
        PortMapping { name: Some("http".to_owned()), container_port: 80, host_port: Some(0), protocol: Protocol::Tcp };
    let app = ContainerDefinition {
        name: "app".to_owned(),
        essential: false,
        health_check: true,
        port_mappings: vec![port],
        docker_labels: [("ecs-resolver.name".to_owned(), "w3".to_owned())].into(),
    };
    let machine = Ec2InstanceId("i-0a".into());
    Document {
        format: Format::V1,
        clusters: ["prod", "staging"]
            .map(|name| DocumentCluster { arn: cluster(name), name: name.to_owned(), synced: name == "prod" })
            .into(),
        services: vec![service()],
        tasks: vec![task("0a"), task("0b")],
        task_definitions: vec![TaskDefinition {
            arn: definition(1),
            network_mode: NetworkMode::Awsvpc,
            containers: vec![app],
        }],
        container_instances: vec![ContainerInstance {
            arn: host(),
            cluster: cluster("prod"),
            ec2_instance_id: machine.clone(),
            status: ContainerInstanceStatus::Draining,
            version: Some(3),
        }],
        ec2_instances: vec![Ec2Instance {
            id: machine,
            state: Ec2State::Running,
            private_ipv4: Some([10, 5, 10, 17].into()),
            ipv6: None,
            availability_zone: None,
        }],
        target_groups: vec![TargetGroup {
            arn: TargetGroupArn("arn:tg".into()),
            load_balancers: vec![LoadBalancerId("arn:lb".into())],
        }],
        load_balancers: vec![LoadBalancer {
            id: LoadBalancerId("arn:lb".into()),
            dns_name: "lb.example".to_owned(),
            scheme: Scheme::InternetFacing,
        }],
    }
}

fn after(inventory: Inventory, changes: Vec<Change>) -> Inventory {
    changes.into_iter().fold(inventory, |inventory, change| reduce(inventory, change).0)
}

#[test]
fn what_is_written_is_what_is_read() {
    let text = serde_json::to_string_pretty(&full()).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), full());
}

#[test]
fn an_inventory_survives_the_round_trip() {
    let inventory = after(Inventory::default(), full().into_changes(at(0)));
    assert_eq!(Document::of(&inventory), full());
    assert_eq!(after(Inventory::default(), Document::of(&inventory).into_changes(at(0))), inventory);
}

#[test]
fn other_formats_and_misspelt_lists_are_refused() {
    for (text, complaint) in [
        (r#"{"format": "ecs-resolver inventory 2"}"#, "expected `ecs-resolver inventory 1`"),
        (r#"{"clusters": []}"#, "missing field `format`"),
        (r#"{"format": "ecs-resolver inventory 1", "task": []}"#, "unknown field `task`"),
        (r#"{"format": "ecs-resolver inventory 1", "clusters": [{"arn": "prod", "name": "prod"}]}"#, "line 1 column"),
    ] {
        let error = serde_json::from_str::<Document>(text).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
    let least: Document = serde_json::from_str(r#"{"format": "ecs-resolver inventory 1"}"#).unwrap();
    assert_eq!(least, Document::default());
}

#[test]
fn a_new_truth_replaces_the_old_one_whole() {
    let mut next = full();
    next.tasks.remove(0);
    next.tasks[0].version = Some(1);
    next.tasks[0].ipv6.clear();
    next.tasks[0].containers[0].health = None;
    next.ec2_instances[0].private_ipv4 = None;
    next.task_definitions[0].containers[0].port_mappings.clear();
    next.load_balancers.clear();
    next.services[0].load_balancers.clear();
    next.clusters.truncate(1);
    let first = after(Inventory::default(), full().into_changes(at(0)));
    let second = after(first, next.clone().replacing(&full(), at(0)));
    assert_eq!(second, after(Inventory::default(), next.clone().into_changes(at(0))));
    let third = after(second, full().replacing(&next, at(10)));
    assert_eq!(Document::of(&third), full(), "and what was gone may come back");
}
