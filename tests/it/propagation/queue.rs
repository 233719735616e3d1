//! The queue and what may become of it.

use std::time::Duration;

use serde_json::json;

use super::{Followed, join, start};
use crate::fake_aws::{FakeAws, Fault, Op, Travel};

fn one_service(fake: &FakeAws) {
    fake.world().service("prod", "web").fargate_tasks(1);
}

#[test]
fn a_queue_that_is_deleted_is_made_again_and_nothing_is_missed() {
    let it = Followed::new(one_service);
    it.fake.messaging().name_is_taken = Duration::from_secs(2);
    it.fake.messaging().delete_queue(&it.queue);
    // Nobody is told of this one.
    let arn = it.fake.world().launch("prod", "web");
    it.fake.world().come_up(&arn);
    it.daemon.wait("the loss is told", || it.daemon.log().contains("no more events (the queue is gone)"));
    it.daemon.wait("the missed task", || it.daemon.short("web.ecs.internal").len() == 2);
    it.daemon.wait("events again", || it.daemon.log().matches("changes are learned from events").count() == 2);
    it.fake.world().task(&arn).stopping();
    it.daemon.wait("it leaves", || it.daemon.short("web.ecs.internal").len() == 1);
}

#[test]
fn what_is_no_event_of_ours_is_removed_and_counted() {
    let it = Followed::new(one_service);
    let send = |body: &str| {
        it.fake.messaging().send(&it.queue, body);
    };
    send("not JSON");
    let huge = "x".repeat(1 << 20);
    send(&json!({"detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": huge}).to_string());
    it.fake.publish(&it.topic, &json!({"detail-type": "ECS Weather Report", "detail": {}}));
    let staging = it.fake.world().ecs_arn("cluster/staging");
    let task = it.fake.world().ecs_arn("task/staging/0123456789abcdef0123456789abcdef");
    let definition = it.fake.world().ecs_arn("task-definition/web:1");
    it.fake.publish(
        &it.topic,
        &json!({
            "version": "0", "detail-type": "ECS Task State Change", "source": "aws.ecs", "resources": [task],
            "detail": {
                "clusterArn": staging, "taskArn": task, "taskDefinitionArn": definition, "group": "service:web",
                "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "version": 3, "containers": [],
            },
        }),
    );
    let count = |kind: &str, result: &str| {
        it.daemon.metric(&format!("ecs_resolver_events_total{{type=\"{kind}\",result=\"{result}\"}}"))
    };
    it.daemon.wait("all are counted", || {
        (count("other", "malformed"), count("other", "ignored"), count("task", "foreign"))
            == (Some(2.0), Some(1.0), Some(1.0))
    });
    it.wait_handled();
    assert!(it.daemon.log().contains("is none, and is removed"), "{}", it.daemon.log());
    // The queue is not blocked.
    let arn = it.fake.world().launch("prod", "web");
    it.fake.world().come_up(&arn);
    it.daemon.wait("a task", || it.daemon.short("web.ecs.internal").len() == 2);
}

#[test]
fn a_missing_permission_is_named_with_its_resource_and_polling_goes_on() {
    let fake = FakeAws::start();
    let queue = join(&fake);
    one_service(&fake);
    let topic = fake.messaging().add_topic("ecs-changes");
    fake.emit_events(&topic, Travel::default());
    fake.knobs().fail(Op::CreateQueue, Fault::AccessDenied);
    let daemon = start(&fake, "500ms", &["--topic-arn", &topic]);
    daemon.wait("polling", || daemon.short("web.ecs.internal").len() == 1);
    daemon.wait("the action and the resource", || {
        let (_, ready) = daemon.get("/ready");
        ready.contains("sqs:CreateQueue is not allowed: add sqs:CreateQueue to the role") && ready.contains(&queue)
    });
    let arn = fake.world().launch("prod", "web");
    fake.world().come_up(&arn);
    daemon.wait("polling goes on", || daemon.short("web.ecs.internal").len() == 2);
    fake.knobs().heal(Op::CreateQueue);
    daemon.wait("events", || daemon.log().contains("changes are learned from events"));
}

/// It is there, and subscribed, and yet brings nothing.
#[test]
fn a_queue_that_must_not_be_read_is_no_source_of_events() {
    let it = Followed::new(one_service);
    it.fake.knobs().fail(Op::ReceiveMessage, Fault::AccessDenied);
    // A receive that is under way ends with the next message.
    it.fake.messaging().send(&it.queue, "{}");
    it.daemon.wait("it is told", || it.daemon.log().contains("no more events (the queue must not be read)"));
    it.daemon.wait("the action", || it.daemon.get("/ready").1.contains("add sqs:ReceiveMessage to the role"));
    // Nobody is told of this one but by the queue.
    let arn = it.fake.world().launch("prod", "web");
    it.fake.world().come_up(&arn);
    it.daemon.wait("polling", || it.daemon.short("web.ecs.internal").len() == 2);
    it.fake.knobs().heal_all();
    it.daemon.wait("events again", || it.daemon.log().matches("changes are learned from events").count() == 2);
    it.fake.world().task(&arn).stopping();
    it.daemon.wait("it leaves", || it.daemon.short("web.ecs.internal").len() == 1);
}

#[test]
fn a_given_queue_is_read_whether_raw_or_in_an_envelope() {
    let fake = FakeAws::start();
    one_service(&fake);
    let (topic, url) = {
        let mut messaging = fake.messaging();
        let topic = messaging.add_topic("ecs-changes");
        messaging.add_queue_for("given", &topic);
        messaging.subscribe_raw(&topic, "given");
        (topic, format!("http://{}/123456789012/given", fake.address()))
    };
    fake.emit_events(&topic, Travel::default());
    let daemon = start(&fake, "1h", &["--queue-url", &url]);
    daemon.wait("events", || daemon.log().contains("changes are learned from events"));
    let arn = fake.world().launch("prod", "web");
    fake.world().come_up(&arn);
    daemon.wait("a task", || daemon.short("web.ecs.internal").len() == 2);
    // The same as SNS puts it where raw delivery is off.
    fake.emit_events(&topic, Travel { drop_every: 1, ..Travel::default() });
    fake.world().task(&arn).stopping();
    let event = json!({
        "version": "0", "detail-type": "ECS Task State Change", "source": "aws.ecs", "resources": [arn],
        "detail": {
            "clusterArn": fake.world().ecs_arn("cluster/prod"), "taskArn": arn, "group": "service:web",
            "taskDefinitionArn": fake.world().ecs_arn("task-definition/web:1"),
            "lastStatus": "RUNNING", "desiredStatus": "STOPPED", "version": 99, "containers": [],
        },
    });
    let envelope = json!({"Type": "Notification", "TopicArn": topic, "Message": event.to_string()});
    fake.messaging().send("given", &envelope.to_string());
    daemon.wait("it leaves", || daemon.short("web.ecs.internal").len() == 1);
}
