//! The queue of a host over real HTTP: made, read, shown and removed, on the fake AWS and on moto.

mod command;

use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use ecs_resolver::aws::Aws;
use ecs_resolver::ecs::Timestamp;
use ecs_resolver::source::ports::{ApiErrorKind, EventQueue, Owner};
use ecs_resolver::source::queue::ports::{QueueUrl, TopicArn};
use ecs_resolver::source::queue::{GivenQueue, OwnQueue, Reader, Removed};
use serde_json::{Value, json};

use crate::fake_aws::{FakeAws, Fault, Op, Travel};
use crate::moto::Moto;

const NAME: &str = "ecs-resolver-prod-i-0a1b2c3d4e5f60001";
const INSTANCE: &str = "i-0a1b2c3d4e5f60001";

/// Operations and results that the observer was told of.
pub type Seen = Arc<Mutex<Vec<(&'static str, &'static str)>>>;

/// Our clients on some endpoint, and what they observed.
pub async fn aws(endpoint: &str) -> (Aws, Seen) {
    let credentials = Credentials::new("AKIDTEST", "secret", None, None, "test");
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled());
    let seen = Seen::default();
    let told = Arc::clone(&seen);
    let observer = Arc::new(move |operation, result| told.lock().unwrap().push((operation, result)));
    (Aws::with_config(&sdk.load().await, observer).await, seen)
}

/// A host's queue below `topic`.
pub fn own(aws: &Aws, topic: &str, boot: u64) -> OwnQueue {
    let (sqs, sns) = (Arc::new(aws.sqs.clone()), Arc::new(aws.sns.clone()));
    OwnQueue::new(sqs, sns, TopicArn(topic.to_owned()), Reader::new("prod", INSTANCE, boot))
}

#[tokio::test]
async fn events_come_bare_through_a_queue_of_our_own() {
    let fake = FakeAws::start();
    let topic = fake.messaging().add_topic("changes");
    let (aws, seen) = aws(&fake.endpoint_url()).await;
    let queue = own(&aws, &topic, 1);
    queue.open().await.unwrap();
    fake.emit_events(&topic, Travel::default());
    let arn = fake.world().service("prod", "web").fargate_tasks(1).task_arns().remove(0);

    let messages = queue.receive().await.unwrap();
    assert_eq!(messages.len(), 3, "the call that made the service, its deployment, its task");
    let event: Value = serde_json::from_str(&messages[2].body).unwrap();
    assert_eq!((&event["detail"]["taskArn"], fake.messaging().undelivered), (&json!(arn), 0));
    let receipts: Vec<_> = messages.into_iter().map(|message| message.receipt).collect();
    queue.delete(&receipts).await.unwrap();
    assert!(fake.messaging().queue(NAME).bodies().is_empty());
    queue.delete(&receipts).await.expect("what is gone is no failure");
    queue.delete(&["nonsense".to_owned()]).await.expect("nor is a receipt that was never good");

    assert_eq!(queue.claim(Timestamp::UNIX_EPOCH).await, Ok(Owner::Ours));
    let opened = ["GetQueueUrl", "CreateQueue", "ListQueueTags", "GetQueueAttributes", "TagQueue"];
    let opened: Vec<_> =
        opened.iter().map(|action| format!("sqs:{action}")).chain(["sns:Subscribe".to_owned()]).collect();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().map(|(operation, _)| *operation).take(6).collect::<Vec<_>>(), opened);
    assert_eq!(seen[0], ("sqs:GetQueueUrl", "not_found"));
}

