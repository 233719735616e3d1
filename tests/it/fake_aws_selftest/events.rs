//! Changes of the world come out of a queue as the events that AWS would send.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::sqs;
use crate::fake_aws::world::TaskDefinition;
use crate::fake_aws::{FakeAws, Travel};

const QUEUE: &str = "q";

/// A fake that sends its events to [`QUEUE`], bare.
fn emitting(travel: Travel) -> (FakeAws, String) {
    let fake = FakeAws::start();
    let topic = {
        let mut messaging = fake.messaging();
        let topic = messaging.add_topic("changes");
        messaging.add_queue_for(QUEUE, &topic);
        messaging.subscribe_raw(&topic, QUEUE);
        topic
    };
    fake.emit_events(&topic, travel);
    (fake, topic)
}

/// The events so far; afterwards there are none.
fn drain(fake: &FakeAws) -> Vec<Value> {
    let bodies = fake.messaging().queue(QUEUE).clear();
    bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

/// What an event is about, in short.
fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["detail-type"].as_str()).collect()
}

#[test]
fn a_task_has_an_event_for_each_step_of_its_version_and_none_for_its_health() {
    let (fake, _) = emitting(Travel::default());
    let definition = TaskDefinition::new("web", "awsvpc").port("http", 80).health_check();
    fake.world().service("prod", "web").task_definition(definition);
    fake.world().add_host("prod", 'a');
    assert_eq!(
        kinds(&drain(&fake)),
        [
            "AWS API Call via CloudTrail",
            "ECS Deployment State Change",
            "ECS Container Instance State Change",
            "EC2 Instance State-change Notification"
        ]
    );
    let arn = fake.world().launch("prod", "web");
    fake.world().come_up(&arn);
    fake.world().task(&arn).health("web", "HEALTHY");
    fake.world().task(&arn).stopping();
    fake.world().task(&arn).stop();
    let events = drain(&fake);
    let steps: Vec<_> = events
        .iter()
        .map(|event| {
            assert_eq!(event["resources"], json!([arn]));
            let detail = &event["detail"];
            (detail["lastStatus"].as_str().unwrap(), detail["desiredStatus"].as_str().unwrap())
        })
        .collect();
    assert_eq!(steps, [("PENDING", "RUNNING"), ("RUNNING", "RUNNING"), ("RUNNING", "STOPPED"), ("STOPPED", "STOPPED")]);
    let versions: Vec<_> = events.iter().map(|event| event["detail"]["version"].as_i64().unwrap()).collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    assert_eq!(versions.last().copied(), fake.world().task(&arn).version);
    assert!(events.iter().all(|event| !event.to_string().contains("healthStatus")));
}

#[test]
fn a_task_event_is_spelt_as_a_real_one() {
    let (fake, _) = emitting(Travel::default());
    let arns = fake.world().service("prod", "web").awsvpc_tasks(1).task_arns();
    fake.world().task(&arns[0]).ipv6("2001:db8::1");
    let event = drain(&fake).pop().unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let envelope = ["account", "detail", "detail-type", "id", "region", "resources", "source", "time", "version"];
    assert_eq!(keys(&event), envelope.map(str::to_owned).into());
    assert_eq!((&event["version"], &event["source"]), (&json!("0"), &json!("aws.ecs")));
    assert!(event["time"].as_str().unwrap().len() == "2026-01-01T00:00:00Z".len(), "whole seconds: {event}");
    // The members of "ECS Task State Change" in EventBridge's schema.
    let schema = "attachments attributes availabilityZone capacityProviderName clusterArn connectivity connectivityAt \
        containerInstanceArn containers cpu createdAt desiredStatus enableExecuteCommand ephemeralStorage \
        executionStoppedAt group launchType lastStatus memory overrides platformVersion pullStartedAt pullStoppedAt \
        startedAt startedBy stopCode stoppedAt stoppedReason stoppingAt taskArn taskDefinitionArn updatedAt version";
    let schema: BTreeSet<String> = schema.split_whitespace().map(str::to_owned).collect();
    let detail = &event["detail"];
    assert!(keys(detail).is_subset(&schema), "{:?}", keys(detail).difference(&schema));
    let attachment = &detail["attachments"][0];
    assert_eq!((&attachment["type"], &attachment["status"]), (&json!("eni"), &json!("ATTACHED")));
    let names: Vec<_> = attachment["details"].as_array().unwrap().iter().map(|pair| &pair["name"]).collect();
    assert!(names.contains(&&json!("privateIPv4Address")), "{names:?}");
    let interface = &detail["containers"][0]["networkInterfaces"][0];
    assert_eq!(keys(interface), ["attachmentId", "ipv6Address", "privateIpv4Address"].map(str::to_owned).into());
    assert!(detail["createdAt"].as_str().unwrap().ends_with("Z"), "times are text");
}

