//! One standard queue: messages that are seen, hidden while somebody works on them, and seen again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::{Settings, Tags};
use crate::fake_aws::error::AwsError;

/// A queue.
#[derive(Debug)]
pub struct Queue {
    pub arn: String,
    pub settings: Settings,
    pub tags: Tags,
    /// Woken when a message arrives, or the queue is deleted.
    pub(in crate::fake_aws) arrived: Arc<Notify>,
    messages: VecDeque<Message>,
    deliveries: u64,
}

#[derive(Debug)]
struct Message {
    id: String,
    body: String,
    sent: Instant,
    /// Nobody sees it before.
    visible: Instant,
    received: u32,
    /// The receipt of its last delivery; only that one deletes it.
    receipt: Option<String>,
}

/// A message as it is delivered.
#[derive(Clone, Debug)]
pub struct Delivered {
    pub id: String,
    pub body: String,
    pub receipt: String,
    pub received: u32,
}

impl Queue {
    pub(super) fn new(arn: String, settings: Settings, tags: Tags) -> Self {
        let arrived = Arc::default();
        Self { arn, settings, tags, arrived, messages: VecDeque::new(), deliveries: 0 }
    }

    /// Sets an attribute, whoever does it.
    ///
    /// # Panics
    /// If SQS would refuse it.
    pub fn set(&mut self, attribute: &str, value: &str) {
        let input = serde_json::json!({ "Attributes": { attribute: value } });
        self.settings.set(&input).expect("an attribute of SQS");
    }

    /// The bodies of all messages, hidden ones included, oldest first.
    pub fn bodies(&self) -> Vec<String> {
        self.messages.iter().map(|message| message.body.clone()).collect()
    }

    /// The bodies of all messages in the order in which they will be seen.
    pub fn bodies_as_they_come(&self) -> Vec<String> {
        let mut all: Vec<_> = self.messages.iter().collect();
        all.sort_by_key(|message| message.visible);
        all.into_iter().map(|message| message.body.clone()).collect()
    }

    /// Takes out all messages, hidden ones included, and returns their bodies, oldest first.
    pub fn clear(&mut self) -> Vec<String> {
        self.messages.drain(..).map(|message| message.body).collect()
    }

    /// How many messages there are that nobody has deleted: seen, and hidden.
    pub fn counts(&self) -> (usize, usize) {
        let now = Instant::now();
        let seen = self.messages.iter().filter(|message| message.visible <= now).count();
        (seen, self.messages.len() - seen)
    }

    /// Shows every hidden message again, as if its visibility timeout had passed.
    pub fn show_all(&mut self) {
        let now = Instant::now();
        self.messages.iter_mut().for_each(|message| message.visible = message.visible.min(now));
        self.arrived.notify_waiters();
    }

    pub(super) fn push(&mut self, id: &str, body: &str, visible: Instant) {
        let (id, body) = (id.to_owned(), body.to_owned());
        self.messages.push_back(Message { id, body, sent: Instant::now(), visible, received: 0, receipt: None });
        self.arrived.notify_waiters();
    }

    /// Takes up to `most` visible messages. Those that `twice` says so of stay visible and come again.
    pub(super) fn take(
        &mut self,
        most: usize,
        visibility: Option<Duration>,
        now: Instant,
        mut twice: impl FnMut() -> bool,
    ) -> Vec<Delivered> {
        let retention = self.settings.retention();
        self.messages.retain(|message| now.saturating_duration_since(message.sent) < retention);
        let visibility = visibility.unwrap_or_else(|| self.settings.visibility());
        let mut found = Vec::new();
        for message in self.messages.iter_mut().filter(|message| message.visible <= now).take(most) {
            self.deliveries += 1;
            let receipt = format!("receipt-{}-{}", message.id, self.deliveries);
            message.received += 1;
            message.receipt = Some(receipt.clone());
            if !twice() {
                message.visible = now + visibility;
            }
            let (id, body) = (message.id.clone(), message.body.clone());
            found.push(Delivered { id, body, receipt, received: message.received });
        }
        found
    }

    /// When the next hidden message is seen.
    pub(super) fn next_visible(&self, now: Instant) -> Option<Instant> {
        self.messages.iter().map(|message| message.visible).filter(|visible| *visible > now).min()
    }

    /// Deletes what `receipt` delivered. One that is out of date, or of a message that is gone, is accepted and does
    /// nothing, as on a standard queue.
    pub(in crate::fake_aws) fn delete(&mut self, receipt: &str) -> Result<(), AwsError> {
        if !receipt.starts_with("receipt-") {
            let message = format!("The input receipt handle \"{receipt}\" is not a valid receipt handle.");
            return Err(AwsError::bad_request("ReceiptHandleIsInvalid", message));
        }
        self.messages.retain(|message| message.receipt.as_deref() != Some(receipt));
        Ok(())
    }
}
