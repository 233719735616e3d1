//! SNS: topics and the queues that are subscribed to them.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::ProvideErrorMetadata;
use serde_json::{Value, json};

use super::sns;
use crate::fake_aws::{FakeAws, Fault, Op};

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:123456789012:{queue}")
}

/// A fake with a topic, and a queue that lets it send.
fn with_topic(queue: &str) -> (FakeAws, String) {
    let fake = FakeAws::start();
    let topic = fake.messaging().add_topic("changes");
    fake.messaging().add_queue_for(queue, &topic);
    (fake, topic)
}

async fn subscribe(sns: &Client, topic: &str, queue: &str, raw: Option<&str>) -> Result<String, String> {
    let mut request = sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(arn(queue));
    if let Some(raw) = raw {
        request = request.attributes("RawMessageDelivery", raw);
    }
    let subscribed = request.return_subscription_arn(true).send().await;
    subscribed
        .map(|done| done.subscription_arn.unwrap())
        .map_err(|error| format!("{}: {}", error.code().unwrap_or_default(), error.message().unwrap_or_default()))
}

#[tokio::test]
async fn what_is_published_comes_to_every_queue_that_is_subscribed_bare_or_wrapped() {
    let (fake, topic) = with_topic("bare");
    fake.messaging().add_queue_for("wrapped", &topic);
    let sns = sns(&fake).await;
    subscribe(&sns, &topic, "bare", Some("true")).await.unwrap();
    subscribe(&sns, &topic, "wrapped", None).await.unwrap();
    fake.publish(&topic, &json!({ "a": 0 }));
    assert_eq!(fake.messaging().queue("bare").clear(), ["{\"a\":0}"]);
    fake.messaging().queue("wrapped").clear();
    let sent = sns.publish().topic_arn(&topic).message("{\"a\":1}").send().await.unwrap();
    assert_eq!(fake.messaging().queue("bare").bodies(), ["{\"a\":1}"]);
    let wrapped: Value = serde_json::from_str(&fake.messaging().queue("wrapped").bodies()[0]).unwrap();
    assert_eq!((&wrapped["Message"], &wrapped["Type"]), (&json!("{\"a\":1}"), &json!("Notification")));
    assert_eq!(wrapped["MessageId"].as_str(), sent.message_id());
}

#[tokio::test]
async fn a_queue_gets_only_what_its_policy_allows() {
    let (fake, topic) = with_topic("q");
    let other = fake.messaging().add_topic("other");
    fake.messaging().add_queue("closed");
    let sns = sns(&fake).await;
    for (topic, queue) in [(&topic, "q"), (&topic, "closed"), (&other, "q"), (&topic, "gone")] {
        subscribe(&sns, topic, queue, Some("true")).await.unwrap();
    }
    for topic in [&topic, &other] {
        sns.publish().topic_arn(topic).message("x").send().await.unwrap();
    }
    assert_eq!(fake.messaging().queue("q").bodies().len(), 1);
    assert!(fake.messaging().queue("closed").bodies().is_empty());
    assert_eq!(fake.messaging().undelivered, 3);
}

#[tokio::test]
async fn a_subscription_is_made_once_and_made_again_only_alike() {
    let (fake, topic) = with_topic("q");
    let sns = sns(&fake).await;
    let made = subscribe(&sns, &topic, "q", Some("true")).await.unwrap();
    assert_eq!(subscribe(&sns, &topic, "q", Some("true")).await.as_deref(), Ok(made.as_str()));
    let refused = subscribe(&sns, &topic, "q", Some("false")).await.unwrap_err();
    assert!(refused.starts_with("InvalidParameter: ") && refused.ends_with("different attributes"), "{refused}");

    let set = sns.set_subscription_attributes().subscription_arn(&made).attribute_name("RawMessageDelivery");
    set.attribute_value("false").send().await.unwrap();
    let found = sns.get_subscription_attributes().subscription_arn(&made).send().await.unwrap().attributes.unwrap();
    assert_eq!((found["RawMessageDelivery"].as_str(), found["Endpoint"].as_str()), ("false", arn("q").as_str()));
    for _ in 0..2 {
        sns.unsubscribe().subscription_arn(&made).send().await.expect("also when it is gone");
    }
    let gone = sns.get_subscription_attributes().subscription_arn(&made).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NotFound"));
}

#[tokio::test]
async fn subscriptions_come_in_pages_of_a_hundred() {
    let (fake, topic) = with_topic("q");
    let sns = sns(&fake).await;
    for number in 0..101 {
        subscribe(&sns, &topic, &format!("q{number}"), None).await.unwrap();
    }
    let pages = sns.list_subscriptions_by_topic().topic_arn(&topic).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    let sizes: Vec<_> = pages.iter().map(|page| page.subscriptions().len()).collect();
    assert_eq!(sizes, [100, 1]);
    assert_eq!(pages[1].subscriptions()[0].endpoint(), Some(arn("q100").as_str()));
}

#[tokio::test]
async fn what_sns_does_not_take_is_refused() {
    let (fake, topic) = with_topic("q");
    let sns = sns(&fake).await;
    let nowhere = format!("{topic}-2");
    assert_eq!(subscribe(&sns, &nowhere, "q", None).await.unwrap_err(), "NotFound: Topic does not exist");
    let refused = subscribe(&sns, &topic, "q", Some("maybe")).await.unwrap_err();
    assert!(refused.starts_with("InvalidParameter"), "{refused}");
    let mail = sns.subscribe().topic_arn(&topic).protocol("email").endpoint("a@example.com").send().await.unwrap_err();
    assert_eq!(mail.code(), Some("InvalidParameter"));
    let large = "x".repeat((256 << 10) + 1);
    assert_eq!(
        sns.publish().topic_arn(&topic).message(large).send().await.unwrap_err().code(),
        Some("InvalidParameter")
    );
    fake.knobs().fail(Op::Subscribe, Fault::AccessDenied);
    let refused = subscribe(&sns, &topic, "q", None).await.unwrap_err();
    assert!(refused.starts_with("AuthorizationError: ") && refused.contains("perform: SNS:Subscribe"), "{refused}");
}
