//! Events on their way over real HTTP, through emulators that others have written: EventBridge → SNS → SQS on
//! ministack, SNS → SQS on moto, whose EventBridge knows no topics.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::QueueAttributeName;
use ecs_resolver::ecs::event::{self, Event};
use ecs_resolver::source::ports::EventQueue;
use ecs_resolver::source::queue::Removed;
use serde_json::{Value, json};

use super::pattern::passes;
use super::rule::{from_aws, rule};
use super::{config, fixtures};
use crate::ministack::Ministack;
use crate::moto::Moto;
use crate::queue::{aws, own};

/// A queue that gets what is published to the topic.
struct Queue {
    sqs: Sqs,
    url: String,
}

impl Queue {
    async fn below(sdk: &SdkConfig, topic: &str, raw: bool) -> Self {
        let (sqs, sns) = (Sqs::new(sdk), aws_sdk_sns::Client::new(sdk));
        let made = sqs.create_queue().queue_name(format!("events-{raw}")).send().await.unwrap();
        let url = made.queue_url.unwrap();
        let asked = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::QueueArn);
        let arn = asked.send().await.unwrap().attributes.unwrap()[&QueueAttributeName::QueueArn].clone();
        let subscribe = sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(arn);
        subscribe.attributes("RawMessageDelivery", raw.to_string()).send().await.unwrap();
        Self { sqs, url }
    }

    /// Receives and deletes until there are so many messages; then there is none left.
    async fn messages(&self, count: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            let batch = self.receive(20).await;
            assert!(!batch.is_empty(), "after {} of {count} messages nothing came for 20 s", bodies.len());
            bodies.extend(batch);
        }
        bodies.extend(self.receive(0).await);
        assert_eq!(bodies.len(), count, "there are more: {:?}", bodies.last());
        bodies
    }

    async fn receive(&self, wait: i32) -> Vec<String> {
        let request = self.sqs.receive_message().queue_url(&self.url).wait_time_seconds(wait);
        let messages = request.max_number_of_messages(10).send().await.unwrap().messages.unwrap_or_default();
        for message in &messages {
            let delete = self.sqs.delete_message().queue_url(&self.url);
            delete.set_receipt_handle(message.receipt_handle.clone()).send().await.unwrap();
        }
        messages.into_iter().map(|message| message.body.unwrap()).collect()
    }
}

/// Whether the same events came as were sent, in any order. Id and time are EventBridge's own.
fn assert_same(came: Vec<Event>, sent: Vec<Event>) {
    let counted = |events: Vec<Event>| {
        let mut counts = BTreeMap::<String, i32>::new();
        for event in events {
            assert!(event.time.is_some() && !event.id.is_empty(), "{event:?}");
            *counts.entry(format!("{:?}", Event { id: String::new(), time: None, ..event })).or_default() += 1;
        }
        counts
    };
    let (came, sent) = (counted(came), counted(sent));
    for event in came.keys().chain(sent.keys()) {
        assert_eq!(came.get(event), sent.get(event), "how often it came and was sent: {event}");
    }
}

fn parsed(body: &str) -> Event {
    event::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// The event as it would be in a cluster that the rule does not name.
fn elsewhere(event: &Value) -> Value {
    let text =
        event.to_string().replace(":cluster/prod", ":cluster/prod2").replace(":service/prod/", ":service/prod2/");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn our_rule_brings_each_event_to_the_queue() {
    let ministack = Ministack::start();
    let topic = ministack.follow("ecs-resolver-events");
    let queue = Queue::below(&ministack.sdk().await, &topic, true).await;
    let events: Vec<Value> = from_aws().into_iter().map(|(_, event)| event).collect();
    // Those that must not arrive go first.
    let (mut coming, mut other): (Vec<_>, Vec<_>) = events.iter().cloned().partition(|event| passes(&rule(), event));
    for event in events.iter().map(elsewhere) {
        if passes(&rule(), &event) { &mut coming } else { &mut other }.push(event);
    }
    assert!(coming.len() >= 40 && other.len() >= 25, "{} {}", coming.len(), other.len());
    other.iter().chain(&coming).for_each(|event| ministack.emit(event));
    let came = queue.messages(coming.len()).await;
    let sent = coming.iter().map(|event| parsed(&event.to_string())).collect();
    assert_same(came.iter().map(|body| parsed(body)).collect(), sent);
}

#[tokio::test]
async fn an_event_comes_through_the_queue_that_a_host_makes() {
    let ministack = Ministack::start();
    let topic = ministack.follow("ecs-resolver-events");
    let (aws, _) = aws(&ministack.endpoint_url()).await;
    let queue = own(&aws, &topic, 1);
    queue.open().await.unwrap();
    let event: Value = serde_json::from_str(&fixtures()["task-awsvpc-running"]).unwrap();
    ministack.emit(&event);
    let messages = queue.receive().await.unwrap();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(parsed(&messages[0].body).detail, parsed(&event.to_string()).detail);
    queue.delete(&[messages[0].receipt.clone()]).await.unwrap();
    assert_eq!(queue.remove().await, Ok(Removed { queue: true, subscription: true }));
}

#[tokio::test]
async fn without_raw_delivery_there_is_an_envelope_around() {
    let ministack = Ministack::start();
    let topic = ministack.follow("ecs-resolver-events");
    let queue = Queue::below(&ministack.sdk().await, &topic, false).await;
    let event: Value = serde_json::from_str(&fixtures()["task-bridge-running"]).unwrap();
    ministack.emit(&event);
    let came = queue.messages(1).await.pop().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&came).unwrap()["Type"], "Notification");
    assert_eq!(parsed(&came).detail, parsed(&event.to_string()).detail);
}

