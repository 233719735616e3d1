//! Queues and topics: what SQS and SNS hold. A test changes it through `FakeAws::messaging`.

mod policy;
mod queue;
mod settings;
mod topic;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

pub use queue::{Delivered, Queue};
pub use settings::{Settings, Tags, check_tags, tags_of};
pub use topic::{Subscription, Topic};

use super::error::AwsError;
use super::world::{ACCOUNT, REGION};

/// All queues and topics of the account and Region.
#[derive(Debug)]
pub struct Messaging {
    /// Queues by name.
    pub queues: BTreeMap<String, Queue>,
    /// Topics by ARN.
    pub topics: BTreeMap<String, Topic>,
    /// How long the name of a deleted queue cannot be used again.
    pub name_is_taken: Duration,
    /// Each nth message that is received stays visible and comes again, as on a standard queue it may; none: never.
    pub duplicate_every: Option<u64>,
    /// Messages that SNS had to give up: the queue was gone, or its policy did not allow the topic.
    pub undelivered: u64,
    deleted: BTreeMap<String, Instant>,
    sequence: u64,
    received: u64,
}

impl Default for Messaging {
    fn default() -> Self {
        Self {
            queues: BTreeMap::new(),
            topics: BTreeMap::new(),
            name_is_taken: Duration::from_mins(1),
            duplicate_every: None,
            undelivered: 0,
            deleted: BTreeMap::new(),
            sequence: 0,
            received: 0,
        }
    }
}

