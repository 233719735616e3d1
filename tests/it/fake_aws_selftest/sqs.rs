//! SQS: queues, their settings and tags, and messages that come, hide and come back.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, QueueAttributeName as Attribute};

use super::sqs;
use crate::fake_aws::{FakeAws, Fault, Op};

const URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/q";

async fn receive(sqs: &Client, wait: i32) -> Vec<Message> {
    let request = sqs.receive_message().queue_url(URL).wait_time_seconds(wait).max_number_of_messages(10);
    request.send().await.unwrap().messages.unwrap_or_default()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

#[tokio::test]
async fn a_queue_is_made_once_and_made_again_only_alike() {
    let fake = FakeAws::start();
    let sqs = sqs(&fake).await;
    let create = |seconds: &str| {
        sqs.create_queue().queue_name("q").attributes(Attribute::VisibilityTimeout, seconds).tags("team", "a").send()
    };
    for _ in 0..2 {
        assert_eq!(create("60").await.unwrap().queue_url(), Some(URL));
    }
    let refused = create("61").await.unwrap_err();
    assert_eq!(refused.code(), Some("QueueAlreadyExists"), "{refused:?}");
    assert!(refused.message().unwrap().contains("VisibilityTimeout"));
    assert!(refused.into_service_error().is_queue_name_exists());

    let found = sqs.get_queue_attributes().queue_url(URL).attribute_names(Attribute::All).send().await.unwrap();
    let found = found.attributes.unwrap();
    assert_eq!(found[&Attribute::QueueArn], "arn:aws:sqs:us-east-1:123456789012:q");
    assert_eq!((found[&Attribute::VisibilityTimeout].as_str(), found[&Attribute::DelaySeconds].as_str()), ("60", "0"));
    sqs.tag_queue().queue_url(URL).tags("owner", "b").send().await.unwrap();
    let tags = sqs.list_queue_tags().queue_url(URL).send().await.unwrap().tags.unwrap();
    assert_eq!((tags.len(), tags["team"].as_str(), tags["owner"].as_str()), (2, "a", "b"));
    let set = sqs.set_queue_attributes().queue_url(URL).attributes(Attribute::MessageRetentionPeriod, "300");
    set.send().await.unwrap();
    assert_eq!(fake.messaging().queue("q").settings.retention(), Duration::from_mins(5));
}

#[tokio::test]
async fn queues_are_listed_by_the_beginning_of_their_names() {
    let fake = FakeAws::start();
    for name in ["a-1", "a-2", "a-3", "b"] {
        fake.messaging().add_queue(name);
    }
    let sqs = sqs(&fake).await;
    let names = |urls: &[String]| -> Vec<String> {
        urls.iter().map(|url| url.rsplit('/').next().unwrap().to_owned()).collect()
    };
    let all = sqs.list_queues().send().await.unwrap();
    assert_eq!(
        (names(all.queue_urls()), all.next_token()),
        (["a-1", "a-2", "a-3", "b"].map(str::to_owned).into(), None)
    );
    let first = sqs.list_queues().queue_name_prefix("a-").max_results(2).send().await.unwrap();
    assert_eq!(names(first.queue_urls()), ["a-1", "a-2"]);
    let second = sqs.list_queues().queue_name_prefix("a-").max_results(2).next_token(first.next_token().unwrap());
    let second = second.send().await.unwrap();
    assert_eq!((names(second.queue_urls()), second.next_token()), (vec!["a-3".to_owned()], None));
    assert!(sqs.list_queues().queue_name_prefix("c").send().await.unwrap().queue_urls().is_empty());

    fake.knobs().set_page_size(Op::ListQueues, 1);
    let unpaged = sqs.list_queues().queue_name_prefix("a-").send().await.unwrap();
    assert_eq!(
        (unpaged.queue_urls().len(), unpaged.next_token()),
        (1, None),
        "who asks for no number hears of no more"
    );
    for most in [0, 1_001] {
        let refused = sqs.list_queues().max_results(most).send().await.unwrap_err();
        assert_eq!(refused.code(), Some("InvalidParameterValue"), "{most}");
    }
}

#[tokio::test]
async fn a_name_is_free_again_a_while_after_its_queue_was_deleted() {
    let fake = FakeAws::start();
    fake.messaging().add_queue("q");
    let sqs = sqs(&fake).await;
    sqs.delete_queue().queue_url(URL).send().await.unwrap();
    for code in [
        sqs.get_queue_url().queue_name("q").send().await.unwrap_err().code(),
        sqs.delete_queue().queue_url(URL).send().await.unwrap_err().code(),
        sqs.receive_message().queue_url(URL).send().await.unwrap_err().code(),
    ] {
        assert_eq!(code, Some("AWS.SimpleQueueService.NonExistentQueue"));
    }
    let early = sqs.create_queue().queue_name("q").send().await.unwrap_err();
    assert_eq!(early.code(), Some("AWS.SimpleQueueService.QueueDeletedRecently"));
    assert!(early.into_service_error().is_queue_deleted_recently());
    fake.messaging().name_is_taken = Duration::ZERO;
    sqs.create_queue().queue_name("q").send().await.unwrap();
}

#[tokio::test]
async fn a_message_hides_while_somebody_works_on_it_and_comes_back() {
    let fake = FakeAws::start();
    fake.messaging().add_queue("q");
    let sqs = sqs(&fake).await;
    for number in 0..12 {
        sqs.send_message().queue_url(URL).message_body(number.to_string()).send().await.unwrap();
    }
    let first = receive(&sqs, 0).await;
    assert_eq!(bodies(&first), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(bodies(&receive(&sqs, 0).await), ["10", "11"]);
    assert!(receive(&sqs, 0).await.is_empty());
    assert_eq!(fake.messaging().queue("q").counts(), (0, 12));

    fake.messaging().queue("q").show_all();
    let again = receive(&sqs, 0).await;
    assert_eq!(again[0].body(), Some("0"));
    assert_ne!(again[0].receipt_handle(), first[0].receipt_handle());
    let delete =
        |message: &Message| sqs.delete_message().queue_url(URL).set_receipt_handle(message.receipt_handle.clone());
    delete(&first[0]).send().await.unwrap();
    assert!(
        fake.messaging().queue("q").bodies().contains(&"0".to_owned()),
        "a receipt that is out of date deletes nothing"
    );
    delete(&again[0]).send().await.unwrap();
    assert!(!fake.messaging().queue("q").bodies().contains(&"0".to_owned()));
    assert_eq!(fake.calls_of(Op::ReceiveMessage)[0].max_results, Some(10));
}

#[tokio::test]
async fn a_batch_is_deleted_as_far_as_its_receipts_are_good() {
    let fake = FakeAws::start();
    fake.messaging().add_queue("q");
    fake.messaging().send("q", "a");
    let sqs = sqs(&fake).await;
    let good = receive(&sqs, 0).await.remove(0).receipt_handle.unwrap();
    let entry = |id: &str, receipt: &str| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(receipt).build().unwrap()
    };
    let delete = |entries: Vec<_>| sqs.delete_message_batch().queue_url(URL).set_entries(Some(entries)).send();
    let done = delete(vec![entry("x", &good), entry("y", "nonsense")]).await.unwrap();
    assert_eq!((done.successful()[0].id(), done.failed()[0].id()), ("x", "y"));
    assert_eq!(done.failed()[0].code(), "ReceiptHandleIsInvalid");
    assert!(fake.messaging().queue("q").bodies().is_empty());

    let many = (0..11).map(|id| entry(&id.to_string(), &good)).collect();
    for (entries, code) in [
        (Vec::new(), "EmptyBatchRequest"),
        (many, "TooManyEntriesInBatchRequest"),
        (vec![entry("x", &good), entry("x", &good)], "BatchEntryIdsNotDistinct"),
    ] {
        let refused = delete(entries).await.unwrap_err();
        assert_eq!(refused.code(), Some(format!("AWS.SimpleQueueService.{code}").as_str()));
    }
    assert_eq!(fake.batches(Op::DeleteMessageBatch), [2, 0, 11, 2]);
}

#[tokio::test]
async fn a_long_poll_ends_when_a_message_arrives() {
    let fake = FakeAws::start();
    fake.messaging().add_queue("q");
    let sqs = sqs(&fake).await;
    let polling = tokio::spawn({
        let sqs = sqs.clone();
        async move { receive(&sqs, 20).await }
    });
    // The fake answers others meanwhile.
    for _ in 0..3 {
        sqs.get_queue_url().queue_name("q").send().await.unwrap();
    }
    let begun = Instant::now();
    fake.messaging().send("q", "now");
    assert_eq!(bodies(&polling.await.unwrap()), ["now"]);
    assert!(begun.elapsed() < Duration::from_secs(15), "it waited to the end all the same");

    // A message that is hidden, or sent for later, wakes it as well.
    fake.messaging().send_later("q", "later", Duration::from_millis(300));
    assert_eq!(bodies(&receive(&sqs, 20).await), ["later"]);
    let begun = Instant::now();
    assert!(receive(&sqs, 1).await.is_empty());
    assert!(begun.elapsed() >= Duration::from_secs(1), "it must wait when there is nothing");
}

#[tokio::test]
async fn a_long_poll_ends_when_its_queue_goes() {
    let fake = FakeAws::start();
    fake.messaging().add_queue("q");
    let sqs = sqs(&fake).await;
    let polling = tokio::spawn(async move {
        sqs.receive_message().queue_url(URL).wait_time_seconds(20).send().await.unwrap_err().code().map(str::to_owned)
    });
    while fake.messaging().queues.contains_key("q") {
        tokio::time::sleep(Duration::from_millis(50)).await;
        fake.messaging().delete_queue("q");
    }
    assert_eq!(polling.await.unwrap().as_deref(), Some("AWS.SimpleQueueService.NonExistentQueue"));
}

#[tokio::test]
async fn nobody_takes_a_message_for_a_caller_who_has_gone() {
    let fake = FakeAws::start();
    fake.messaging().add_queue("q");
    let sqs = sqs(&fake).await;
    let gone = tokio::time::timeout(Duration::from_millis(200), receive(&sqs, 20)).await;
    assert!(gone.is_err());
    // The closed connection is noticed by the next turn of the fake's loop; these calls are several.
    for _ in 0..5 {
        sqs.get_queue_url().queue_name("q").send().await.unwrap();
    }
    fake.messaging().send("q", "mine");
    assert_eq!(bodies(&receive(&sqs, 20).await), ["mine"]);
}

#[tokio::test]
async fn each_nth_message_can_come_twice() {
    let fake = FakeAws::start();
    fake.messaging().add_queue("q");
    fake.messaging().duplicate_every = Some(3);
    for body in ["a", "b", "c"] {
        fake.messaging().send("q", body);
    }
    let sqs = sqs(&fake).await;
    assert_eq!(bodies(&receive(&sqs, 0).await), ["a", "b", "c"]);
    assert_eq!(bodies(&receive(&sqs, 0).await), ["c"]);
    assert!(receive(&sqs, 0).await.is_empty());
}

#[tokio::test]
async fn what_sqs_does_not_take_is_refused() {
    let fake = FakeAws::start();
    fake.messaging().add_queue("q");
    let sqs = sqs(&fake).await;
    let code = |error: Option<&str>| error.map(str::to_owned);
    let long = "q".repeat(81);
    for name in ["", "a.b", "q.fifo", long.as_str()] {
        let refused = sqs.create_queue().queue_name(name).send().await.unwrap_err();
        assert_eq!(code(refused.code()).as_deref(), Some("InvalidParameterValue"), "{name}");
    }
    for (attribute, value, expected) in [
        (Attribute::VisibilityTimeout, "43201", "InvalidAttributeValue"),
        (Attribute::MessageRetentionPeriod, "59", "InvalidAttributeValue"),
        (Attribute::Policy, "no JSON", "InvalidAttributeValue"),
        (Attribute::from("Colour"), "red", "InvalidAttributeName"),
    ] {
        let refused = sqs.set_queue_attributes().queue_url(URL).attributes(attribute, value).send().await.unwrap_err();
        assert_eq!(refused.code(), Some(expected), "{value}");
    }
    let refused = sqs.tag_queue().queue_url(URL).tags("a", "(b)").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));
    for (most, wait) in [(11, 0), (0, 0), (1, 21)] {
        let request = sqs.receive_message().queue_url(URL).max_number_of_messages(most).wait_time_seconds(wait);
        assert_eq!(request.send().await.unwrap_err().code(), Some("InvalidParameterValue"), "{most} {wait}");
    }
    let large = "x".repeat((1 << 20) + 1);
    let refused = sqs.send_message().queue_url(URL).message_body(large).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));
    sqs.send_message().queue_url(URL).message_body("x".repeat(1 << 20)).send().await.unwrap();
}

#[tokio::test]
async fn errors_are_those_of_sqs() {
    let fake = FakeAws::start();
    fake.messaging().add_queue("q");
    let sqs = sqs(&fake).await;
    for (fault, expected) in [
        (Fault::AccessDenied, "AccessDenied"),
        (Fault::Throttled, "RequestThrottled"),
        (Fault::InternalFailure, "InternalFailure"),
    ] {
        fake.knobs().fail_times(Op::ReceiveMessage, fault, 1);
        let refused = sqs.receive_message().queue_url(URL).send().await.unwrap_err();
        assert_eq!(refused.code(), Some(expected));
        assert!(fault != Fault::AccessDenied || refused.message().unwrap().contains("perform: sqs:receivemessage"));
    }
    receive(&sqs, 0).await;
}
