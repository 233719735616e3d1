//! Changes as they happen: from the messages of a queue to the updater.
//!
//! The queue is subscribed first, then everything is listed, and only then are its messages applied, so that nothing
//! falls between. A message is deleted once what it says is served. Events bring speed, passes bring the truth; both
//! go through the same guards, so it does not matter which is first.

mod asks;
mod health;
pub mod inbox;
mod inquiry;
mod intake;
mod skew;
pub mod stats;
mod withdrawals;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(super) use self::health::with_checks;

use self::asks::Asks;
use self::health::HealthWatch;
use self::inbox::Inbox;
use self::inquiry::Inquiry;
use self::intake::{Consequence, Incoming};
use self::skew::Skews;
use self::stats::{EventStats, Kind, Verdict};
use self::withdrawals::{Leaving, Withdrawals};
use super::describe::{Describer, Trigger};
use super::pace::{self, Lane};
use super::ports::{ApiErrorKind, EventQueue, Owner, QueueMessage};
use super::{Origin, Stopped};
use crate::ecs::Timestamp;
use crate::ecs::event::Detail;
use crate::inventory::{Change, ServiceKey};

/// A queue that has not answered for this long brings no events: the clusters are polled instead.
const SILENCE: Duration = Duration::from_secs(60);

/// Time between two looks at who reads the queue.
const OWNER_INTERVAL: Duration = Duration::from_secs(180);

/// Requests to delete messages under way at once; more wait before the next messages are received.
const DELETIONS: usize = 16;

/// The source.
pub struct EventSource {
    inbox: Inbox,
    describer: Arc<Describer>,
    trigger: Trigger,
    stats: Arc<EventStats>,
    inquiry: Inquiry,
    health: Arc<HealthWatch>,
    withdrawals: Withdrawals,
    skews: Mutex<Skews>,
}

/// A message whose event has been read.
struct Received {
    receipt: String,
    kind: Kind,
    /// When it happened, by AWS's clock.
    time: Option<Timestamp>,
    incoming: Incoming,
}

/// What is known of a message once its event is put aside.
#[derive(Debug)]
struct Note {
    receipt: String,
    kind: Kind,
    time: Option<Timestamp>,
    received: Instant,
}

impl EventSource {
    /// A source that has not asked anything yet. `describer` is that of the passes, which `trigger` starts;
    /// `health_interval` is the time between two looks at the health of all tasks.
    #[must_use]
    pub fn new(
        queue: Arc<dyn EventQueue>,
        describer: &Describer,
        trigger: Trigger,
        health_interval: Duration,
        stats: Arc<EventStats>,
    ) -> Self {
        let health = Arc::new(HealthWatch::new(describer, Arc::clone(&stats), health_interval));
        let urgent = Arc::new(describer.in_lane(Lane::Urgent));
        let describer = Arc::new(describer.in_lane(Lane::Event));
        describer.status.heard(describer.clock.now());
        Self {
            inbox: Inbox::new(queue, Arc::clone(&describer), Arc::clone(&stats)),
            trigger: trigger.clone(),
            inquiry: Inquiry::new(Arc::clone(&describer), trigger),
            withdrawals: Withdrawals::new(urgent, Arc::clone(&health), Arc::clone(&stats)),
            health,
            describer,
            stats,
            skews: Mutex::default(),
        }
    }

    /// Opens the queue if that is done soon, so that the first pass can come after it.
    pub async fn open_first(&self) {
        self.inbox.open_soon("the clusters are read without it").await;
    }

    /// Works until `cancel` says so or the updater stops.
    pub async fn run(self, cancel: CancellationToken) {
        let this = Arc::new(self);
        let work = async {
            let watch_owner = async { Ok(this.watch_owner().await) };
            tokio::try_join!(this.listen(), this.inquiry.run(), this.health.run(), watch_owner)
        };
        // It ends only when the updater has stopped.
        let _ = cancel.run_until_cancelled(Box::pin(work)).await;
    }

