//! The calls of SQS and SNS that a queue's life needs, in our words. Implemented in `aws/`, faked in tests.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::source::ports::{ApiError, QueueMessage};

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl $name {
            /// As AWS spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_type!(
    /// By which SQS's calls name a queue: `https://sqs.<region>.amazonaws.com/<account>/<name>`.
    QueueUrl
);
text_type!(
    /// By which SNS and policies name a queue: `arn:aws:sqs:<region>:<account>:<name>`.
    QueueArn
);
text_type!(
    /// A topic: `arn:aws:sns:<region>:<account>:<name>`.
    TopicArn
);
text_type!(
    /// A queue's subscription to a topic.
    SubscriptionArn
);

impl QueueUrl {
    /// The name of the queue.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

/// Tags of a queue.
pub type Tags = BTreeMap<String, String>;

/// What a queue is set to, as far as we care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSettings {
    /// How long a message is kept that nobody deletes: 60 s to 14 days.
    pub retention: Duration,
    /// How long a receive that says nothing of it waits for messages: 0 to 20 s.
    pub wait: Duration,
    /// After what time a message that was received and not deleted comes again: 0 to 12 hours.
    pub visibility: Duration,
    /// Who may do what with it, as JSON; `None`: its owner alone.
    pub policy: Option<String>,
}

/// A queue as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its ARN.
    pub arn: QueueArn,
    /// What it is set to. AWS takes up to a minute to show a change.
    pub settings: QueueSettings,
    /// Messages that wait, roughly.
    pub waiting: u64,
    /// Messages that were received and not deleted yet, roughly.
    pub in_flight: u64,
}

/// A message that was not deleted, and AWS's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDeleted {
    /// Its receipt was no good any more: received again since, expired, or deleted.
    pub expired: bool,
    /// AWS's code and words.
    pub reason: String,
}

/// Amazon SQS.
#[async_trait]
pub trait SqsApi: Send + Sync {
    /// GetQueueUrl of our own account. `None`: there is no such queue, or (AWS does not tell which) we may not see it.
    async fn find_queue(&self, name: &str) -> Result<Option<QueueUrl>, ApiError>;
    /// ListQueues of our own account, all pages: those whose names begin with `prefix`. One that was made or deleted a
    /// minute ago may be missing or still there.
    async fn list_queues(&self, prefix: &str) -> Result<Vec<QueueUrl>, ApiError>;
    /// CreateQueue, with `settings` but for the policy, which needs the ARN first. `None`: there is one of that name
    /// with other settings. [`NotYet`](crate::source::ports::ApiErrorKind::NotYet): one of that name was deleted within the last 60 s.
    async fn create_queue(
        &self,
        name: &str,
        settings: &QueueSettings,
        tags: &Tags,
    ) -> Result<Option<QueueUrl>, ApiError>;
    /// GetQueueAttributes.
    async fn describe_queue(&self, queue: &QueueUrl) -> Result<Queue, ApiError>;
    /// SetQueueAttributes.
    async fn set_queue(&self, queue: &QueueUrl, settings: &QueueSettings) -> Result<(), ApiError>;
    /// DeleteQueue. A queue that is gone already is [`NotFound`](crate::source::ports::ApiErrorKind::NotFound).
    async fn delete_queue(&self, queue: &QueueUrl) -> Result<(), ApiError>;
    /// ListQueueTags.
    async fn tags(&self, queue: &QueueUrl) -> Result<Tags, ApiError>;
    /// TagQueue: adds these, and overwrites those of the same key.
    async fn tag(&self, queue: &QueueUrl, tags: &Tags) -> Result<(), ApiError>;
    /// ReceiveMessage: waits up to 20 s for one to ten messages.
    async fn receive(&self, queue: &QueueUrl) -> Result<Vec<QueueMessage>, ApiError>;
    /// DeleteMessageBatch, at most ten. Returns those that were not deleted.
    async fn delete_messages(&self, queue: &QueueUrl, receipts: &[String]) -> Result<Vec<NotDeleted>, ApiError>;
}

/// Amazon SNS.
#[async_trait]
pub trait SnsApi: Send + Sync {
    /// Subscribe, with raw delivery; the subscription that there is, if it is the same. `None`: the queue is subscribed
    /// with other attributes.
    async fn subscribe(&self, topic: &TopicArn, queue: &QueueArn) -> Result<Option<SubscriptionArn>, ApiError>;
    /// ListSubscriptionsByTopic, all pages: the confirmed subscriptions of queues.
    async fn subscriptions(&self, topic: &TopicArn) -> Result<BTreeMap<QueueArn, SubscriptionArn>, ApiError>;
    /// SetSubscriptionAttributes: messages are to come bare, without SNS's envelope.
    async fn deliver_raw(&self, subscription: &SubscriptionArn) -> Result<(), ApiError>;
    /// Unsubscribe. One that is gone already is no error.
    async fn unsubscribe(&self, subscription: &SubscriptionArn) -> Result<(), ApiError>;
    /// Publish: a message of at most 256 KiB for all who are subscribed.
    async fn publish(&self, topic: &TopicArn, message: &str) -> Result<(), ApiError>;
}
