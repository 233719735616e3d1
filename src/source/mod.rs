//! Where the inventory comes from: each source turns what it reads into [`Change`]s and hands them to the updater.
//!
//! The AWS calls that a source makes are ports, traits in our own words; the adapters are in `aws/`. Nothing here
//! opens a socket or names the SDK.

pub mod clock;
pub mod describe;
pub mod events;
pub mod fixture;
pub mod fleet_health;
pub mod hosted_zone;
pub mod pace;
pub mod ports;
pub mod queue;
mod sample;
pub mod simulation;
pub mod staleness;
pub mod status;
pub mod synthetic;

use tokio::sync::{mpsc, oneshot};

use crate::dns::Ede;
use crate::ecs::ClusterArn;
use crate::inventory::{Change, Inventory};
use crate::zone::Settings;
use crate::zone::layers::HostedRecords;

/// How changes came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// By looking, where nothing else would have told of them.
    #[default]
    Read,
    /// By an event, or by a look that an event asked for.
    Event,
    /// By a pass over everything that goes on beside events: what it finds, the events had missed.
    Reconcile,
}

/// Changes of one batch, and what happens once they are served.
#[derive(Debug)]
pub struct Delivery {
    /// In the order in which they were learned.
    pub changes: Vec<Change>,
    /// How.
    pub origin: Origin,
    /// Fired after the snapshot that contains them was published; a queue's message is deleted only then.
    pub done: Option<oneshot::Sender<()>>,
}

impl Delivery {
    /// A delivery that nobody waits for.
    #[must_use]
    pub fn of(changes: Vec<Change>) -> Self {
        Self::from(Origin::Read, changes)
    }

    /// A delivery of this origin that nobody waits for.
    #[must_use]
    pub fn from(origin: Origin, changes: Vec<Change>) -> Self {
        Self { changes, origin, done: None }
    }
}

/// What the updater is sent.
pub enum Message {
    /// Something was learned.
    Deliver(Delivery),
    /// A pass over a cluster is through, complete or not; fired once what it has found is served.
    Passed(ClusterArn, oneshot::Sender<()>),
    /// The hosted zone was read whole; fired once it is served.
    Hosted(HostedRecords, oneshot::Sender<()>),
    /// What is said with every answer of ECS from now on (EDE), or nothing.
    Remark(Option<Ede>),
    /// What the operator has decided of this zone, and that there is room for so many services, tasks and container
    /// instances: what is not as before is rendered anew; fired once it is served.
    Configure(Box<Settings>, usize, oneshot::Sender<()>),
    /// Somebody wants to look at the inventory, which only the updater holds.
    Ask(Box<dyn FnOnce(&Inventory) + Send>),
}

/// The way to the updater. Bounded: who sends waits while it is busy.
#[derive(Debug, Clone)]
pub struct Updates(mpsc::Sender<Message>);

/// The updater has stopped; so should who hears this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the updater has stopped")]
pub struct Stopped;

impl Updates {
    /// Messages that may wait for the updater.
    const QUEUE: usize = 64;

    /// The two ends.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(Self::QUEUE);
        (Self(sender), receiver)
    }

    /// Hands over a delivery.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown.
    pub async fn deliver(&self, delivery: Delivery) -> Result<(), Stopped> {
        self.0.send(Message::Deliver(delivery)).await.map_err(|_| Stopped)
    }

    /// Hands over changes and waits until they are served.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown.
    pub async fn serve(&self, origin: Origin, changes: Vec<Change>) -> Result<(), Stopped> {
        let (done, served) = oneshot::channel();
        self.deliver(Delivery { changes, origin, done: Some(done) }).await?;
        served.await.map_err(|_| Stopped)
    }

    /// Says that a pass over `cluster` is through, complete or not, and waits until what it has found is served.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown.
    pub async fn passed(&self, cluster: ClusterArn) -> Result<(), Stopped> {
        let (done, served) = oneshot::channel();
        self.0.send(Message::Passed(cluster, done)).await.map_err(|_| Stopped)?;
        served.await.map_err(|_| Stopped)
    }

    /// Hands over a hosted zone that was read whole and waits until it is served.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown.
    pub async fn serve_hosted(&self, records: HostedRecords) -> Result<(), Stopped> {
        let (done, served) = oneshot::channel();
        self.0.send(Message::Hosted(records, done)).await.map_err(|_| Stopped)?;
        served.await.map_err(|_| Stopped)
    }

    /// Has every answer of ECS say this from now on, or nothing.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown.
    pub async fn remark(&self, ede: Option<Ede>) -> Result<(), Stopped> {
        self.0.send(Message::Remark(ede)).await.map_err(|_| Stopped)
    }

    /// Has the zone rendered under other settings, with room for `resources` services, tasks and container instances
    /// together, and waits until it is served.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown.
    pub async fn configure(&self, settings: Settings, resources: usize) -> Result<(), Stopped> {
        let (done, served) = oneshot::channel();
        self.0.send(Message::Configure(Box::new(settings), resources, done)).await.map_err(|_| Stopped)?;
        served.await.map_err(|_| Stopped)
    }

    /// Runs `look` on the inventory and returns what it returns.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown.
    pub async fn ask<R, F>(&self, look: F) -> Result<R, Stopped>
    where
        R: Send + 'static,
        F: FnOnce(&Inventory) -> R + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let ask = Box::new(move |inventory: &Inventory| {
            // Who asked may have gone away; then nobody misses the answer.
            let _ = reply.send(look(inventory));
        });
        self.0.send(Message::Ask(ask)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}
