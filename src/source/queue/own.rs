//! A queue of our own below a topic: made, kept as it should be, found again after a restart, removed.
//!
//! Everything here may be done twice, by two processes, or be cut off anywhere: the next [`open`](OwnQueue::open) goes
//! on from what it finds. A queue that does not carry our tags is never touched, whatever its name.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::name::queue_name;
use super::ports::{QueueArn, QueueSettings, QueueUrl, SnsApi, SqsApi, SubscriptionArn, TopicArn};
use super::reader::{OWNER, Reader};
use super::removal::{self, Removed};
use super::{QueueReport, reading};
use crate::ecs::Timestamp;
use crate::source::ports::{ApiError, ApiErrorKind, EventQueue, Owner, QueueMessage};

/// What is older is no news: after such a silence everything is read again.
const RETENTION: Duration = Duration::from_mins(5);
/// The longest that SQS waits.
const WAIT: Duration = Duration::from_secs(20);
/// A change is served in less than a second; this is for a process that died over it.
const VISIBILITY: Duration = Duration::from_secs(30);

/// The queue of this host below a topic.
pub struct OwnQueue {
    sqs: Arc<dyn SqsApi>,
    sns: Arc<dyn SnsApi>,
    topic: TopicArn,
    name: String,
    reader: Reader,
    /// Known once it was opened.
    url: RwLock<Option<QueueUrl>>,
}

impl OwnQueue {
    /// The queue for `reader` below `topic`. Nothing is asked of AWS yet.
    #[must_use]
    pub fn new(sqs: Arc<dyn SqsApi>, sns: Arc<dyn SnsApi>, topic: TopicArn, reader: Reader) -> Self {
        let name = queue_name(reader.cluster(), reader.instance());
        Self { sqs, sns, topic, name, reader, url: RwLock::new(None) }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Looks at the queue and changes nothing. `None`: it is not there.
    ///
    /// # Errors
    /// What AWS refused.
    pub async fn report(&self) -> Result<Option<QueueReport>, ApiError> {
        let Some(url) = self.sqs.find_queue(&self.name).await? else { return Ok(None) };
        let found = self.sqs.describe_queue(&url).await?;
        let owner = self.sqs.tags(&url).await?.remove(OWNER);
        let subscription = self.find_subscription(&found.arn).await?;
        Ok(Some(QueueReport { url, owner, subscription, waiting: found.waiting, in_flight: found.in_flight }))
    }

    /// Removes the subscription, then the queue. What is not there is no failure.
    ///
    /// # Errors
    /// What AWS refused; also when the queue is not tagged as ours.
    pub async fn remove(&self) -> Result<Removed, ApiError> {
        let url = self.sqs.find_queue(&self.name).await?;
        let arn = match &url {
            Some(url) => {
                self.refuse_another(url).await?;
                self.sqs.describe_queue(url).await?.arn
            }
            // Gone, but its subscription may be left. Most queues are where their topic is.
            None => self.neighbour_of_the_topic(),
        };
        let subscription = self.find_subscription(&arn).await?;
        removal::remove(&*self.sqs, &*self.sns, url.as_ref(), subscription.as_ref()).await
    }

    async fn find_subscription(&self, queue: &QueueArn) -> Result<Option<SubscriptionArn>, ApiError> {
        Ok(self.sns.subscriptions(&self.topic).await?.remove(queue))
    }

    /// The queue, found or made.
    async fn find_or_create(&self) -> Result<QueueUrl, ApiError> {
        if let Some(url) = self.sqs.find_queue(&self.name).await? {
            return Ok(url);
        }
        // With its policy: what is set later takes up to a minute until it holds.
        let wanted = settings(Some(policy(&self.neighbour_of_the_topic(), &self.topic).to_string()));
        if let Some(url) = self.sqs.create_queue(&self.name, &wanted, &self.reader.tags()).await? {
            tracing::info!(queue = self.name, "made the queue of this host");
            return Ok(url);
        }
        // Somebody was faster, or we may not look.
        self.sqs.find_queue(&self.name).await?.ok_or_else(|| ApiError {
            operation: "sqs:GetQueueUrl",
            kind: ApiErrorKind::Other,
            message: format!("queue {} is there, but not to be seen: is sqs:GetQueueUrl allowed?", self.name),
        })
    }

    /// An error if the queue at `url` is not one that was made for this host.
    async fn refuse_another(&self, url: &QueueUrl) -> Result<(), ApiError> {
        let tags = self.sqs.tags(url).await?;
        if self.reader.has_made(&tags) {
            return Ok(());
        }
        let wanted = self.reader.tags();
        let wanted: Vec<String> =
            wanted.iter().filter(|(key, _)| *key != OWNER).map(|(key, value)| format!("{key}={value}")).collect();
        Err(ApiError {
            operation: "sqs:ListQueueTags",
            kind: ApiErrorKind::Other,
            message: format!(
                "queue {} is there but is not tagged as ours ({}), so it is left alone: remove it, or name a queue in \
                 events.queue_url",
                self.name,
                wanted.join(", ")
            ),
        })
    }

    /// Sets what is not as it should be.
    async fn correct(&self, url: &QueueUrl) -> Result<QueueArn, ApiError> {
        let found = self.sqs.describe_queue(url).await?;
        let wanted = settings(Some(policy(&found.arn, &self.topic).to_string()));
        if !is_as(&found.settings, &wanted) {
            self.sqs.set_queue(url, &wanted).await?;
        }
        Ok(found.arn)
    }

    async fn subscribe(&self, queue: &QueueArn) -> Result<(), ApiError> {
        if self.sns.subscribe(&self.topic, queue).await?.is_some() {
            return Ok(());
        }
        match self.find_subscription(queue).await? {
            Some(subscription) => self.sns.deliver_raw(&subscription).await,
            None => Err(ApiError {
                operation: "sns:ListSubscriptionsByTopic",
                kind: ApiErrorKind::Other,
                message: format!("topic {}: {queue} is subscribed, but not confirmed", self.topic),
            }),
        }
    }

    fn neighbour_of_the_topic(&self) -> QueueArn {
        let place = self.topic.as_str().rsplit_once(':').map_or("", |(place, _)| place);
        QueueArn(format!("{}:{}", place.replacen(":sns:", ":sqs:", 1), self.name))
    }

    fn opened(&self, operation: &'static str) -> Result<QueueUrl, ApiError> {
        let url = self.url.read().unwrap_or_else(PoisonError::into_inner).clone();
        url.ok_or_else(|| ApiError {
            operation,
            kind: ApiErrorKind::NotFound,
            message: format!("queue {} has not been opened yet", self.name),
        })
    }
}

#[async_trait]
impl EventQueue for OwnQueue {
    async fn open(&self) -> Result<(), ApiError> {
        let url = self.find_or_create().await?;
        // Also of one that was just made: CreateQueue returns an old one that is set alike.
        self.refuse_another(&url).await?;
        let arn = self.correct(&url).await?;
        self.sqs.tag(&url, &self.reader.tags()).await?;
        self.subscribe(&arn).await?;
        *self.url.write().unwrap_or_else(PoisonError::into_inner) = Some(url);
        Ok(())
    }

