//! The queue of events as whoever hears them has it: what fails is tried again after a while, and the status is told how
//! each call went.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::warn;

use super::stats::{EventStats, Kind, Verdict};
use crate::ecs::event::{self, Event};
use crate::source::describe::Describer;
use crate::source::pace;
use crate::source::ports::{ApiError, EventQueue, Owner, QueueMessage};

/// How long the first try to open the queue may hold up what comes after it.
const FIRST_OPENING: Duration = Duration::from_secs(10);

/// Longest pause between two tries of what fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A queue, and who is told of it.
pub struct Inbox {
    queue: Arc<dyn EventQueue>,
    describer: Arc<Describer>,
    stats: Arc<EventStats>,
}

impl Inbox {
    /// One that has not been opened yet. The status and the clock are those of `describer`.
    #[must_use]
    pub fn new(queue: Arc<dyn EventQueue>, describer: Arc<Describer>, stats: Arc<EventStats>) -> Self {
        Self { queue, describer, stats }
    }

    /// Opens the queue if that is done soon, and says whether it is open. If it takes longer, the log has it, and what
    /// happens `instead`.
    pub async fn open_soon(&self, instead: &str) -> bool {
        let opened = timeout(FIRST_OPENING, self.try_open()).await;
        opened.unwrap_or_else(|_| {
            warn!("the queue of events is not open after {FIRST_OPENING:?}: {instead}");
            false
        })
    }

    /// Opens the queue, however many tries that takes.
    pub async fn open(&self) {
        let mut failures = 0;
        while !self.try_open().await {
            failures += 1;
            Self::rest(failures).await;
        }
    }

    async fn try_open(&self) -> bool {
        let opened = self.queue.open().await;
        self.settle("the queue of events", opened.as_ref().err());
        opened.is_ok()
    }

    /// Waits for messages; there may be none.
    ///
    /// # Errors
    /// The failure of the call, which is noted already.
    pub async fn receive(&self) -> Result<Vec<QueueMessage>, ApiError> {
        let received = self.queue.receive().await;
        if received.is_ok() {
            self.describer.status.heard(self.describer.now());
        }
        self.settle("sqs:ReceiveMessage", received.as_ref().err());
        received
    }

    /// Reads one message; `None` if it is no event, which is logged and counted.
    #[must_use]
    pub fn read(&self, message: &QueueMessage) -> Option<Event> {
        let read = event::parse(message.body.as_bytes());
        read.inspect_err(|error| {
            self.stats.count(Kind::Other, Verdict::Malformed);
            warn!(message = %message.id, "a message of the queue of events is none, and is removed: {error}");
        })
        .ok()
    }

    /// Deletes messages. One that stays comes again.
    pub async fn delete(&self, receipts: &[String]) {
        if receipts.is_empty() {
            return;
        }
        let deleted = self.queue.delete(receipts).await;
        self.settle("sqs:DeleteMessage", deleted.as_ref().err());
    }

    /// Says that we read the queue, and returns who else has said so; `None` if that failed.
    pub async fn claim(&self) -> Option<Owner> {
        let owner = self.queue.claim(self.describer.now()).await;
        self.settle("the owner of the queue of events", owner.as_ref().err());
        owner.ok()
    }

    /// Waits after so many failures in a row, each time longer.
    pub async fn rest(failures: u32) {
        sleep(pace::jittered(pace::backoff(failures, LONGEST_PAUSE), fastrand::f64())).await;
    }

    fn settle(&self, call: &'static str, failure: Option<&ApiError>) {
        self.describer.status.settle(call, None, failure.map_or(Ok(()), Err), self.describer.now());
    }
}
