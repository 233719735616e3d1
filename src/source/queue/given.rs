//! A queue that somebody else has made, subscribed and lets us read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::ports::{QueueUrl, SqsApi, Tags};
use super::reader::{OWNER, Reader};
use super::{QueueReport, reading};
use crate::ecs::Timestamp;
use crate::source::ports::{ApiError, ApiErrorKind, EventQueue, Owner, QueueMessage};

/// A queue that was given to us.
pub struct GivenQueue {
    sqs: Arc<dyn SqsApi>,
    url: QueueUrl,
    reader: Reader,
    /// Whether our name stands on it.
    tagged: AtomicBool,
}

impl GivenQueue {
    /// The queue at `url`, for `reader`.
    #[must_use]
    pub fn new(sqs: Arc<dyn SqsApi>, url: QueueUrl, reader: Reader) -> Self {
        Self { sqs, url, reader, tagged: AtomicBool::new(false) }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &QueueUrl {
        &self.url
    }

    /// Looks at the queue and changes nothing. `None`: it is not there.
    ///
    /// # Errors
    /// What AWS refused.
    pub async fn report(&self) -> Result<Option<QueueReport>, ApiError> {
        let found = match self.sqs.describe_queue(&self.url).await {
            Err(error) if error.kind == ApiErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        let owner = match self.sqs.tags(&self.url).await {
            // Reading goes without tags, so looking does too.
            Err(error) if error.kind == ApiErrorKind::Denied => None,
            tags => tags?.remove(OWNER),
        };
        let (url, waiting, in_flight) = (self.url.clone(), found.waiting, found.in_flight);
        Ok(Some(QueueReport { url, owner, subscription: None, waiting, in_flight }))
    }

    /// Writes our name on the queue. Reading goes without it, so a missing permission is told and no more.
    async fn tag(&self) -> Result<(), ApiError> {
        let ours = Tags::from([(OWNER.to_owned(), self.reader.owner())]);
        let tagged = self.sqs.tag(&self.url, &ours).await;
        self.unless_denied(tagged, ())
    }

    /// What a call about tags said; `anyway` where it is not allowed, which is told, and not asked for again.
    fn unless_denied<T>(&self, result: Result<T, ApiError>, anyway: T) -> Result<T, ApiError> {
        let denied = result.as_ref().err().filter(|error| error.kind == ApiErrorKind::Denied);
        self.tagged.store(denied.is_none(), Ordering::Relaxed);
        match denied {
            None => result,
            Some(error) => {
                tracing::warn!(
                    "{error}; until then nobody notices if a second reader takes half of the messages of {}",
                    self.url
                );
                Ok(anyway)
            }
        }
    }
}

#[async_trait]
impl EventQueue for GivenQueue {
    async fn open(&self) -> Result<(), ApiError> {
        if let Err(mut error) = self.sqs.describe_queue(&self.url).await {
            if error.kind == ApiErrorKind::NotFound {
                error.message.push_str("; create it, or take events.queue_url out of the configuration");
            }
            return Err(error);
        }
        self.tag().await
    }

    async fn receive(&self) -> Result<Vec<QueueMessage>, ApiError> {
        self.sqs.receive(&self.url).await
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), ApiError> {
        reading::delete(&*self.sqs, &self.url, receipts).await
    }

    async fn claim(&self, now: Timestamp) -> Result<Owner, ApiError> {
        if !self.tagged.load(Ordering::Relaxed) {
            // What stands there is not ours because we could not write, not because somebody has come after us.
            return Ok(Owner::Ours);
        }
        self.unless_denied(reading::claim(&*self.sqs, &self.url, &self.reader, now).await, Owner::Ours)
    }
}