    async fn receive(&self) -> Result<Vec<QueueMessage>, ApiError> {
        self.sqs.receive(&self.opened("sqs:ReceiveMessage")?).await
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), ApiError> {
        reading::delete(&*self.sqs, &self.opened("sqs:DeleteMessage")?, receipts).await
    }

    async fn claim(&self, now: Timestamp) -> Result<Owner, ApiError> {
        reading::claim(&*self.sqs, &self.opened("sqs:TagQueue")?, &self.reader, now).await
    }
}

fn settings(policy: Option<String>) -> QueueSettings {
    QueueSettings { retention: RETENTION, wait: WAIT, visibility: VISIBILITY, policy }
}

/// Lets this topic send to this queue, and nobody else.
fn policy(queue: &QueueArn, topic: &TopicArn) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "EventsOfTheTopic",
            "Effect": "Allow",
            "Principal": { "Service": "sns.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": queue.as_str(),
            "Condition": { "ArnEquals": { "aws:SourceArn": topic.as_str() } },
        }],
    })
}

/// Whether two settings mean the same; policies are compared as JSON, not as text.
fn is_as(found: &QueueSettings, wanted: &QueueSettings) -> bool {
    let parsed = |settings: &QueueSettings| -> Option<Value> { serde_json::from_str(settings.policy.as_deref()?).ok() };
    let plain = |settings: &QueueSettings| QueueSettings { policy: None, ..settings.clone() };
    plain(found) == plain(wanted) && parsed(found) == parsed(wanted)
}
