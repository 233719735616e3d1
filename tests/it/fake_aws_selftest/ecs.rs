//! ECS describes: limits, failures, and that every field arrives where the SDK looks for it.

use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::{ServiceField, TaskField};

use super::ecs;
use crate::fake_aws::world::{PortMapping, TaskDefinition};
use crate::fake_aws::{FakeAws, Op};

#[tokio::test]
async fn describe_services_takes_ten_and_names_the_missing_ones() {
    let fake = FakeAws::start();
    for index in 0..9 {
        fake.world().service("prod", &format!("s{index}"));
    }
    let names = |count| {
        (0..count)
            .map(|index| format!("s{index}"))
            .collect::<Vec<_>>()
    };
    let ecs = ecs(&fake).await;

    let found = ecs
        .describe_services()
        .cluster("prod")
        .set_services(Some(names(10)))
        .send()
        .await
        .unwrap();
    assert_eq!(found.services().len(), 9);
    let [missing] = found.failures() else {
        panic!("one failure: {found:?}")
    };
    assert_eq!(
        missing.arn(),
        Some("arn:aws:ecs:us-east-1:123456789012:service/prod/s9")
    );
    assert_eq!(missing.reason(), Some("MISSING"));

    let refused = ecs
        .describe_services()
        .cluster("prod")
        .set_services(Some(names(11)))
        .send()
        .await
        .unwrap_err();
    assert!(
        refused
            .into_service_error()
            .is_invalid_parameter_exception()
    );
    assert_eq!(fake.batches(Op::DescribeServices), [10, 11]);
    assert_eq!(
        fake.calls_of(Op::DescribeServices)[1].error,
        Some("InvalidParameterException")
    );
    fake.forget_calls();
    assert_eq!(fake.count(Op::DescribeServices), 0);
}

#[tokio::test]
async fn describe_tasks_takes_a_hundred_and_names_the_missing_ones() {
    let fake = FakeAws::start();
    let mut arns = fake
        .world()
        .service("prod", "web")
        .fargate_tasks(101)
        .task_arns();
    let ecs = ecs(&fake).await;
    let describe = |arns: &[String]| {
        ecs.describe_tasks()
            .cluster("prod")
            .set_tasks(Some(arns.to_vec()))
            .send()
    };

    let refused = describe(&arns).await.unwrap_err();
    assert!(
        refused
            .into_service_error()
            .is_invalid_parameter_exception()
    );
    arns.pop();
    assert_eq!(describe(&arns).await.unwrap().tasks().len(), 100);

    fake.world().forget_task(&arns[7]);
    let found = describe(&arns).await.unwrap();
    assert_eq!(found.tasks().len(), 99);
    assert_eq!(found.failures()[0].arn(), Some(arns[7].as_str()));
    assert_eq!(found.failures()[0].reason(), Some("MISSING"));
}

#[tokio::test]
async fn describe_container_instances_takes_a_hundred() {
    let fake = FakeAws::start();
    let host = fake.world().add_host("prod", 'b');
    fake.world()
        .container_instance(&host.instance_id)
        .status("DRAINING")
        .agent_connected = false;
    let ecs = ecs(&fake).await;
    let describe = |ids: Vec<String>| {
        ecs.describe_container_instances()
            .cluster("prod")
            .set_container_instances(Some(ids))
            .send()
    };

    let refused = describe(vec![host.container_instance_arn.clone(); 101])
        .await
        .unwrap_err();
    assert!(
        refused
            .into_service_error()
            .is_invalid_parameter_exception()
    );

    let found = describe(vec![host.container_instance_arn.clone(), "0000".to_owned()])
        .await
        .unwrap();
    assert_eq!(found.failures()[0].reason(), Some("MISSING"));
    let instance = &found.container_instances()[0];
    assert_eq!(
        instance.container_instance_arn(),
        Some(host.container_instance_arn.as_str())
    );
    assert_eq!(instance.ec2_instance_id(), Some(host.instance_id.as_str()));
    assert_eq!(
        (
            instance.status(),
            instance.version(),
            instance.agent_connected()
        ),
        (Some("DRAINING"), 2, false)
    );
    let zone = &instance.attributes()[0];
    assert_eq!(
        (zone.name(), zone.value()),
        ("ecs.availability-zone", Some("us-east-1b"))
    );
    assert!(instance.registered_at().is_some());
}

