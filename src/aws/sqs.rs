//! Amazon SQS through the SDK.
//!
//! Receiving has a client of its own: a long poll takes longer than any other call may, and is not repeated by the
//! SDK, because whoever polls comes again anyway and knows better how soon.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::operation::list_queues::ListQueuesOutput;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, DeleteMessageBatchRequestEntry, Message, QueueAttributeName as Attribute,
};

use super::CONNECT_TIMEOUT;
use super::calls::Calls;
use crate::source::ports::{ApiError, ApiErrorKind, QueueMessage};
use crate::source::queue::ports::{NotDeleted, Queue, QueueArn, QueueSettings, QueueUrl, SqsApi, Tags};

/// How long a receive waits for messages, in seconds; the longest that SQS allows.
const WAIT: i32 = 20;
/// Longest time of one receive: the wait, and as long as any other try may take.
const POLL_TIMEOUT: Duration = Duration::from_secs(WAIT.unsigned_abs() as u64).saturating_add(super::ATTEMPT_TIMEOUT);
/// Most messages of one receive and of one delete.
const BATCH: i32 = 10;
/// Most queues on a page of a list.
const PAGE: i32 = 1_000;

/// What CreateQueue says of a name that is taken by a queue with other settings: in its own words, and in those of
/// the older protocol, which its JSON answers still carry.
const EXISTS: &[&str] = &["QueueNameExists", "QueueAlreadyExists"];
/// What is said of receipts that do not delete any more.
const EXPIRED: &[&str] = &["ReceiptHandleIsInvalid", "InvalidParameterValue"];

/// Amazon SQS.
#[derive(Clone)]
pub struct Sqs {
    client: Client,
    polling: Client,
    calls: Calls,
}

impl Sqs {
    pub(super) fn new(sdk: &SdkConfig, calls: Calls) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(POLL_TIMEOUT)
            .operation_attempt_timeout(POLL_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT);
        let polling = aws_sdk_sqs::config::Builder::from(sdk)
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::disabled());
        Self { client: Client::new(sdk), polling: Client::from_conf(polling.build()), calls }
    }
}

