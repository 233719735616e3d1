//! Amazon SNS through the SDK.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_sdk_sns::operation::list_subscriptions_by_topic::ListSubscriptionsByTopicOutput;

use super::calls::Calls;
use crate::source::ports::{ApiError, ApiErrorKind};
use crate::source::queue::ports::{QueueArn, SnsApi, SubscriptionArn, TopicArn};

const RAW: &str = "RawMessageDelivery";

/// Amazon SNS.
#[derive(Clone)]
pub struct Sns {
    client: Client,
    calls: Calls,
}

impl Sns {
    pub(super) fn new(sdk: &SdkConfig, calls: Calls) -> Self {
        Self { client: Client::new(sdk), calls }
    }
}

#[async_trait]
impl SnsApi for Sns {
    async fn subscribe(&self, topic: &TopicArn, queue: &QueueArn) -> Result<Option<SubscriptionArn>, ApiError> {
        const OPERATION: &str = "sns:Subscribe";
        let request = self.client.subscribe().topic_arn(topic.as_str()).protocol("sqs").endpoint(queue.as_str());
        let sent = request.attributes(RAW, "true").return_subscription_arn(true).send().await;
        let differs = sent.as_ref().err().is_some_and(|error| {
            // There is no code for it.
            error.code() == Some("InvalidParameter")
                && error.message().is_some_and(|message| message.contains("already exists"))
        });
        match self.calls.finish_on(OPERATION, &format!("topic {topic} for queue {queue}"), sent) {
            Ok(output) => output.subscription_arn.map(SubscriptionArn).map(Some).ok_or_else(|| ApiError {
                operation: OPERATION,
                kind: ApiErrorKind::Other,
                message: format!("topic {topic}: the answer holds no subscription"),
            }),
            Err(_) if differs => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn subscriptions(&self, topic: &TopicArn) -> Result<BTreeMap<QueueArn, SubscriptionArn>, ApiError> {
        let stream = self.client.list_subscriptions_by_topic().topic_arn(topic.as_str()).into_paginator().send();
        let of_queues = |page: ListSubscriptionsByTopicOutput| {
            let all = page.subscriptions.unwrap_or_default().into_iter();
            let queues = all.filter(|one| one.protocol() == Some("sqs"));
            let pairs = queues.filter_map(|one| Some((one.endpoint?, one.subscription_arn?)));
            // One that was never confirmed has a word in place of an ARN, and cannot be changed.
            let confirmed = pairs.filter(|(_, arn)| arn.starts_with("arn:"));
            confirmed.map(|(queue, arn)| (QueueArn(queue), SubscriptionArn(arn))).collect()
        };
        let found = self.calls.pages("sns:ListSubscriptionsByTopic", stream, of_queues).await;
        Ok(found.map_err(|error| error.about(&format!("topic {topic}")))?.into_iter().collect())
    }

    async fn deliver_raw(&self, subscription: &SubscriptionArn) -> Result<(), ApiError> {
        let request = self.client.set_subscription_attributes().subscription_arn(subscription.as_str());
        let sent = request.attribute_name(RAW).attribute_value("true").send().await;
        self.calls.finish_on("sns:SetSubscriptionAttributes", &format!("subscription {subscription}"), sent).map(drop)
    }

    async fn unsubscribe(&self, subscription: &SubscriptionArn) -> Result<(), ApiError> {
        let sent = self.client.unsubscribe().subscription_arn(subscription.as_str()).send().await;
        match self.calls.finish_on("sns:Unsubscribe", &format!("subscription {subscription}"), sent) {
            Err(error) if error.kind != ApiErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn publish(&self, topic: &TopicArn, message: &str) -> Result<(), ApiError> {
        let sent = self.client.publish().topic_arn(topic.as_str()).message(message).send().await;
        self.calls.finish_on("sns:Publish", &format!("topic {topic}"), sent).map(drop)
    }
}

#[cfg(test)]
mod tests;