#[tokio::test]
async fn clusters_are_found_by_name_or_arn_or_not_at_all() {
    let fake = FakeAws::start();
    fake.world().service("prod", "web").awsvpc_tasks(2);
    "INACTIVE".clone_into(&mut fake.world().cluster("old").status);
    let ecs = ecs(&fake).await;

    let found = ecs
        .describe_clusters()
        .clusters("prod")
        .clusters("nope")
        .send()
        .await
        .unwrap();
    let cluster = &found.clusters()[0];
    let arn = cluster.cluster_arn().unwrap();
    assert_eq!(
        (cluster.cluster_name(), cluster.status()),
        (Some("prod"), Some("ACTIVE"))
    );
    assert_eq!(
        (
            cluster.running_tasks_count(),
            cluster.active_services_count()
        ),
        (2, 1)
    );
    assert_eq!(cluster.registered_container_instances_count(), 1);
    assert_eq!(
        found.failures()[0].arn(),
        Some("arn:aws:ecs:us-east-1:123456789012:cluster/nope")
    );

    assert_eq!(
        ecs.list_tasks()
            .cluster(arn)
            .send()
            .await
            .unwrap()
            .task_arns()
            .len(),
        2
    );
    for absent in ["nope", "old"] {
        let refused = ecs
            .list_services()
            .cluster(absent)
            .send()
            .await
            .unwrap_err();
        assert!(
            refused
                .into_service_error()
                .is_cluster_not_found_exception(),
            "{absent}"
        );
    }
    let refused = ecs
        .list_tasks()
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(
        refused.is_cluster_not_found_exception(),
        "there is no cluster named default"
    );
    assert_eq!(
        ecs.list_clusters().send().await.unwrap().cluster_arns(),
        [arn]
    );
}

#[tokio::test]
async fn an_awsvpc_task_arrives_whole() {
    let fake = FakeAws::start();
    let definition = TaskDefinition::new("web", "awsvpc")
        .port("http", 8080)
        .health_check()
        .sidecar("proxy");
    let arn = fake
        .world()
        .service("prod", "web")
        .task_definition(definition)
        .awsvpc_tasks(1)
        .task_arns()
        .remove(0);
    fake.world()
        .task(&arn)
        .ipv6("2001:db8::17")
        .health("web", "UNHEALTHY");
    fake.world().task(&arn).tags = vec![serde_json::json!({ "key": "team", "value": "a" })];
    let ecs = ecs(&fake).await;

    let plain = ecs
        .describe_tasks()
        .cluster("prod")
        .tasks(&arn)
        .send()
        .await
        .unwrap();
    assert!(
        plain.tasks()[0].tags().is_empty(),
        "tags come only if asked for"
    );
    let tagged = ecs
        .describe_tasks()
        .cluster("prod")
        .tasks(&arn)
        .include(TaskField::Tags)
        .send()
        .await
        .unwrap();
    let task = &tagged.tasks()[0];
    assert_eq!(task.tags()[0].key(), Some("team"));
    assert_eq!(
        (task.group(), task.launch_type().map(|kind| kind.as_str())),
        (Some("service:web"), Some("EC2"))
    );
    assert_eq!(
        (task.last_status(), task.desired_status()),
        (Some("RUNNING"), Some("RUNNING"))
    );
    assert_eq!(
        (task.availability_zone(), task.version()),
        (Some("us-east-1a"), 3)
    );
    assert_eq!(task.health_status().unwrap().as_str(), "UNHEALTHY");
    assert!(
        task.container_instance_arn().is_some()
            && task.started_by().unwrap().starts_with("ecs-svc/")
    );
    assert!(
        task.task_definition_arn()
            .unwrap()
            .ends_with("task-definition/web:1")
    );
    assert!(task.created_at().unwrap().secs() > 1_767_225_600 && task.started_at().is_some());

    let address = fake.world().task(&arn).private_address();
    let attachment = &task.attachments()[0];
    assert_eq!(attachment.r#type(), Some("ElasticNetworkInterface"));
    let detail = attachment
        .details()
        .iter()
        .find(|detail| detail.name() == Some("privateIPv4Address"));
    assert_eq!(detail.unwrap().value(), address.as_deref());
    let [web, proxy] = task.containers() else {
        panic!("two containers: {task:?}")
    };
    assert_eq!(
        (web.name(), web.health_status().unwrap().as_str()),
        (Some("web"), "UNHEALTHY")
    );
    assert_eq!(proxy.health_status().unwrap().as_str(), "UNKNOWN");
    assert_eq!(
        web.network_interfaces()[0].private_ipv4_address(),
        address.as_deref()
    );
    assert_eq!(
        web.network_interfaces()[0].ipv6_address(),
        Some("2001:db8::17")
    );
}

#[tokio::test]
async fn bridge_and_host_tasks_arrive_whole() {
    let fake = FakeAws::start();
    let host = fake.world().add_host("prod", 'a');
    let bridge = fake
        .world()
        .service("prod", "bridged")
        .bridge_task(&host, 32_768)
        .task_arns()
        .remove(0);
    let on_host = fake
        .world()
        .service("prod", "hosted")
        .host_task(&host)
        .task_arns()
        .remove(0);
    let ecs = ecs(&fake).await;
    let found = ecs
        .describe_tasks()
        .cluster("prod")
        .tasks(&bridge)
        .tasks(&on_host)
        .send()
        .await
        .unwrap();
    let [bridge, on_host] = found.tasks() else {
        panic!("two tasks: {found:?}")
    };

    let binding = &bridge.containers()[0].network_bindings()[0];
    assert_eq!(
        (binding.container_port(), binding.host_port()),
        (Some(80), Some(32_768))
    );
    assert_eq!(
        (binding.bind_ip(), binding.protocol().unwrap().as_str()),
        (Some("0.0.0.0"), "tcp")
    );
    assert!(bridge.attachments().is_empty());
    assert_eq!(
        bridge.container_instance_arn(),
        Some(host.container_instance_arn.as_str())
    );
    assert_eq!(
        bridge.availability_zone(),
        Some(host.availability_zone.as_str())
    );
    assert!(on_host.containers()[0].network_bindings().is_empty());

    let mode = ecs
        .describe_task_definition()
        .task_definition("hosted")
        .send()
        .await
        .unwrap();
    let definition = mode.task_definition().unwrap();
    assert_eq!(definition.network_mode().unwrap().as_str(), "host");
    assert_eq!(
        definition.container_definitions()[0].port_mappings()[0].host_port(),
        Some(8080)
    );
}

#[tokio::test]
async fn a_task_definition_arrives_whole() {
    let fake = FakeAws::start();
    let definition = TaskDefinition::new("calc", "bridge")
        .port("calc", 7070)
        .port_mapping(PortMapping {
            protocol: "udp".to_owned(),
            ..PortMapping::tcp(53)
        })
        .health_check()
        .label("SERVICE_NAME", "adder")
        .sidecar("log");
    let first = fake.world().register(definition.clone());
    let second = fake.world().register(definition);
    let ecs = ecs(&fake).await;

    for (asked, found) in [
        ("calc", &second),
        ("calc:1", &first),
        (first.as_str(), &first),
    ] {
        let answer = ecs
            .describe_task_definition()
            .task_definition(asked)
            .send()
            .await
            .unwrap();
        let definition = answer.task_definition().unwrap();
        assert_eq!(definition.task_definition_arn(), Some(found.as_str()));
        let [calc, log] = definition.container_definitions() else {
            panic!("two containers")
        };
        assert_eq!(
            (calc.essential(), log.essential()),
            (Some(true), Some(false))
        );
        assert!(calc.health_check().is_some() && log.health_check().is_none());
        assert_eq!(calc.docker_labels().unwrap()["SERVICE_NAME"], "adder");
        let [tcp, udp] = calc.port_mappings() else {
            panic!("two ports")
        };
        assert_eq!(
            (tcp.name(), tcp.container_port()),
            (Some("calc"), Some(7070))
        );
        assert_eq!(
            (udp.name(), udp.protocol().unwrap().as_str()),
            (None, "udp")
        );
    }
    let refused = ecs
        .describe_task_definition()
        .task_definition("nope:3")
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("ClientException"));
}

