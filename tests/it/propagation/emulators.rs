//! Second opinions about the way of an event: emulators that others have written.

use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::types::{Compatibility, ContainerDefinition, NetworkMode};
use aws_sdk_sns::Client as Sns;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::ministack::Ministack;
use crate::moto::Moto;

/// A daemon that learns from events alone, once it has read everything.
fn follow(endpoint: &str, topic: &str) -> Daemon {
    let environment = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let flags = ["run", "--config", "/dev/null", "--cluster", "prod", "--upstream", "127.0.0.1:1", "--fallback", "off"];
    let flags = [&flags[..], &["--poll-interval", "1h", "--reconcile-interval", "24h", "--topic-arn", topic]].concat();
    let daemon = Daemon::start(&flags, &environment);
    daemon.wait_ready();
    daemon.wait_log("changes are learned from events");
    daemon
}

/// The event of a Fargate task of `service`.
fn task_event(id: &str, service: &str, definition: &str, statuses: (&str, &str), version: u64, address: &str) -> Value {
    let of = |kind: &str, rest: &str| format!("arn:aws:ecs:us-east-1:123456789012:{kind}/{rest}");
    let (last, desired) = statuses;
    let task = of("task", &format!("prod/{id}"));
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "ECS Task State Change",
        "source": "aws.ecs", "account": "123456789012", "time": "2026-11-25T10:00:00Z", "region": "us-east-1",
        "resources": [task],
        "detail": {
            "clusterArn": of("cluster", "prod"), "taskArn": task, "taskDefinitionArn": definition,
            "group": format!("service:{service}"), "lastStatus": last, "desiredStatus": desired, "version": version,
            "launchType": "FARGATE", "availabilityZone": "us-east-1a",
            "containers": [{
                "name": service, "lastStatus": last,
                "networkInterfaces": [{"attachmentId": "a", "privateIpv4Address": address}],
            }],
        },
    })
}

/// EventBridge with our rule → SNS → SQS → `dig`.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_eventbridge_reach_dig_on_ministack() {
    let ministack = Ministack::start();
    let topic = ministack.follow("ecs-resolver-events");
    let ecs = Ecs::new(&ministack.sdk().await);
    ecs.create_cluster().cluster_name("prod").send().await.unwrap();
    let container = ContainerDefinition::builder().name("web").image("web").memory(64).build();
    let registered = ecs
        .register_task_definition()
        .family("web")
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .cpu("256")
        .memory("512")
        .container_definitions(container)
        .send()
        .await
        .unwrap();
    let definition = registered.task_definition.unwrap().task_definition_arn.unwrap();
    let service = ecs.create_service().cluster("prod").service_name("web").task_definition(&definition);
    service.desired_count(0).send().await.unwrap();
    let daemon = follow(&ministack.endpoint_url(), &topic);

    let id = "0123456789abcdef0123456789abcdef";
    let event = |statuses, version| task_event(id, "web", &definition, statuses, version, "10.5.32.77");
    ministack.emit(&event(("RUNNING", "RUNNING"), 3));
    daemon.wait_for("web.prod.task.ecs.internal", &["10.5.32.77"]);
    assert_eq!(daemon.short("-x 10.5.32.77"), [format!("{id}.web.prod.task.ecs.internal.")]);
    ministack.emit(&event(("RUNNING", "STOPPED"), 4));
    daemon.wait_for("web.prod.task.ecs.internal", &[]);
    // Late: an older version brings nothing back.
    ministack.emit(&event(("RUNNING", "RUNNING"), 3));
    daemon.wait("it was seen", || {
        daemon.metric("ecs_resolver_events_total{type=\"task\",result=\"served\"}") == Some(3.0)
    });
    assert_eq!(daemon.short("web.prod.task.ecs.internal"), [""; 0]);
    // The rule lets nothing of another cluster pass.
    let other = event(("RUNNING", "RUNNING"), 9).to_string().replace("cluster/prod", "cluster/staging");
    ministack.emit(&serde_json::from_str(&other).unwrap());
    ministack.emit(&event(("STOPPED", "STOPPED"), 5));
    daemon.wait("the last one", || {
        daemon.metric("ecs_resolver_events_total{type=\"task\",result=\"served\"}") == Some(4.0)
    });
    assert_eq!(daemon.metric("ecs_resolver_events_total{type=\"task\",result=\"foreign\"}"), Some(0.0));
}

/// SNS → SQS → `dig`: moto's EventBridge knows no topics, so its part is played by the test.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_topic_reach_dig_on_moto() {
    let moto = Moto::start();
    let seeded = moto.seed();
    let sdk = moto.sdk().await;
    let (ecs, sns) = (Ecs::new(&sdk), Sns::new(&sdk));
    let topic = sns.create_topic().name("ecs-resolver-events").send().await.unwrap().topic_arn.unwrap();
    let daemon = follow(&moto.endpoint_url(), &topic);
    assert_eq!(daemon.short("calc.ecs.internal").len(), 2);

    let tasks = seeded["services"]["calc"]["tasks"].as_array().unwrap();
    let (stopped, left) = (tasks[0]["arn"].as_str().unwrap(), tasks[1]["eniAddress"].as_str().unwrap());
    let described = ecs.describe_tasks().cluster("prod").tasks(stopped).send().await.unwrap();
    let definition = described.tasks()[0].task_definition_arn().unwrap().to_owned();
    let id = stopped.rsplit('/').next().unwrap();
    let address = tasks[0]["eniAddress"].as_str().unwrap();
    let event = task_event(id, "calc", &definition, ("RUNNING", "STOPPED"), 7, address);
    sns.publish().topic_arn(&topic).message(event.to_string()).send().await.unwrap();
    daemon.wait_for("calc.ecs.internal", &[left]);
}
