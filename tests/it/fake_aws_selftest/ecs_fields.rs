//! ECS describes: every field arrives where the SDK looks for it.

use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::{ServiceField, Task, TaskField};

use super::ecs;
use crate::fake_aws::FakeAws;
use crate::fake_aws::world::{PortMapping, TaskDefinition};

/// The task as the SDK reads it, with its tags.
async fn describe(fake: &FakeAws, arn: &str) -> Task {
    let request = ecs(fake).await.describe_tasks().cluster("prod").tasks(arn);
    let answer = request.include(TaskField::Tags).send().await.unwrap();
    answer.tasks()[0].clone()
}

#[tokio::test]
async fn a_task_arrives_whole() {
    let fake = FakeAws::start();
    let arn = fake.world().service("prod", "web").awsvpc_tasks(1).task_arns().remove(0);
    fake.world().task(&arn).tags = vec![serde_json::json!({ "key": "team", "value": "a" })];
    let task = describe(&fake, &arn).await;
    assert_eq!(task.task_arn(), Some(arn.as_str()));
    assert_eq!(task.tags()[0].key(), Some("team"));
    assert_eq!(task.group(), Some("service:web"));
    assert_eq!(task.launch_type().unwrap().as_str(), "EC2");
    assert_eq!(task.last_status(), Some("RUNNING"));
    assert_eq!(task.desired_status(), Some("RUNNING"));
    assert_eq!(task.availability_zone(), Some("us-east-1a"));
    assert_eq!(task.connectivity().unwrap().as_str(), "CONNECTED");
    assert_eq!(task.version(), 2);
    assert!(task.container_instance_arn().is_some());
    assert!(task.started_by().unwrap().starts_with("ecs-svc/"));
    assert!(task.task_definition_arn().unwrap().ends_with("task-definition/web:1"));
    assert!(task.created_at().unwrap().secs() > 1_767_225_600 && task.started_at().is_some());

    let without_tags = ecs(&fake).await.describe_tasks().cluster("prod").tasks(&arn);
    let without_tags = without_tags.send().await.unwrap();
    assert!(without_tags.tasks()[0].tags().is_empty(), "tags come only if asked for");
}

