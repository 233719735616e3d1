//! The queue of a controller: the events that ask for a reconcile.
//!
//! An event brings speed only: every reconcile reads everything, and one comes at each interval whatever the queue does.
//! A message is deleted once the reconcile that it asked for is through, or at once if it asks for none.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ecs::event::ServiceHint;
use crate::register::relevance::{Asked, Relevance};
use crate::source::Stopped;
use crate::source::describe::Describer;
use crate::source::events::inbox::Inbox;
use crate::source::events::stats::{EventStats, Kind, Verdict};
use crate::source::ports::{ApiErrorKind, EventQueue, QueueMessage};

/// Most messages that wait for a reconcile. Those above come again after a while.
const MOST: usize = 1_000;

/// Hears the events of one queue.
pub struct Hearing {
    inbox: Inbox,
    describer: Arc<Describer>,
    relevance: Relevance,
    stats: Arc<EventStats>,
    opened: AtomicBool,
    heard: Mutex<Heard>,
    happened: Notify,
}

/// What was heard and is not done with. Messages are their receipts by id: one that comes again has a new receipt.
#[derive(Debug, Default)]
struct Heard {
    wanted: bool,
    hints: BTreeSet<ServiceHint>,
    waiting: BTreeMap<String, String>,
    under_way: BTreeMap<String, String>,
}

impl Hearing {
    /// Hears the events of `queue` that are relevant. `describer` is that of the reconciles, whose inventory says what
    /// is relevant, and whose status is told how the queue is doing.
    #[must_use]
    pub fn new(
        queue: Arc<dyn EventQueue>,
        describer: Arc<Describer>,
        relevance: Relevance,
        stats: Arc<EventStats>,
    ) -> Self {
        let inbox = Inbox::new(queue, Arc::clone(&describer), Arc::clone(&stats));
        let (heard, happened) = (Mutex::default(), Notify::new());
        Self { inbox, describer, relevance, stats, opened: AtomicBool::new(false), heard, happened }
    }

    /// Opens the queue if that is done soon, so that what happens during the first reconcile is heard after it.
    pub async fn open_first(&self) {
        self.opened.store(self.inbox.open_soon("going on without it").await, Relaxed);
    }

    /// Hears until the updater stops.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; whatever the queue does is noted in the status, and tried again.
    pub async fn run(&self) -> Result<Infallible, Stopped> {
        loop {
            if !self.opened.swap(false, Relaxed) {
                self.inbox.open().await;
                // What has happened until now is in no message that we will see.
                self.ask(|heard| heard.wanted = true);
            }
            tracing::info!("services are registered as events tell of them");
            self.receive().await?;
            tracing::warn!("the queue of events is gone: it is opened again");
        }
    }

    /// Waits until an event has asked for a reconcile.
    pub async fn asked(&self) {
        while !self.lock().wanted {
            self.happened.notified().await;
        }
    }

    /// A reconcile begins, which is for all that was heard until now: returns the services that it was of.
    pub fn begin(&self) -> Vec<ServiceHint> {
        let mut heard = self.lock();
        heard.wanted = false;
        heard.under_way = std::mem::take(&mut heard.waiting);
        std::mem::take(&mut heard.hints).into_iter().collect()
    }

    /// The reconcile that has begun ended. If it was not `through`, its messages come again.
    pub async fn end(&self, through: bool) {
        let done = std::mem::take(&mut self.lock().under_way);
        if through {
            self.inbox.delete(&done.into_values().collect::<Vec<_>>()).await;
        }
    }

    /// Takes messages until the queue is gone.
    async fn receive(&self) -> Result<(), Stopped> {
        let mut failures = 0;
        loop {
            match self.inbox.receive().await {
                Ok(messages) => {
                    failures = 0;
                    let done = self.take(messages).await?;
                    self.inbox.delete(&done).await;
                }
                Err(error) => {
                    if error.kind == ApiErrorKind::NotFound {
                        return Ok(());
                    }
                    failures += 1;
                    Inbox::rest(failures).await;
                }
            }
        }
    }

    /// Keeps the messages that ask for a reconcile. Returns the receipts of the others.
    async fn take(&self, messages: Vec<QueueMessage>) -> Result<Vec<String>, Stopped> {
        let (mut done, mut events) = (Vec::new(), Vec::new());
        for message in messages {
            match self.inbox.read(&message) {
                Some(event) => events.push((message.id, message.receipt, event.detail)),
                None => done.push(message.receipt),
            }
        }
        let relevance = self.relevance.clone();
        let asked = self.describer.updates.ask(move |inventory| -> Vec<_> {
            let of = |(id, receipt, detail)| (id, receipt, Kind::of(&detail), relevance.of(inventory, &detail));
            events.into_iter().map(of).collect()
        });
        for (id, receipt, kind, asked) in asked.await? {
            let verdict = if matches!(asked, Asked::Nothing) { Verdict::Ignored } else { Verdict::Served };
            self.stats.count(kind, verdict);
            match asked {
                Asked::Nothing => done.push(receipt),
                Asked::Reconcile => self.ask(|heard| heard.add(id, receipt, None)),
                Asked::Of(hint) => self.ask(|heard| heard.add(id, receipt, Some(hint))),
            }
        }
        Ok(done)
    }

    /// Notes what asks for a reconcile.
    fn ask(&self, note: impl FnOnce(&mut Heard)) {
        note(&mut self.lock());
        self.happened.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        // Every value is whole at all times, so a panic elsewhere spoils nothing.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn add(&mut self, id: String, receipt: String, hint: Option<ServiceHint>) {
        if let Some(known) = self.under_way.get_mut(&id) {
            // Come again because the reconcile takes so long: only the new receipt deletes it.
            *known = receipt;
        } else if self.waiting.len() < MOST || self.waiting.contains_key(&id) {
            self.waiting.insert(id, receipt);
            self.hints.extend(hint);
            self.wanted = true;
        }
    }
}

#[cfg(test)]
mod tests;
