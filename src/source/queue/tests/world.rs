//! A world of queues and subscriptions behind the ports, with permissions that can be taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use crate::source::ports::{ApiError, ApiErrorKind, QueueMessage};
use crate::source::queue::ports::{
    NotDeleted, Queue, QueueArn, QueueSettings, QueueUrl, SnsApi, SqsApi, SubscriptionArn, Tags, TopicArn,
};

/// A queue and its tags.
#[derive(Debug, Clone)]
pub(in crate::source::queue) struct Made {
    pub(in crate::source::queue) queue: Queue,
    pub(in crate::source::queue) tags: Tags,
}

#[derive(Debug, Default)]
pub(in crate::source::queue) struct State {
    /// By name.
    pub(in crate::source::queue) queues: BTreeMap<String, Made>,
    /// Endpoint to whether delivery is raw.
    pub(in crate::source::queue) subscriptions: BTreeMap<String, bool>,
    pub(in crate::source::queue) denied: BTreeSet<&'static str>,
    /// Names that were deleted a moment ago.
    pub(in crate::source::queue) taken: BTreeSet<String>,
    /// Queues are made behind the back of who looks for them.
    pub(in crate::source::queue) hidden: bool,
    pub(in crate::source::queue) not_deleted: Vec<NotDeleted>,
    pub(in crate::source::queue) calls: Vec<&'static str>,
}

#[derive(Debug, Clone, Default)]
pub(in crate::source::queue) struct World(Arc<Mutex<State>>);

impl World {
    pub(in crate::source::queue) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The operations called since the last time.
    pub(in crate::source::queue) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().calls)
    }

    fn call(&self, operation: &'static str) -> Result<MutexGuard<'_, State>, ApiError> {
        let mut state = self.state();
        state.calls.push(operation);
        if state.denied.contains(operation) {
            return Err(error(operation, ApiErrorKind::Denied));
        }
        Ok(state)
    }

    fn on<T>(&self, operation: &'static str, url: &QueueUrl, then: impl FnOnce(&mut Made) -> T) -> Result<T, ApiError> {
        let mut state = self.call(operation)?;
        let found = state.queues.get_mut(url.as_str().rsplit('/').next().unwrap());
        found.map(then).ok_or_else(|| error(operation, ApiErrorKind::NotFound))
    }
}

pub(in crate::source::queue) fn error(operation: &'static str, kind: ApiErrorKind) -> ApiError {
    ApiError { operation, kind, message: "as the test wants it".to_owned() }
}

pub(in crate::source::queue) fn url(name: &str) -> QueueUrl {
    QueueUrl(format!("https://sqs.r.amazonaws.com/1/{name}"))
}

fn made(name: &str, settings: &QueueSettings, tags: &Tags) -> Made {
    let arn = QueueArn(format!("arn:aws:sqs:r:1:{name}"));
    Made { queue: Queue { arn, settings: settings.clone(), waiting: 3, in_flight: 1 }, tags: tags.clone() }
}

#[async_trait]
impl SqsApi for World {
    async fn find_queue(&self, name: &str) -> Result<Option<QueueUrl>, ApiError> {
        let state = self.call("sqs:GetQueueUrl")?;
        Ok((state.queues.contains_key(name) && !state.hidden).then(|| url(name)))
    }

    async fn list_queues(&self, prefix: &str) -> Result<Vec<QueueUrl>, ApiError> {
        let state = self.call("sqs:ListQueues")?;
        Ok(state.queues.keys().filter(|name| name.starts_with(prefix)).map(|name| url(name)).collect())
    }

    async fn create_queue(
        &self,
        name: &str,
        settings: &QueueSettings,
        tags: &Tags,
    ) -> Result<Option<QueueUrl>, ApiError> {
        let mut state = self.call("sqs:CreateQueue")?;
        if state.taken.contains(name) {
            return Err(error("sqs:CreateQueue", ApiErrorKind::NotYet));
        }
        let there = state.queues.entry(name.to_owned()).or_insert_with(|| made(name, settings, tags));
        let alike = QueueSettings { policy: None, ..there.queue.settings.clone() } == *settings;
        Ok(alike.then(|| url(name)))
    }

    async fn describe_queue(&self, queue: &QueueUrl) -> Result<Queue, ApiError> {
        self.on("sqs:GetQueueAttributes", queue, |made| made.queue.clone())
    }

    async fn set_queue(&self, queue: &QueueUrl, settings: &QueueSettings) -> Result<(), ApiError> {
        self.on("sqs:SetQueueAttributes", queue, |made| made.queue.settings = settings.clone())
    }

    async fn delete_queue(&self, queue: &QueueUrl) -> Result<(), ApiError> {
        self.on("sqs:DeleteQueue", queue, |_| ())?;
        self.state().queues.remove(queue.as_str().rsplit('/').next().unwrap());
        Ok(())
    }

    async fn tags(&self, queue: &QueueUrl) -> Result<Tags, ApiError> {
        self.on("sqs:ListQueueTags", queue, |made| made.tags.clone())
    }

    async fn tag(&self, queue: &QueueUrl, tags: &Tags) -> Result<(), ApiError> {
        self.on("sqs:TagQueue", queue, |made| made.tags.extend(tags.clone()))
    }

    async fn receive(&self, queue: &QueueUrl) -> Result<Vec<QueueMessage>, ApiError> {
        self.on("sqs:ReceiveMessage", queue, |_| Vec::new())
    }

    async fn delete_messages(&self, queue: &QueueUrl, receipts: &[String]) -> Result<Vec<NotDeleted>, ApiError> {
        assert!((1..=10).contains(&receipts.len()), "SQS refuses such a batch");
        self.on("sqs:DeleteMessage", queue, |_| ())?;
        Ok(std::mem::take(&mut self.state().not_deleted))
    }
}

#[async_trait]
impl SnsApi for World {
    async fn subscribe(&self, _: &TopicArn, queue: &QueueArn) -> Result<Option<SubscriptionArn>, ApiError> {
        let mut state = self.call("sns:Subscribe")?;
        let raw = *state.subscriptions.entry(queue.as_str().to_owned()).or_insert(true);
        Ok(raw.then(|| SubscriptionArn(format!("subscription of {queue}"))))
    }

    async fn subscriptions(&self, _: &TopicArn) -> Result<BTreeMap<QueueArn, SubscriptionArn>, ApiError> {
        let state = self.call("sns:ListSubscriptionsByTopic")?;
        let all = state.subscriptions.keys();
        Ok(all.map(|it| (QueueArn(it.clone()), SubscriptionArn(format!("subscription of {it}")))).collect())
    }

    async fn deliver_raw(&self, subscription: &SubscriptionArn) -> Result<(), ApiError> {
        let mut state = self.call("sns:SetSubscriptionAttributes")?;
        let queue = subscription.as_str().rsplit(' ').next().unwrap();
        *state.subscriptions.get_mut(queue).unwrap() = true;
        Ok(())
    }

    async fn unsubscribe(&self, subscription: &SubscriptionArn) -> Result<(), ApiError> {
        let mut state = self.call("sns:Unsubscribe")?;
        state.subscriptions.remove(subscription.as_str().rsplit(' ').next().unwrap());
        Ok(())
    }

    async fn publish(&self, _: &TopicArn, _: &str) -> Result<(), ApiError> {
        self.call("sns:Publish").map(drop)
    }
}