#[tokio::test]
async fn an_interface_arrives_whole() {
    let fake = FakeAws::start();
    let arn = fake.world().service("prod", "web").awsvpc_tasks(1).task_arns().remove(0);
    fake.world().task(&arn).ipv6("2001:db8::17");
    let address = fake.world().task(&arn).private_address();
    assert_eq!(address.as_deref(), Some("10.64.0.4"));

    let task = describe(&fake, &arn).await;
    let attachment = &task.attachments()[0];
    assert_eq!(attachment.r#type(), Some("ElasticNetworkInterface"));
    assert_eq!(attachment.status(), Some("ATTACHED"));
    let details = attachment.details().iter();
    let mut found = details.filter(|detail| detail.name() == Some("privateIPv4Address"));
    assert_eq!(found.next().unwrap().value(), address.as_deref());
    let interface = &task.containers()[0].network_interfaces()[0];
    assert_eq!(interface.attachment_id(), attachment.id());
    assert_eq!(interface.private_ipv4_address(), address.as_deref());
    assert_eq!(interface.ipv6_address(), Some("2001:db8::17"));
}

#[tokio::test]
async fn health_is_that_of_checked_essential_containers_and_moves_no_version() {
    let fake = FakeAws::start();
    let definition = TaskDefinition::new("web", "awsvpc").health_check().sidecar("proxy");
    let definition = definition.health_check().sidecar("log");
    fake.world().service("prod", "web").task_definition(definition).fargate_tasks(1);
    let arn = fake.world().tasks_of("prod", "web").remove(0);
    let version = describe(&fake, &arn).await.version();
    for (web, proxy, whole) in [
        ("HEALTHY", "HEALTHY", "HEALTHY"),
        ("HEALTHY", "UNHEALTHY", "HEALTHY"),
        ("UNHEALTHY", "HEALTHY", "UNHEALTHY"),
        ("UNKNOWN", "HEALTHY", "UNKNOWN"),
    ] {
        fake.world().task(&arn).health("web", web).health("proxy", proxy);
        let task = describe(&fake, &arn).await;
        let health: Vec<_> = task.containers().iter().map(|one| one.health_status().unwrap().as_str()).collect();
        assert_eq!(health, [web, proxy, "UNKNOWN"], "the log container has no check");
        assert_eq!(task.health_status().unwrap().as_str(), whole);
        assert_eq!(task.version(), version);
    }
}

#[tokio::test]
async fn a_bridge_task_arrives_whole() {
    let fake = FakeAws::start();
    let host = fake.world().add_host("prod", 'a');
    let arn = fake.world().service("prod", "web").bridge_task(&host, 32_768).task_arns().remove(0);
    let task = describe(&fake, &arn).await;
    let binding = &task.containers()[0].network_bindings()[0];
    assert_eq!((binding.container_port(), binding.host_port()), (Some(80), Some(32_768)));
    assert_eq!(binding.bind_ip(), Some("0.0.0.0"));
    assert_eq!(binding.protocol().unwrap().as_str(), "tcp");
    assert!(task.attachments().is_empty());
    assert_eq!(task.container_instance_arn(), Some(host.container_instance_arn.as_str()));
    assert_eq!(task.availability_zone(), Some(host.availability_zone.as_str()));
}

#[tokio::test]
async fn a_host_task_has_its_ports_in_its_task_definition() {
    let fake = FakeAws::start();
    let host = fake.world().add_host("prod", 'a');
    let arn = fake.world().service("prod", "web").host_task(&host).task_arns().remove(0);
    assert!(describe(&fake, &arn).await.containers()[0].network_bindings().is_empty());
    let answer = ecs(&fake).await.describe_task_definition().task_definition("web").send().await.unwrap();
    let definition = answer.task_definition().unwrap();
    assert_eq!(definition.network_mode().unwrap().as_str(), "host");
    let port = &definition.container_definitions()[0].port_mappings()[0];
    assert_eq!((port.name(), port.host_port()), (Some("http"), Some(8080)));
}

#[tokio::test]
async fn a_task_definition_arrives_whole() {
    let fake = FakeAws::start();
    let definition = TaskDefinition::new("calc", "bridge")
        .port("calc", 7070)
        .port_mapping(PortMapping { protocol: "udp".to_owned(), ..PortMapping::tcp(53) })
        .health_check()
        .label("SERVICE_NAME", "adder")
        .sidecar("log");
    let first = fake.world().register(definition.clone());
    let second = fake.world().register(definition);
    let ecs = ecs(&fake).await;

    for (asked, found) in [("calc", &second), ("calc:1", &first), (first.as_str(), &first)] {
        let answer = ecs.describe_task_definition().task_definition(asked).send().await.unwrap();
        let definition = answer.task_definition().unwrap();
        assert_eq!(definition.task_definition_arn(), Some(found.as_str()));
        let [calc, log] = definition.container_definitions() else { panic!("two containers") };
        assert_eq!((calc.essential(), log.essential()), (Some(true), Some(false)));
        assert!(calc.health_check().is_some() && log.health_check().is_none());
        assert_eq!(calc.docker_labels().unwrap()["SERVICE_NAME"], "adder");
        let [tcp, udp] = calc.port_mappings() else { panic!("two ports") };
        assert_eq!((tcp.name(), tcp.container_port()), (Some("calc"), Some(7070)));
        assert_eq!((udp.name(), udp.protocol().unwrap().as_str()), (None, "udp"));
    }
    let refused = ecs.describe_task_definition().task_definition("nope:3").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ClientException"));
}

#[tokio::test]
async fn a_service_arrives_whole() {
    let fake = FakeAws::start();
    let group = fake.world().add_target_group("web", "ip", None);
    let tag = serde_json::json!({ "key": "team", "value": "a" });
    fake.world()
        .service("prod", "web")
        .awsvpc_tasks(2)
        .created_at(1_700_000_000.0)
        .desired(3)
        .classic_load_balancer("Web", 80)
        .target_group(&group, 8080)
        .task_set("PRIMARY", &group, 8080)
        .edit(|service| service.tags = vec![tag]);
    let answer = ecs(&fake).await.describe_services().cluster("prod").services("web").include(ServiceField::Tags);
    let answer = answer.send().await.unwrap();
    let service = &answer.services()[0];
    assert_eq!((service.service_name(), service.status()), (Some("web"), Some("ACTIVE")));
    assert_eq!((service.desired_count(), service.running_count(), service.pending_count()), (3, 2, 0));
    assert_eq!(service.created_at().unwrap().secs(), 1_700_000_000);
    assert_eq!(service.load_balancers()[0].load_balancer_name(), Some("Web"));
    assert_eq!(service.load_balancers()[0].container_port(), Some(80));
    assert_eq!(service.load_balancers()[1].target_group_arn(), Some(group.as_str()));
    let set = &service.task_sets()[0];
    assert_eq!((set.status(), set.load_balancers()[0].target_group_arn()), (Some("PRIMARY"), Some(group.as_str())));
    assert!(service.task_definition().unwrap().ends_with(":1"));
    assert_eq!(service.tags()[0].value(), Some("a"));
}