#[async_trait]
impl SqsApi for Sqs {
    async fn find_queue(&self, name: &str) -> Result<Option<QueueUrl>, ApiError> {
        let sent = self.client.get_queue_url().queue_name(name).send().await;
        match self.calls.finish_on("sqs:GetQueueUrl", &format!("queue {name}"), sent) {
            Ok(output) => Ok(output.queue_url.map(QueueUrl)),
            Err(error) if error.kind == ApiErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list_queues(&self, prefix: &str) -> Result<Vec<QueueUrl>, ApiError> {
        // Without a number there is one page, and what does not fit is left out without a word.
        let request = self.client.list_queues().queue_name_prefix(prefix).max_results(PAGE);
        let urls = |page: ListQueuesOutput| page.queue_urls.unwrap_or_default().into_iter().map(QueueUrl).collect();
        self.calls.pages("sqs:ListQueues", request.into_paginator().send(), urls).await
    }

    async fn create_queue(
        &self,
        name: &str,
        settings: &QueueSettings,
        tags: &Tags,
    ) -> Result<Option<QueueUrl>, ApiError> {
        const OPERATION: &str = "sqs:CreateQueue";
        let tags = tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let request = self.client.create_queue().queue_name(name).set_tags(Some(tags));
        let sent = request.set_attributes(Some(attributes(settings))).send().await;
        let code = sent.as_ref().err().and_then(|error| error.code()).unwrap_or_default();
        let exists = EXISTS.contains(&code);
        match self.calls.finish_on(OPERATION, &format!("queue {name}"), sent) {
            Ok(output) => Ok(output.queue_url.map(QueueUrl)),
            Err(_) if exists => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn describe_queue(&self, queue: &QueueUrl) -> Result<Queue, ApiError> {
        const OPERATION: &str = "sqs:GetQueueAttributes";
        let sent = self.client.get_queue_attributes().queue_url(queue.as_str()).attribute_names(Attribute::All);
        let output = self.calls.finish_on(OPERATION, &name(queue), sent.send().await)?;
        self::queue(&output.attributes.unwrap_or_default()).ok_or_else(|| ApiError {
            operation: OPERATION,
            kind: ApiErrorKind::Other,
            message: format!("{}: the answer holds no ARN", name(queue)),
        })
    }

    async fn set_queue(&self, queue: &QueueUrl, settings: &QueueSettings) -> Result<(), ApiError> {
        let request = self.client.set_queue_attributes().queue_url(queue.as_str());
        let sent = request.set_attributes(Some(attributes(settings))).send().await;
        self.calls.finish_on("sqs:SetQueueAttributes", &name(queue), sent).map(drop)
    }

    async fn delete_queue(&self, queue: &QueueUrl) -> Result<(), ApiError> {
        let sent = self.client.delete_queue().queue_url(queue.as_str()).send().await;
        self.calls.finish_on("sqs:DeleteQueue", &name(queue), sent).map(drop)
    }

    async fn tags(&self, queue: &QueueUrl) -> Result<Tags, ApiError> {
        let sent = self.client.list_queue_tags().queue_url(queue.as_str()).send().await;
        let output = self.calls.finish_on("sqs:ListQueueTags", &name(queue), sent)?;
        Ok(output.tags.unwrap_or_default().into_iter().collect())
    }

    async fn tag(&self, queue: &QueueUrl, tags: &Tags) -> Result<(), ApiError> {
        let tags = tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let sent = self.client.tag_queue().queue_url(queue.as_str()).set_tags(Some(tags)).send().await;
        self.calls.finish_on("sqs:TagQueue", &name(queue), sent).map(drop)
    }

    async fn receive(&self, queue: &QueueUrl) -> Result<Vec<QueueMessage>, ApiError> {
        let request = self.polling.receive_message().queue_url(queue.as_str());
        let sent = request.wait_time_seconds(WAIT).max_number_of_messages(BATCH).send().await;
        let output = self.calls.finish_on("sqs:ReceiveMessage", &name(queue), sent)?;
        Ok(output.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    async fn delete_messages(&self, queue: &QueueUrl, receipts: &[String]) -> Result<Vec<NotDeleted>, ApiError> {
        if receipts.is_empty() {
            // SQS refuses an empty batch.
            return Ok(Vec::new());
        }
        let entry = |(at, receipt): (usize, &String)| {
            // Both members are set, so this does not fail.
            DeleteMessageBatchRequestEntry::builder().id(at.to_string()).receipt_handle(receipt).build().ok()
        };
        let entries = receipts.iter().enumerate().filter_map(entry).collect();
        let request = self.client.delete_message_batch().queue_url(queue.as_str());
        let sent = request.set_entries(Some(entries)).send().await;
        // IAM has one action for one message and for many.
        let output = self.calls.finish_on("sqs:DeleteMessage", &name(queue), sent)?;
        Ok(output.failed().iter().map(not_deleted).collect())
    }
}

/// What a queue is called in messages.
fn name(queue: &QueueUrl) -> String {
    format!("queue {}", queue.name())
}

fn attributes(settings: &QueueSettings) -> HashMap<Attribute, String> {
    let seconds = |duration: Duration| duration.as_secs().to_string();
    let QueueSettings { retention, wait, visibility, policy } = settings;
    let policy = policy.iter().map(|policy| (Attribute::Policy, policy.clone()));
    let durations = [
        (Attribute::MessageRetentionPeriod, seconds(*retention)),
        (Attribute::ReceiveMessageWaitTimeSeconds, seconds(*wait)),
        (Attribute::VisibilityTimeout, seconds(*visibility)),
    ];
    durations.into_iter().chain(policy).collect()
}

/// `None` if there is no ARN; numbers that are missing are 0.
fn queue(attributes: &HashMap<Attribute, String>) -> Option<Queue> {
    let number = |name| attributes.get(&name).and_then(|text| text.parse().ok()).unwrap_or_default();
    let duration = |name| Duration::from_secs(number(name));
    Some(Queue {
        arn: QueueArn(attributes.get(&Attribute::QueueArn)?.clone()),
        settings: QueueSettings {
            retention: duration(Attribute::MessageRetentionPeriod),
            wait: duration(Attribute::ReceiveMessageWaitTimeSeconds),
            visibility: duration(Attribute::VisibilityTimeout),
            policy: attributes.get(&Attribute::Policy).filter(|policy| !policy.is_empty()).cloned(),
        },
        waiting: number(Attribute::ApproximateNumberOfMessages),
        in_flight: number(Attribute::ApproximateNumberOfMessagesNotVisible),
    })
}

/// A message without a receipt could never be deleted, so it is as if it had not come.
fn message(from: Message) -> Option<QueueMessage> {
    Some(QueueMessage {
        id: from.message_id.unwrap_or_default(),
        body: from.body.unwrap_or_default(),
        receipt: from.receipt_handle?,
    })
}

fn not_deleted(entry: &BatchResultErrorEntry) -> NotDeleted {
    let reason = match entry.message() {
        Some(message) => format!("{}: {message}", entry.code()),
        None => entry.code().to_owned(),
    };
    NotDeleted { expired: EXPIRED.contains(&entry.code()), reason }
}

#[cfg(test)]
mod tests;
