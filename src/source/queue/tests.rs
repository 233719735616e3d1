//! Stories of queues: made, found again, corrected, lost, contested, removed.

pub(super) mod world;

use std::time::Duration;

use serde_json::Value;

use super::ports::{NotDeleted, QueueSettings, SqsApi, Tags, TopicArn};
use super::reader::{CLUSTER, INSTANCE, OWNER, READ, VERSION};
use super::*;
use crate::ecs::Timestamp;
use crate::source::ports::{ApiErrorKind, Owner};
use world::{World, url};

const NAME: &str = "ecs-resolver-prod-i-1";
const ARN: &str = "arn:aws:sqs:r:1:ecs-resolver-prod-i-1";

fn own(world: &World, boot: u64) -> OwnQueue {
    let topic = TopicArn("arn:aws:sns:r:1:changes".to_owned());
    OwnQueue::new(Arc::new(world.clone()), Arc::new(world.clone()), topic, Reader::new("prod", "i-1", boot))
}

fn given(world: &World, boot: u64) -> GivenQueue {
    GivenQueue::new(Arc::new(world.clone()), url("theirs"), Reader::new("prod", "i-1", boot))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A queue that somebody else has made.
async fn make(world: &World, name: &str, tags: Tags) {
    let seconds = Duration::from_secs;
    let settings =
        QueueSettings { retention: seconds(345_600), wait: seconds(0), visibility: seconds(30), policy: None };
    world.create_queue(name, &settings, &tags).await.unwrap().unwrap();
    world.calls();
}

#[tokio::test]
async fn a_queue_is_made_set_tagged_and_subscribed() {
    let world = World::default();
    own(&world, 1).open().await.unwrap();
    let state = world.state();
    let made = &state.queues[NAME];
    let settings = &made.queue.settings;
    assert_eq!((settings.retention.as_secs(), settings.wait.as_secs(), settings.visibility.as_secs()), (300, 20, 30));
    let policy: Value = serde_json::from_str(settings.policy.as_deref().unwrap()).unwrap();
    let [statement] = policy["Statement"].as_array().unwrap().as_slice() else { panic!("{policy}") };
    assert_eq!(statement["Principal"]["Service"], "sns.amazonaws.com");
    assert_eq!((&statement["Action"], &statement["Resource"]), (&"sqs:SendMessage".into(), &ARN.into()));
    assert_eq!(statement["Condition"]["ArnEquals"]["aws:SourceArn"], "arn:aws:sns:r:1:changes");
    let tag = |key: &str| made.tags[key].as_str();
    assert_eq!((tag(OWNER), tag(CLUSTER), tag(INSTANCE)), ("0000000000000001 i-1", "prod", "i-1"));
    assert_eq!(tag(VERSION), env!("CARGO_PKG_VERSION"));
    assert!(state.subscriptions[ARN]);
}

#[tokio::test]
async fn a_restart_finds_its_queue_and_says_so_on_it() {
    let world = World::default();
    own(&world, 1).open().await.unwrap();
    world.calls();
    let again = own(&world, 2);
    again.open().await.unwrap();
    let expected = ["sqs:GetQueueUrl", "sqs:ListQueueTags", "sqs:GetQueueAttributes", "sqs:TagQueue", "sns:Subscribe"];
    assert_eq!(world.calls(), expected, "what is as it should be is not set again");
    assert_eq!(world.state().queues[NAME].tags[OWNER], "0000000000000002 i-1");
    again.receive().await.unwrap();
}

#[tokio::test]
async fn what_somebody_changed_is_corrected() {
    let world = World::default();
    let queue = own(&world, 1);
    queue.open().await.unwrap();
    {
        let mut state = world.state();
        let settings = &mut state.queues.get_mut(NAME).unwrap().queue.settings;
        settings.policy = None;
        settings.retention = Duration::from_hours(1);
        *state.subscriptions.get_mut(ARN).unwrap() = false;
    }
    queue.open().await.unwrap();
    let state = world.state();
    assert!(state.queues[NAME].queue.settings.policy.is_some() && state.subscriptions[ARN]);
    assert_eq!(state.queues[NAME].queue.settings.retention, Duration::from_mins(5));
}

#[tokio::test]
async fn a_policy_that_is_written_otherwise_is_left_alone() {
    let world = World::default();
    let queue = own(&world, 1);
    queue.open().await.unwrap();
    let spaced = {
        let mut state = world.state();
        let policy = &mut state.queues.get_mut(NAME).unwrap().queue.settings.policy;
        let parsed: Value = serde_json::from_str(policy.as_deref().unwrap()).unwrap();
        *policy = Some(format!("{parsed:#}"));
        policy.clone()
    };
    queue.open().await.unwrap();
    assert_eq!(world.state().queues[NAME].queue.settings.policy, spaced);
}

#[tokio::test]
async fn a_queue_of_that_name_that_is_not_ours_is_never_touched() {
    let others = [
        Tags::new(),
        Tags::from([(OWNER.to_owned(), "0000000000000001 i-1".to_owned())]),
        Reader::new("prod", "i-2", 1).tags(),
        Reader::new("test", "i-1", 1).tags(),
    ];
    for (hidden, tags) in others.into_iter().flat_map(|tags| [(false, tags.clone()), (true, tags)]) {
        let world = World::default();
        make(&world, NAME, tags.clone()).await;
        world.state().hidden = hidden;
        let queue = own(&world, 1);
        for refused in [queue.open().await, queue.remove().await.map(drop)] {
            match refused {
                Err(error) if hidden => assert!(error.message.contains("sqs:GetQueueUrl"), "{error}"),
                Err(error) => {
                    assert!(
                        error.message.contains(NAME) && error.message.contains("ecs-resolver:cluster=prod"),
                        "{error}"
                    );
                }
                Ok(()) => assert!(hidden, "only what is not seen can be removed without a word"),
            }
        }
        let state = world.state();
        assert_eq!((&state.queues[NAME].tags, state.queues[NAME].queue.settings.policy.as_ref()), (&tags, None));
        assert!(state.subscriptions.is_empty());
    }
}

#[tokio::test]
async fn a_queue_that_vanished_is_made_again_once_aws_lets_us() {
    let world = World::default();
    let queue = own(&world, 1);
    assert_eq!(queue.receive().await.unwrap_err().kind, ApiErrorKind::NotFound, "not opened");
    queue.open().await.unwrap();
    world.state().queues.clear();
    world.state().taken.insert(NAME.to_owned());
    assert_eq!(queue.receive().await.unwrap_err().kind, ApiErrorKind::NotFound);
    assert_eq!(queue.open().await.unwrap_err().kind, ApiErrorKind::NotYet);
    world.state().taken.clear();
    queue.open().await.unwrap();
    queue.receive().await.unwrap();
}

#[tokio::test]
async fn opening_goes_on_from_wherever_it_was_cut_off() {
    for missing in ["sqs:ListQueueTags", "sqs:GetQueueAttributes", "sqs:TagQueue", "sns:Subscribe"] {
        let world = World::default();
        let queue = own(&world, 1);
        world.state().denied.insert(missing);
        let error = queue.open().await.unwrap_err();
        assert_eq!((error.operation, error.kind), (missing, ApiErrorKind::Denied));
        world.state().denied.clear();
        queue.open().await.unwrap();
        assert!(world.state().queues[NAME].queue.settings.policy.is_some() && world.state().subscriptions[ARN]);
    }
}

#[tokio::test]
async fn what_may_not_be_corrected_is_told_and_nothing_else_is_done() {
    let world = World::default();
    own(&world, 1).open().await.unwrap();
    world.state().queues.get_mut(NAME).unwrap().queue.settings.retention = Duration::from_hours(1);
    world.state().denied.insert("sqs:SetQueueAttributes");
    world.calls();
    let error = own(&world, 2).open().await.unwrap_err();
    assert_eq!((error.operation, error.kind), ("sqs:SetQueueAttributes", ApiErrorKind::Denied));
    assert_eq!(world.calls().last(), Some(&"sqs:SetQueueAttributes"));
    assert_eq!(world.state().queues[NAME].tags[OWNER], "0000000000000001 i-1", "not ours yet");
    world.state().queues.get_mut(NAME).unwrap().queue.settings.retention = Duration::from_mins(5);
    own(&world, 2).open().await.expect("somebody else has corrected it");
}

#[tokio::test]
async fn a_queue_that_is_there_needs_no_permission_to_make_one() {
    let world = World::default();
    own(&world, 1).open().await.unwrap();
    world.state().denied.extend(["sqs:CreateQueue", "sqs:SetQueueAttributes", "sns:ListSubscriptionsByTopic"]);
    own(&world, 2).open().await.unwrap();
}

#[tokio::test]
async fn two_readers_both_find_the_other_for_as_long_as_both_are_there() {
    let world = World::default();
    let (first, second) = (own(&world, 1), own(&world, 2));
    first.open().await.unwrap();
    assert_eq!(first.claim(at(1)).await, Ok(Owner::Ours));
    second.open().await.unwrap();
    for _ in 0..2 {
        assert_eq!(first.claim(at(2)).await, Ok(Owner::Other("0000000000000002 i-1".to_owned())));
        assert_eq!(second.claim(at(3)).await, Ok(Owner::Other("0000000000000001 i-1".to_owned())));
    }
    // The second has ended.
    assert_eq!(first.claim(at(4)).await, Ok(Owner::Other("0000000000000002 i-1".to_owned())));
    assert_eq!(first.claim(at(5)).await, Ok(Owner::Ours));
    assert_eq!(world.state().queues[NAME].tags[READ], "1970-01-01T00:00:05Z");
    world.state().queues.get_mut(NAME).unwrap().tags.remove(OWNER);
    assert_eq!(first.claim(at(6)).await, Ok(Owner::Ours), "nobody else, as far as the tags tell");
}

#[tokio::test]
async fn removing_takes_the_queue_and_its_subscription_and_may_be_repeated() {
    let world = World::default();
    let queue = own(&world, 1);
    queue.open().await.unwrap();
    assert_eq!(own(&world, 2).remove().await, Ok(Removed { queue: true, subscription: true }));
    assert!(world.state().queues.is_empty() && world.state().subscriptions.is_empty());
    assert_eq!(queue.remove().await, Ok(Removed { queue: false, subscription: false }));

    queue.open().await.unwrap();
    world.state().queues.clear();
    assert_eq!(queue.remove().await, Ok(Removed { queue: false, subscription: true }), "what is left over");
}

#[tokio::test]
async fn a_given_queue_is_checked_and_gets_our_name() {
    let world = World::default();
    let queue = given(&world, 1);
    let error = queue.open().await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::NotFound);
    assert!(error.message.contains("take events.queue_url out"), "{error}");

    make(&world, "theirs", Tags::from([("team".to_owned(), "a".to_owned())])).await;
    queue.open().await.unwrap();
    assert_eq!(world.calls(), ["sqs:GetQueueAttributes", "sqs:TagQueue"]);
    assert_eq!(world.state().queues["theirs"].tags.len(), 2, "other tags stay");
    assert_eq!(queue.claim(at(1)).await, Ok(Owner::Ours));
    given(&world, 2).open().await.unwrap();
    assert_eq!(queue.claim(at(1)).await, Ok(Owner::Other("0000000000000002 i-1".to_owned())));
    queue.receive().await.unwrap();
}