#[test]
fn ministack_judges_our_rule_as_we_do() {
    let ministack = Ministack::start();
    let pattern = config("event-rule.json");
    let judged = |event: &Value| {
        let asked = json!({"EventPattern": pattern, "Event": event.to_string()});
        ministack.events("TestEventPattern", &asked)["Result"].as_bool().unwrap()
    };
    for (name, mut event) in from_aws() {
        assert_eq!(judged(&event), passes(&rule(), &event), "{name}");
        let other = elsewhere(&event);
        assert_eq!(judged(&other), passes(&rule(), &other), "{name} of another cluster");
        event["source"] = json!("mallory");
        assert!(!judged(&event), "{name} of somebody else");
    }
}

#[test]
fn nobody_sends_events_in_the_name_of_aws() {
    let ministack = Ministack::start();
    let event: Value = serde_json::from_str(&fixtures()["task-bridge-running"]).unwrap();
    let refused = ministack.put(&event, "aws.ecs");
    assert_eq!(refused["Entries"][0]["ErrorCode"], "NotAuthorizedForSourceException", "{refused}");
}

#[test]
fn the_template_becomes_our_rule_and_a_topic() {
    let ministack = Ministack::start();
    let call = |parameters: &[(&str, &str)]| {
        let (status, answer) = ministack.query("cloudformation", "2010-05-15", parameters);
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let parameter = [
        ("Parameters.member.1.ParameterKey", "ClusterName"),
        ("Parameters.member.1.ParameterValue", "prod"),
        ("TemplateBody", &config("events.cfn.json")),
    ];
    call(&[&[("Action", "CreateStack"), ("StackName", "events")], &parameter[..]].concat());
    let describe = [("Action", "DescribeStacks"), ("StackName", "events")];
    let mut stack = call(&describe);
    while stack.contains("CREATE_IN_PROGRESS") {
        std::thread::sleep(std::time::Duration::from_millis(50));
        stack = call(&describe);
    }
    let topic = "arn:aws:sns:us-east-1:123456789012:ecs-resolver-events";
    assert!(stack.contains("CREATE_COMPLETE") && stack.contains(topic), "{stack}");
    let rules = ministack.events("ListRules", &json!({}));
    let pattern = rules["Rules"][0]["EventPattern"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(pattern).unwrap(), rule());
    let targets = ministack.events("ListTargetsByRule", &json!({"Rule": rules["Rules"][0]["Name"]}));
    assert_eq!(targets["Targets"][0]["Arn"], topic, "{targets}");
}

#[tokio::test]
async fn what_is_published_to_a_topic_of_moto_is_read_as_it_was() {
    let moto = Moto::start();
    let sdk = moto.sdk().await;
    let sns = aws_sdk_sns::Client::new(&sdk);
    let topic = sns.create_topic().name("ecs-resolver-events").send().await.unwrap().topic_arn.unwrap();
    let queues = [Queue::below(&sdk, &topic, true).await, Queue::below(&sdk, &topic, false).await];
    let published = fixtures();
    for body in published.values() {
        sns.publish().topic_arn(&topic).message(body).send().await.unwrap();
    }
    let came = queues[0].messages(published.len()).await;
    let came = came.iter().map(|body| parsed(body)).collect();
    assert_same(came, published.values().map(|body| parsed(body)).collect());
    // An envelope of SNS in an envelope of SNS is no event.
    let came = queues[1].messages(published.len()).await;
    let came: Vec<Event> = came.iter().filter_map(|body| event::parse(body.as_bytes()).ok()).collect();
    assert_eq!(came.len() + 1, published.len());
    let bare = published.iter().filter(|(name, _)| *name != "sns-notification");
    assert_same(came, bare.map(|(_, body)| parsed(body)).collect());
}
