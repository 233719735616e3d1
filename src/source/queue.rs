//! The queue that brings this host its events: how it comes to be, whose it is, and how it goes.
//!
//! SQS gives each message of a queue to one reader, so each host has a queue. [`GivenQueue`] is one that somebody else
//! has made; [`OwnQueue`] is one that we make below a topic, and remove. Which process reads a queue stands on the
//! queue itself, as a tag, so that a second reader is noticed.

pub mod given;
pub mod name;
pub mod own;
pub mod ports;
pub mod reader;
mod reading;
mod removal;
pub mod sweep;

use std::sync::Arc;

use ports::{QueueUrl, SubscriptionArn};

pub use given::GivenQueue;
pub use own::OwnQueue;
pub use reader::Reader;
pub use removal::Removed;

use super::ports::{ApiError, EventQueue};

/// The queue of this host.
pub enum HostQueue {
    /// Somebody else has made it.
    Given(GivenQueue),
    /// We make it.
    Own(OwnQueue),
}

/// A queue as it is now, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueReport {
    /// Where it is.
    pub url: QueueUrl,
    /// Who has last said to read it; `None`: nobody has.
    pub owner: Option<String>,
    /// Its subscription to the topic; always `None` for a given queue, whose topic we do not know.
    pub subscription: Option<SubscriptionArn>,
    /// Messages that wait, roughly.
    pub waiting: u64,
    /// Messages that were received and not deleted yet, roughly.
    pub in_flight: u64,
}

impl HostQueue {
    /// For who reads it.
    #[must_use]
    pub fn into_events(self) -> Arc<dyn EventQueue> {
        match self {
            Self::Given(queue) => Arc::new(queue),
            Self::Own(queue) => Arc::new(queue),
        }
    }

    /// What the queue is called: its name, or the URL that was given.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Given(queue) => queue.url().as_str(),
            Self::Own(queue) => queue.name(),
        }
    }

    /// Looks at the queue and changes nothing. `None`: it is not there.
    ///
    /// # Errors
    /// What AWS refused.
    pub async fn report(&self) -> Result<Option<QueueReport>, ApiError> {
        match self {
            Self::Given(queue) => queue.report().await,
            Self::Own(queue) => queue.report().await,
        }
    }
}

#[cfg(test)]
mod tests;