#[tokio::test]
async fn a_message_that_arrives_ends_the_wait() {
    let fake = FakeAws::start();
    let topic = fake.messaging().add_topic("changes");
    let (aws, _) = aws(&fake.endpoint_url()).await;
    let queue = Arc::new(own(&aws, &topic, 1));
    queue.open().await.unwrap();
    let waiting = Arc::clone(&queue);
    let waiting = tokio::spawn(async move { waiting.receive().await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    fake.publish(&topic, &json!({ "a": 1 }));
    assert_eq!(waiting.await.unwrap().unwrap()[0].body, "{\"a\":1}");
}

/// Twenty seconds in which nothing happens are no stalled call.
#[tokio::test]
async fn a_wait_in_vain_is_no_failure() {
    let fake = FakeAws::start();
    let topic = fake.messaging().add_topic("changes");
    let (aws, _) = aws(&fake.endpoint_url()).await;
    let queue = own(&aws, &topic, 1);
    queue.open().await.unwrap();
    let begun = std::time::Instant::now();
    assert_eq!(queue.receive().await, Ok(Vec::new()));
    assert!(begun.elapsed() >= std::time::Duration::from_secs(20), "it came back early");
    assert_eq!(fake.count(Op::ReceiveMessage), 1, "one call waits, not many");
}

#[tokio::test]
async fn a_queue_that_vanishes_is_made_again_when_its_name_is_free() {
    let fake = FakeAws::start();
    let topic = fake.messaging().add_topic("changes");
    let (aws, _) = aws(&fake.endpoint_url()).await;
    let queue = own(&aws, &topic, 1);
    queue.open().await.unwrap();
    fake.messaging().delete_queue(NAME);
    assert_eq!(queue.receive().await.unwrap_err().kind, ApiErrorKind::NotFound);
    let refused = queue.open().await.unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::NotYet);
    assert!(refused.to_string().contains(NAME) && refused.to_string().contains("60 seconds"), "{refused}");
    fake.messaging().name_is_taken = std::time::Duration::ZERO;
    queue.open().await.unwrap();
    fake.publish(&topic, &json!({}));
    assert_eq!(queue.receive().await.unwrap().len(), 1);
    assert_eq!(fake.messaging().topics[&topic].subscriptions.len(), 1, "the old subscription serves again");
}

#[tokio::test]
async fn what_was_made_otherwise_is_corrected() {
    let fake = FakeAws::start();
    let topic = fake.messaging().add_topic("changes");
    let (aws, _) = aws(&fake.endpoint_url()).await;
    own(&aws, &topic, 1).open().await.unwrap();
    {
        let mut messaging = fake.messaging();
        for (attribute, value) in [("Policy", ""), ("VisibilityTimeout", "1"), ("MessageRetentionPeriod", "60")] {
            messaging.queue(NAME).set(attribute, value);
        }
        let subscription = &mut messaging.topics.get_mut(&topic).unwrap().subscriptions[0];
        subscription.attributes.insert("RawMessageDelivery".to_owned(), "false".to_owned());
    }
    let queue = own(&aws, &topic, 2);
    queue.open().await.unwrap();
    fake.publish(&topic, &json!({ "bare": true }));
    assert_eq!(queue.receive().await.unwrap()[0].body, "{\"bare\":true}");
    let settings = fake.messaging().queue(NAME).settings.clone();
    assert_eq!((settings.retention().as_secs(), settings.visibility().as_secs()), (300, 30));
}

#[tokio::test]
async fn a_missing_permission_is_told_with_action_and_resource() {
    let fake = FakeAws::start();
    let topic = fake.messaging().add_topic("changes");
    let (aws, _) = aws(&fake.endpoint_url()).await;
    let queue = own(&aws, &topic, 1);
    for (op, action, resource) in [
        (Op::GetQueueUrl, "sqs:GetQueueUrl", NAME),
        (Op::CreateQueue, "sqs:CreateQueue", NAME),
        (Op::ListQueueTags, "sqs:ListQueueTags", NAME),
        (Op::GetQueueAttributes, "sqs:GetQueueAttributes", NAME),
        (Op::TagQueue, "sqs:TagQueue", NAME),
        (Op::Subscribe, "sns:Subscribe", topic.as_str()),
    ] {
        fake.knobs().fail_times(op, Fault::AccessDenied, 1);
        let error = queue.open().await.unwrap_err();
        assert_eq!((error.operation, error.kind), (action, ApiErrorKind::Denied), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("add {action} to the role")) && text.contains(resource), "{text}");
    }
    queue.open().await.unwrap();
    fake.knobs().fail_times(Op::ReceiveMessage, Fault::AccessDenied, 1);
    let error = queue.receive().await.unwrap_err();
    assert_eq!((error.operation, error.kind), ("sqs:ReceiveMessage", ApiErrorKind::Denied));
}

#[tokio::test]
async fn a_given_queue_is_read_and_two_readers_notice() {
    let fake = FakeAws::start();
    let url = fake.messaging().add_queue("theirs");
    let (aws, _) = aws(&fake.endpoint_url()).await;
    let given =
        |boot| GivenQueue::new(Arc::new(aws.sqs.clone()), QueueUrl(url.clone()), Reader::new("prod", INSTANCE, boot));
    let (first, second) = (given(1), given(2));
    first.open().await.unwrap();
    fake.messaging().send("theirs", "x");
    assert_eq!(first.receive().await.unwrap()[0].body, "x");
    second.open().await.unwrap();
    assert_eq!(first.claim(Timestamp::UNIX_EPOCH).await, Ok(Owner::Other(format!("0000000000000002 {INSTANCE}"))));
    assert_eq!(second.claim(Timestamp::UNIX_EPOCH).await, Ok(Owner::Other(format!("0000000000000001 {INSTANCE}"))));
}

/// moto does not share our misconceptions about SQS and SNS.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_the_same_on_moto() {
    let moto = Moto::start();
    let (aws, _) = aws(&moto.endpoint_url()).await;
    let sns = aws_sdk_sns::Client::new(&moto.sdk().await);
    let topic = sns.create_topic().name("changes").send().await.unwrap().topic_arn.unwrap();
    let queue = own(&aws, &topic, 1);
    queue.open().await.unwrap();
    own(&aws, &topic, 1).open().await.expect("again");
    sns.publish().topic_arn(&topic).message("{\"a\":1}").send().await.unwrap();
    let messages = queue.receive().await.unwrap();
    assert_eq!(messages[0].body, "{\"a\":1}");
    queue.delete(&[messages[0].receipt.clone()]).await.unwrap();
    assert_eq!(queue.claim(Timestamp::UNIX_EPOCH).await, Ok(Owner::Ours));
    own(&aws, &topic, 2).open().await.unwrap();
    assert_eq!(queue.claim(Timestamp::UNIX_EPOCH).await, Ok(Owner::Other(format!("0000000000000002 {INSTANCE}"))));
    let report = queue.report().await.unwrap().unwrap();
    assert!(report.subscription.is_some() && report.waiting == 0, "{report:?}");
    assert_eq!(queue.remove().await, Ok(Removed { queue: true, subscription: true }));
    assert_eq!(queue.receive().await.unwrap_err().kind, ApiErrorKind::NotFound);
    assert_eq!(queue.remove().await, Ok(Removed { queue: false, subscription: false }));
}