impl Messaging {
    /// Creates a topic; returns its ARN.
    pub fn add_topic(&mut self, name: &str) -> String {
        let arn = format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}");
        self.topics.entry(arn.clone()).or_default();
        arn
    }

    /// Creates a queue with SQS's defaults and no tags, as an operator might; returns its URL.
    pub fn add_queue(&mut self, name: &str) -> String {
        let made = self.create(name, Settings::default(), Tags::new());
        made.expect("a new name, not deleted a moment ago").0
    }

    /// Creates a queue as [`Messaging::add_queue`] does, and lets a topic send to it; returns its URL.
    pub fn add_queue_for(&mut self, name: &str, topic: &str) -> String {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": "*",
                "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
            }],
        });
        let url = self.add_queue(name);
        self.queue(name).set("Policy", &policy.to_string());
        url
    }

    /// Subscribes a queue to a topic, with raw delivery, as an operator might.
    ///
    /// # Panics
    /// If there is no such queue.
    pub fn subscribe_raw(&mut self, topic: &str, queue: &str) {
        let (arn, endpoint) = (self.next_subscription(topic), self.queue(queue).arn.clone());
        let attributes = BTreeMap::from([("RawMessageDelivery".to_owned(), "true".to_owned())]);
        let made = Subscription { arn, endpoint, attributes };
        self.topics.entry(topic.to_owned()).or_default().subscriptions.push(made);
    }

    /// The queue of that name.
    ///
    /// # Panics
    /// If there is none.
    pub fn queue(&mut self, name: &str) -> &mut Queue {
        self.queues.get_mut(name).unwrap_or_else(|| panic!("the fake has no queue {name}"))
    }

    /// Puts a message into a queue; returns its id.
    ///
    /// # Panics
    /// If there is no such queue.
    pub fn send(&mut self, queue: &str, body: &str) -> String {
        self.send_later(queue, body, Duration::ZERO)
    }

    /// Puts a message into a queue, to be seen after `delay`; returns its id.
    ///
    /// # Panics
    /// If there is no such queue.
    pub fn send_later(&mut self, queue: &str, body: &str, delay: Duration) -> String {
        let id = self.next_id();
        self.queue(queue).push(&id, body, Instant::now() + delay);
        id
    }

    /// Publishes to a topic: every queue that is subscribed and lets the topic send gets the message, bare or in
    /// SNS's envelope, to be seen after `delay`. Returns the message's id.
    ///
    /// # Panics
    /// If there is no such topic.
    pub fn publish(&mut self, topic: &str, message: &str, delay: Duration) -> String {
        let id = self.next_id();
        let known = self.topics.get(topic).unwrap_or_else(|| panic!("the fake has no topic {topic}"));
        for subscription in known.subscriptions.clone() {
            let queue = subscription.endpoint.rsplit(':').next().unwrap_or_default();
            let allowed = self.queues.get(queue).is_some_and(|queue| policy::lets_send(queue.settings.policy(), topic));
            if !allowed {
                self.undelivered += 1;
                continue;
            }
            let body =
                if subscription.is_raw() { message.to_owned() } else { envelope(&id, topic, message, &subscription) };
            self.send_later(queue, &body, delay);
        }
        id
    }

    /// Deletes a queue, whoever does it. Receives that wait for it fail.
    pub fn delete_queue(&mut self, name: &str) {
        if let Some(queue) = self.queues.remove(name) {
            self.deleted.insert(name.to_owned(), Instant::now());
            queue.arrived.notify_waiters();
        }
    }

    /// Creates a queue, or finds the one of the same settings; returns its URL and whether it is new.
    pub(super) fn create(&mut self, name: &str, settings: Settings, tags: Tags) -> Result<(String, bool), AwsError> {
        let url = format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}");
        if let Some(there) = self.queues.get(name) {
            return match settings.first_difference(&there.settings) {
                None => Ok((url, false)),
                Some(attribute) => Err(AwsError::bad_request(
                    "QueueNameExists",
                    format!(
                        "A queue already exists with the same name and a different value for attribute {attribute}"
                    ),
                )),
            };
        }
        if self.deleted.get(name).is_some_and(|at| at.elapsed() < self.name_is_taken) {
            let message =
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
            return Err(AwsError::bad_request("QueueDeletedRecently", message));
        }
        let arn = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}");
        self.queues.insert(name.to_owned(), Queue::new(arn, settings, tags));
        Ok((url, true))
    }

    /// The queue that a URL names. Only the last segment counts, as a test may know the fake by any address.
    pub(super) fn at(&mut self, url: &str) -> Result<&mut Queue, AwsError> {
        let name = url.rsplit('/').next().unwrap_or_default();
        self.queues.get_mut(name).ok_or_else(no_such_queue)
    }

    /// Takes up to `most` visible messages, hidden from now on for `visibility` (none: as the queue is set); and says
    /// when one that is hidden comes back.
    pub(super) fn take(
        &mut self,
        url: &str,
        most: usize,
        visibility: Option<Duration>,
    ) -> Result<(Vec<Delivered>, Option<Instant>), AwsError> {
        let (now, every) = (Instant::now(), self.duplicate_every);
        let mut received = self.received;
        let queue = self.at(url)?;
        let found = queue.take(most, visibility, now, || {
            received += 1;
            every.is_some_and(|every| received.is_multiple_of(every))
        });
        let next = queue.next_visible(now);
        self.received = received;
        Ok((found, next))
    }

    /// The ARN of a new subscription to `topic`.
    pub(super) fn next_subscription(&mut self, topic: &str) -> String {
        format!("{topic}:{}", self.next_id())
    }

    fn next_id(&mut self) -> String {
        self.sequence += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.sequence)
    }
}

fn no_such_queue() -> AwsError {
    AwsError::bad_request("QueueDoesNotExist", "The specified queue does not exist.")
}

/// A message as SNS wraps it, unless raw delivery is on.
fn envelope(id: &str, topic: &str, message: &str, subscription: &Subscription) -> String {
    json!({
        "Type": "Notification",
        "MessageId": id,
        "TopicArn": topic,
        "Message": message,
        "Timestamp": jiff::Timestamp::now().to_string(),
        "SignatureVersion": "1",
        "Signature": "ZmFrZQ==",
        "SigningCertURL": format!("https://sns.{REGION}.amazonaws.com/SimpleNotificationService-00000000.pem"),
        "UnsubscribeURL":
            format!("https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={}", subscription.arn),
    })
    .to_string()
}