#[test]
fn hosts_and_services_have_their_events() {
    let (fake, _) = emitting(Travel::default());
    let host = fake.world().add_host("prod", 'a');
    fake.world().service("prod", "web").bridge_task(&host, 32_768);
    drain(&fake);
    fake.world().container_instance(&host.instance_id).status("DRAINING");
    fake.world().instance(&host.instance_id).state("shutting-down");
    fake.world().service("prod", "web").desired(7);
    fake.emit_service_event("prod", "web", "SERVICE_STEADY_STATE");
    fake.emit_service_event("prod", "web", "SERVICE_DEPLOYMENT_COMPLETED");
    fake.world().service("prod", "web").status("DRAINING");
    fake.world().service("prod", "web").status("INACTIVE");
    let events = drain(&fake);
    let about: Vec<_> = events
        .iter()
        .map(|event| {
            let detail = &event["detail"];
            let what = ["status", "state", "eventName"].iter().find_map(|key| detail[*key].as_str()).unwrap();
            (event["detail-type"].as_str().unwrap(), what)
        })
        .collect();
    let expected = [
        ("ECS Container Instance State Change", "DRAINING"),
        ("EC2 Instance State-change Notification", "shutting-down"),
        ("AWS API Call via CloudTrail", "UpdateService"),
        ("ECS Service Action", "SERVICE_STEADY_STATE"),
        ("ECS Deployment State Change", "SERVICE_DEPLOYMENT_COMPLETED"),
        ("AWS API Call via CloudTrail", "DeleteService"),
    ];
    assert_eq!(about, expected);
    assert_eq!(events[1]["source"], "aws.ec2");
    assert_eq!(events[1]["detail"]["instance-id"], json!(host.instance_id));
    assert_eq!(events[3]["resources"], events[4]["resources"]);
    assert!(events[4]["detail"].get("clusterArn").is_none(), "deployment events have none");
}

#[test]
fn what_is_there_before_and_what_is_only_read_has_no_event() {
    let fake = FakeAws::start();
    fake.world().service("prod", "web").fargate_tasks(3);
    let topic = fake.messaging().add_topic("changes");
    fake.emit_events(&topic, Travel::default());
    assert_eq!(fake.world().tasks_of("prod", "web").len(), 3);
    fake.world().cluster("prod");
    assert_eq!(fake.events_so_far(), 0);
}

/// How often each task event came, and in which order, for ten tasks that stop one by one.
fn travelled(travel: Travel) -> Vec<String> {
    let (fake, topic) = emitting(Travel::default());
    let arns = fake.world().service("prod", "web").fargate_tasks(10).task_arns();
    drain(&fake);
    fake.emit_events(&topic, travel);
    for arn in &arns {
        fake.world().task(arn).stop();
    }
    let order: BTreeMap<_, _> = arns.iter().enumerate().map(|(at, arn)| (arn.as_str(), at)).collect();
    let bodies = fake.messaging().queue(QUEUE).bodies_as_they_come();
    let events = bodies.iter().map(|body| serde_json::from_str::<Value>(body).unwrap());
    events.map(|event| order[event["detail"]["taskArn"].as_str().unwrap()].to_string()).collect()
}

#[test]
fn messages_are_lost_doubled_and_shuffled_as_the_test_says_and_always_alike() {
    // What the API call of the service and its deployment took of the numbers has been drained before.
    assert_eq!(travelled(Travel::default()), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(travelled(Travel { drop_every: 3, ..Travel::default() }).len(), 7);
    let doubled = travelled(Travel { duplicate_every: 2, ..Travel::default() });
    assert_eq!(doubled.len(), 15, "{doubled:?}");
    let minute = Duration::from_mins(1);
    let shuffled = |seed| travelled(Travel { seed, shuffle_within: minute, ..Travel::default() });
    let (first, again, other) = (shuffled(1), shuffled(1), shuffled(2));
    assert!(first == again && first != other && first != travelled(Travel::default()), "{first:?} {other:?}");
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 10, "nothing is lost by being late");
}

#[tokio::test]
async fn a_late_message_arrives_late() {
    let late = Travel { delay: Duration::from_millis(400), ..Travel::default() };
    let (fake, _) = emitting(late);
    fake.world().add_host("prod", 'a');
    let sqs = sqs(&fake).await;
    let url = "https://sqs.us-east-1.amazonaws.com/123456789012/q";
    let receive = || sqs.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(20).send();
    assert_eq!(fake.messaging().queue(QUEUE).counts(), (0, 2));
    let mut seen = 0;
    while seen < 2 {
        seen += receive().await.unwrap().messages().len();
    }
}

#[test]
fn a_rolling_deployment_of_two_thousand_tasks_is_a_loop() {
    let (fake, _) = emitting(Travel::default());
    let old: Vec<String> = {
        let mut world = fake.world();
        for _ in 0..10 {
            world.add_host("prod", 'a');
        }
        let names = (0..20).map(|number| format!("s{number}"));
        names.flat_map(|name| world.service("prod", &name).awsvpc_tasks(100).task_arns()).collect()
    };
    drain(&fake);
    for arn in &old {
        let service = fake.world().task(arn).group.clone().unwrap();
        let new = fake.world().launch("prod", service.trim_start_matches("service:"));
        fake.world().come_up(&new);
        fake.world().task(arn).stopping();
        fake.world().task(arn).stop();
        fake.world().forget_task(arn);
    }
    let messages = fake.messaging().queue(QUEUE).clear();
    assert_eq!((old.len(), messages.len()), (2_000, 8_000));
    assert_eq!(fake.world().clusters["prod"].services["s7"].desired_count, 100);
}