#[tokio::test]
async fn a_given_queue_is_read_without_the_permission_to_tag_it() {
    let world = World::default();
    make(&world, "theirs", Reader::new("prod", "i-2", 7).tags()).await;
    let queue = given(&world, 1);
    world.state().denied.insert("sqs:TagQueue");
    queue.open().await.unwrap();
    assert_eq!(queue.claim(at(1)).await, Ok(Owner::Ours), "the name on it is old, for all we know");
    world.state().denied = ["sqs:ListQueueTags"].into();
    queue.open().await.unwrap();
    assert_eq!(queue.claim(at(1)).await, Ok(Owner::Ours));
    assert_eq!(queue.report().await.unwrap().unwrap().owner, None);
}

#[tokio::test]
async fn a_receipt_that_is_out_of_date_is_no_failure_and_others_are() {
    let world = World::default();
    let queue = own(&world, 1);
    queue.open().await.unwrap();
    world.calls();
    queue.delete(&[]).await.unwrap();
    let receipts: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    world.state().not_deleted = vec![NotDeleted { expired: true, reason: "ReceiptHandleIsInvalid".to_owned() }];
    queue.delete(&receipts).await.unwrap();
    assert_eq!(world.calls(), ["sqs:DeleteMessage"; 2]);
    world.state().not_deleted = vec![NotDeleted { expired: false, reason: "InternalError: try again".to_owned() }];
    let error = queue.delete(&receipts).await.unwrap_err();
    assert!(error.message.starts_with("1 of 11 messages") && error.message.ends_with("try again"), "{error}");
}

#[tokio::test]
async fn a_report_shows_the_queue_and_changes_nothing() {
    let world = World::default();
    let queue = HostQueue::Own(own(&world, 1));
    assert_eq!(queue.report().await, Ok(None));
    own(&world, 9).open().await.unwrap();
    let before = world.state().queues[NAME].tags.clone();
    let report = queue.report().await.unwrap().unwrap();
    assert_eq!((report.url, report.owner.as_deref()), (url(NAME), Some("0000000000000009 i-1")));
    assert_eq!((report.waiting, report.in_flight, report.subscription.is_some()), (3, 1, true));
    assert_eq!(world.state().queues[NAME].tags, before);
    assert_eq!(queue.name(), NAME);
    assert_eq!(HostQueue::Given(given(&world, 1)).report().await, Ok(None));
}

#[test]
fn tags_have_the_characters_and_the_length_that_aws_takes() {
    let odd = Reader::new(&"c".repeat(300), "host (of a#b)", 1).tags();
    assert_eq!(odd[CLUSTER].len(), 256);
    assert_eq!((odd[INSTANCE].as_str(), odd[OWNER].as_str()), ("host -of a-b-", "0000000000000001 host -of a-b-"));
}