#[tokio::test]
async fn a_service_arrives_whole() {
    let fake = FakeAws::start();
    let group = fake.world().add_target_group("web", "ip", None);
    let mut world = fake.world();
    let service = world
        .service("prod", "web")
        .awsvpc_tasks(2)
        .created_at(1_700_000_000.0)
        .desired(3);
    service
        .classic_load_balancer("Web", 80)
        .target_group(&group, 8080)
        .task_set("PRIMARY", &group, 8080)
        .edit(|service| service.tags = vec![serde_json::json!({ "key": "team", "value": "a" })]);
    drop(world);
    let answer = ecs(&fake)
        .await
        .describe_services()
        .cluster("prod")
        .services("web")
        .include(ServiceField::Tags);
    let answer = answer.send().await.unwrap();
    let service = &answer.services()[0];
    assert_eq!(
        (service.service_name(), service.status()),
        (Some("web"), Some("ACTIVE"))
    );
    assert_eq!(
        (
            service.desired_count(),
            service.running_count(),
            service.pending_count()
        ),
        (3, 2, 0)
    );
    assert_eq!(service.created_at().unwrap().secs(), 1_700_000_000);
    assert_eq!(
        service.load_balancers()[0].load_balancer_name(),
        Some("Web")
    );
    assert_eq!(service.load_balancers()[0].container_port(), Some(80));
    assert_eq!(
        service.load_balancers()[1].target_group_arn(),
        Some(group.as_str())
    );
    let set = &service.task_sets()[0];
    assert_eq!(
        (set.status(), set.load_balancers()[0].target_group_arn()),
        (Some("PRIMARY"), Some(group.as_str()))
    );
    assert!(service.task_definition().unwrap().ends_with(":1"));
    assert_eq!(service.tags()[0].value(), Some("a"));
}