    /// Subscribed first, listed second, applied third; over again when the queue was lost.
    async fn listen(self: &Arc<Self>) -> Result<Infallible, Stopped> {
        let mut losses = 0;
        loop {
            self.inbox.open().await;
            self.trigger.fresh_pass().await;
            let lost = self.receive().await?;
            let lasted = self.describer.budget().has_events();
            self.set_live(false);
            warn!("no more events ({lost}): the clusters are polled until there are");
            // What has happened since is in no message that we will see.
            self.trigger.poke();
            losses = if lasted { 1 } else { losses + 1 };
            Inbox::rest(losses).await;
        }
    }

    /// Whether events tell of changes, so that passes only look for what they missed.
    fn set_live(&self, live: bool) {
        self.describer.budget().set_events(live);
    }

    /// Receives and handles messages until the queue is gone or silent for too long. Says which.
    async fn receive(self: &Arc<Self>) -> Result<&'static str, Stopped> {
        let (mut deletions, mut failures, mut answered) = (JoinSet::new(), 0, Instant::now());
        loop {
            match self.inbox.receive().await {
                Ok(messages) => {
                    (failures, answered) = (0, Instant::now());
                    if !self.describer.budget().has_events() {
                        self.set_live(true);
                        info!("changes are learned from events");
                    }
                    let done = self.handle(messages).await?;
                    if deletions.len() >= DELETIONS {
                        deletions.join_next().await;
                    }
                    let this = Arc::clone(self);
                    deletions.spawn(async move { this.inbox.delete(&done).await });
                    while deletions.try_join_next().is_some() {}
                }
                Err(error) => {
                    if error.kind == ApiErrorKind::NotFound {
                        return Ok("the queue is gone");
                    }
                    if matches!(error.kind, ApiErrorKind::Denied) {
                        return Ok("the queue must not be read");
                    }
                    if answered.elapsed() > SILENCE {
                        return Ok("the queue does not answer");
                    }
                    failures += 1;
                    Inbox::rest(failures).await;
                }
            }
        }
    }

    /// Applies what the messages say and waits until it is served. Returns the receipts of those that are done with;
    /// the others are held for a while, and deleted then.
    async fn handle(self: &Arc<Self>, messages: Vec<QueueMessage>) -> Result<Vec<String>, Stopped> {
        let received = Instant::now();
        let mut done = Vec::new();
        let (mut leaving, mut others) = (Vec::new(), Vec::new());
        for message in messages {
            match self.read(&message) {
                Some(event) if intake::is_withdrawal(&event.incoming.event.detail) => leaving.push(event),
                Some(event) => others.push(event),
                None => done.push(message.receipt),
            }
        }
        // Who comes goes before who leaves.
        done.extend(self.apply(others, received).await?);
        let (held, mut free) = self.withdrawals.sort(leaving, |it: &Received| &it.incoming.event.detail).await?;
        for (service, events) in held {
            match self.withdrawals.place() {
                Some(place) => {
                    // From now on, before the next messages are sorted.
                    let tasks = events.iter().filter_map(|it| withdrawals::task(&it.incoming.event.detail));
                    let leaving = self.withdrawals.note(tasks.map(|task| task.arn.clone()).collect());
                    let this = Arc::clone(self);
                    tokio::spawn(async move { this.hold(place, service, leaving, events, received).await });
                }
                None => free.extend(events),
            }
        }
        done.extend(self.apply(free, received).await?);
        Ok(done)
    }

    /// Applies `events`, by which tasks leave `service`, after a look at those that stay.
    async fn hold(
        self: Arc<Self>,
        _place: OwnedSemaphorePermit,
        service: ServiceKey,
        leaving: Leaving,
        events: Vec<Received>,
        received: Instant,
    ) -> Result<(), Stopped> {
        let mut tasks = events.iter().filter_map(|it| withdrawals::task(&it.incoming.event.detail));
        let has_stopped = tasks.any(|task| task.last_status.is_final());
        self.withdrawals.look(&service, &leaving.tasks, has_stopped).await;
        let receipts = self.apply(events, received).await?;
        drop(leaving);
        self.inquiry.add(Asks { emptied: [service].into(), ..Asks::default() });
        self.inbox.delete(&receipts).await;
        Ok(())
    }

    /// Reads one message; `None` if it is no event.
    fn read(&self, message: &QueueMessage) -> Option<Received> {
        let now = self.describer.clock.now();
        let event = self.inbox.read(message)?;
        let mut at = now;
        if let Detail::TaskHealth(health) = &event.detail {
            let mut skews = self.skews.lock().unwrap_or_else(PoisonError::into_inner);
            at = skews.ours(&health.cluster, health.at, now);
        }
        let kind = Kind::of(&event.detail);
        let (receipt, time) = (message.receipt.clone(), event.time);
        Some(Received { receipt, kind, time, incoming: Incoming { event, at } })
    }

    /// Has what the events say served, and what follows from them asked. Returns their receipts.
    async fn apply(&self, events: Vec<Received>, received: Instant) -> Result<Vec<String>, Stopped> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let (mut notes, mut incoming) = (Vec::new(), Vec::new());
        for Received { receipt, kind, time, incoming: event } in events {
            notes.push(Note { receipt, kind, time, received });
            incoming.push(event);
        }
        let meanings = self.describer.updates.ask(move |inventory| -> Vec<Result<Consequence, Verdict>> {
            incoming.into_iter().map(|event| intake::consequence(inventory, event)).collect()
        });
        let (mut changes, mut look_at) = (Vec::new(), BTreeSet::new());
        let (mut served, mut receipts) = (Vec::new(), Vec::new());
        for (note, meaning) in notes.into_iter().zip(meanings.await?) {
            match meaning {
                Ok(consequence) => {
                    changes.extend(consequence.changes);
                    self.inquiry.add(consequence.asks);
                    look_at.extend(consequence.look_at);
                    if let Some((cluster, interval)) = consequence.told {
                        self.health.is_told(cluster, interval);
                    }
                    served.push(note);
                }
                Err(verdict) => {
                    if verdict == Verdict::Foreign {
                        self.trigger.unknown_cluster();
                    }
                    self.stats.count(note.kind, verdict);
                    receipts.push(note.receipt);
                }
            }
        }
        receipts.extend(self.serve(changes, served, look_at).await?);
        Ok(receipts)
    }

    /// Has `changes` served and notes how long that took. Returns the receipts.
    async fn serve(
        &self,
        changes: Vec<Change>,
        notes: Vec<Note>,
        look_at: BTreeSet<ServiceKey>,
    ) -> Result<Vec<String>, Stopped> {
        if !changes.is_empty() {
            self.describer.updates.serve(Origin::Event, changes).await?;
        }
        self.health.look_at(look_at);
        let now = self.describer.clock.now();
        for note in &notes {
            self.stats.count(note.kind, Verdict::Served);
            self.stats.serving.add(note.received.elapsed());
            if let Some(time) = note.time {
                self.stats.propagation.add(Duration::try_from(now.duration_since(time)).unwrap_or_default());
            }
        }
        Ok(notes.into_iter().map(|note| note.receipt).collect())
    }

    /// Says now and then that we read our queue, and notices if somebody else says so too. One who does may be quiet
    /// between two of our looks, but not between three.
    async fn watch_owner(&self) -> Infallible {
        let mut alone = 0;
        loop {
            sleep(pace::jittered(OWNER_INTERVAL, fastrand::f64())).await;
            let other = match self.inbox.claim().await {
                Some(Owner::Other(other)) => Some(other),
                Some(Owner::Ours) => None,
                None => continue,
            };
            alone = if other.is_some() { 0 } else { alone + 1 };
            if alone != 1 {
                self.stats.queue_shared.store(other.is_some(), Relaxed);
                self.describer.status.shares_queue(other.as_deref());
            }
        }
    }
}

#[cfg(test)]
mod tests;
