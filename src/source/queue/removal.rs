//! How a queue of ours goes, whoever removes it.

use super::ports::{QueueUrl, SnsApi, SqsApi, SubscriptionArn};
use crate::source::ports::{ApiError, ApiErrorKind};

/// What was there to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// The queue.
    pub queue: bool,
    /// Its subscription to the topic.
    pub subscription: bool,
}

/// Removes the subscription, then the queue: a queue is found again by its name, a subscription without one is not. What
/// somebody else has removed meanwhile is no failure.
pub(super) async fn remove(
    sqs: &dyn SqsApi,
    sns: &dyn SnsApi,
    queue: Option<&QueueUrl>,
    subscription: Option<&SubscriptionArn>,
) -> Result<Removed, ApiError> {
    if let Some(subscription) = subscription {
        sns.unsubscribe(subscription).await?;
    }
    let deleted = match queue {
        None => false,
        Some(queue) => match sqs.delete_queue(queue).await {
            Err(error) if error.kind == ApiErrorKind::NotFound => false,
            result => result.map(|()| true)?,
        },
    };
    Ok(Removed { queue: deleted, subscription: subscription.is_some() })
}
