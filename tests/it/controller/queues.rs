//! Queues of hosts that are gone: removed by the controller, with their subscriptions.

use serde_json::{Value, json};

use super::controller;
use crate::aws_source::environment;
use crate::daemon::Daemon;
use crate::fake_aws::world::Host;
use crate::fake_aws::{FakeAws, Fault, Op};

/// The clusters of the fake, a topic, and a hosted zone for the controller.
fn world() -> (FakeAws, String) {
    let fake = FakeAws::start();
    fake.hosting().add_zone("ecs.internal");
    let topic = fake.messaging().add_topic("ecs-changes");
    (fake, topic)
}

/// A host of `prod` on which an agent has made its queue and was then killed; with the queue's name.
fn host_with_queue(fake: &FakeAws, topic: &str) -> (Host, String) {
    let host = fake.world().add_host("prod", 'a');
    fake.world().metadata_of = Some(host.instance_id.clone());
    let flags =
        ["run", "--config", "/dev/null", "--cluster", "prod", "--upstream", "127.0.0.1:9", "--topic-arn", topic];
    let endpoint = fake.endpoint_url();
    let mut environment = environment(&endpoint);
    environment.retain(|(name, _)| *name != "AWS_EC2_METADATA_DISABLED");
    environment.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint));
    let agent = Daemon::start(&flags, &environment);
    let queue = format!("ecs-resolver-prod-{}", host.instance_id);
    agent.wait("its queue", || is_subscribed(fake, topic, &queue));
    (host, queue)
}

fn is_subscribed(fake: &FakeAws, topic: &str, queue: &str) -> bool {
    let messaging = fake.messaging();
    messaging.topics[topic].subscriptions.iter().any(|it| it.endpoint.ends_with(&format!(":{queue}")))
}

fn is_there(fake: &FakeAws, queue: &str) -> bool {
    fake.messaging().queues.contains_key(queue)
}

/// Whoever it was, ECS does not have it any more.
fn deregister(fake: &FakeAws, host: &Host) {
    let mut world = fake.world();
    let cluster = world.cluster("prod");
    cluster.container_instances.remove(&host.container_instance_arn).expect("it is registered");
}

fn start(fake: &FakeAws, topic: &str, flags: &[&str]) -> Daemon {
    let fixed = ["--config", "/dev/null", "--cluster", "prod", "--interval", "1h", "--topic-arn", topic];
    let after = ["--remove-queues-after", "2s"];
    Daemon::start_controller(&[&fixed[..], &after, flags].concat(), &environment(&fake.endpoint_url()))
}

/// Waits until the controller has asked for the list of queues `times` more.
fn wait_rounds(daemon: &Daemon, fake: &FakeAws, times: usize) {
    let before = fake.count(Op::ListQueues);
    daemon.wait("rounds", || fake.count(Op::ListQueues) >= before + times);
}

#[test]
fn the_queue_of_a_host_that_is_gone_is_removed_and_no_other() {
    let (fake, topic) = world();
    let (stays, kept) = host_with_queue(&fake, &topic);
    let (goes, queue) = host_with_queue(&fake, &topic);
    assert_ne!(stays.instance_id, goes.instance_id);
    let foreign = "ecs-resolver-prod-i-00000000000000fff";
    fake.messaging().add_queue(foreign);
    let daemon = start(&fake, &topic, &[]);
    wait_rounds(&daemon, &fake, 8);
    assert!(is_there(&fake, &kept) && is_there(&fake, &queue), "both hosts are there");
    deregister(&fake, &goes);
    daemon.wait("it is removed", || !is_there(&fake, &queue));
    assert!(!is_subscribed(&fake, &topic, &queue));
    daemon.wait_log(&format!("removed queue {queue}: its host is gone from cluster prod"));
    daemon.wait_metric("ecs_resolver_queues_removed_total{result=\"removed\"}", 1.0);
    daemon.wait_metric("ecs_resolver_queues_abandoned", 0.0);
    wait_rounds(&daemon, &fake, 8);
    assert!(is_there(&fake, &kept) && is_subscribed(&fake, &topic, &kept));
    assert!(is_there(&fake, foreign), "a name proves nothing");
    assert!(is_there(&fake, "ecs-resolver-prod-controller"));
    assert!(daemon.terminate().success());
}

#[test]
fn a_cluster_that_cannot_be_read_removes_nothing_and_says_why() {
    let (fake, topic) = world();
    let (host, queue) = host_with_queue(&fake, &topic);
    fake.knobs().fail(Op::DescribeContainerInstances, Fault::AccessDenied);
    let other = fake.world().add_host("prod", 'b');
    deregister(&fake, &host);
    let daemon = start(&fake, &topic, &[]);
    let said = "add ecs:DescribeContainerInstances to the role";
    daemon.wait(said, || daemon.get("/ready").1.contains(said));
    let before = fake.count(Op::DescribeContainerInstances);
    daemon.wait("rounds", || fake.count(Op::DescribeContainerInstances) >= before + 10);
    assert!(is_there(&fake, &queue) && is_subscribed(&fake, &topic, &queue));
    fake.knobs().heal_all();
    // What may not be removed is said, too, and stays whole.
    fake.knobs().fail(Op::Unsubscribe, Fault::AccessDenied);
    let said = "add sns:Unsubscribe to the role";
    daemon.wait(said, || daemon.get("/ready").1.contains(said));
    assert!(is_there(&fake, &queue) && is_subscribed(&fake, &topic, &queue));
    assert!(daemon.metric("ecs_resolver_queues_removed_total{result=\"failed\"}") >= Some(1.0));
    fake.knobs().heal_all();
    daemon.wait("it is removed", || !is_there(&fake, &queue) && !is_subscribed(&fake, &topic, &queue));
    daemon.wait("all is well", || !daemon.get("/ready").1.contains("is not allowed"));
    assert!(fake.world().clusters["prod"].container_instances.contains_key(&other.container_instance_arn));
}

#[test]
fn a_plan_lists_the_queues_that_would_go_and_once_leaves_them() {
    let (fake, topic) = world();
    let (host, queue) = host_with_queue(&fake, &topic);
    let plan = |flags: &[&str]| controller(&fake, &[&["--plan", "--topic-arn", &topic], flags].concat());
    assert!(!plan(&[]).ok().printed.contains("Queue"));
    deregister(&fake, &host);
    let line = format!("Queue to remove: {queue}, once {} has been gone from cluster prod for 15m", host.instance_id);
    let printed = plan(&[]).ok().printed;
    assert!(printed.contains(&line), "{printed}");
    let json: Value = serde_json::from_str(&plan(&["--json"]).ok().printed).unwrap();
    assert_eq!(json["queues"], json!([{ "name": queue, "cluster": "prod", "instance": host.instance_id }]));
    let json: Value = serde_json::from_str(&plan(&["--json", "--remove-queues-after", "off"]).ok().printed).unwrap();
    assert_eq!(json["queues"], Value::Null);
    controller(&fake, &["--once", "--topic-arn", &topic, "--remove-queues-after", "1s"]).ok();
    assert!(is_there(&fake, &queue));
    fake.knobs().fail(Op::ListQueues, Fault::AccessDenied);
    let ended = plan(&[]);
    assert_eq!(ended.status, ecs_resolver::cli::exit::INCOMPLETE);
    assert!(ended.said.contains("add sqs:ListQueues to the role"), "{}", ended.said);
    assert!(ended.printed.contains("This plan is not complete: "), "{}", ended.printed);
}
