//! A fake of the few AWS calls that ecs-resolver makes, for the real SDK to talk to over real HTTP.
//!
//! One port serves ECS (JSON 1.1), SQS (JSON 1.0), EC2, classic ELB, `ELBv2` and SNS (query protocol), Route 53 (REST)
//! and `IMDSv2`. What it knows is a [`World`], queues and topics ([`Messaging`]) and hosted zones ([`Hosting`]), which a
//! test builds and changes directly; how it misbehaves is set by [`Knobs`]; what it was asked is in its [`Call`] record.
//! It answers only with fields that exist in the API models, and it refuses what AWS refuses: oversized batches,
//! unknown clusters, requests that are not signed for the right service.

mod ec2_api;
mod ecs_api;
mod ecs_list;
mod elb_api;
mod emission;
mod error;
mod events;
mod guard;
pub mod hosting;
mod imds_api;
mod knobs;
mod limits;
pub mod messaging;
mod op;
mod page;
mod query;
mod record;
mod route53_api;
mod server;
mod sns_api;
mod sqs_api;
pub mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use emission::{Emission, Parcel};

pub use emission::Travel;
pub use guard::WorldGuard;
pub use hosting::Hosting;
pub use knobs::{Fault, Knobs};
pub use limits::Bucket;
pub use messaging::Messaging;
pub use op::Op;
pub use page::PageStyle;
pub use record::Call;
pub use world::World;

/// What the server and the test share.
#[derive(Debug, Default)]
struct Shared {
    world: Mutex<World>,
    messaging: Mutex<Messaging>,
    hosting: Mutex<Hosting>,
    emission: Mutex<Option<Emission>>,
    knobs: Mutex<Knobs>,
    calls: Mutex<Vec<Call>>,
}

/// A running fake. Dropping it closes its port and every connection.
#[derive(Debug)]
pub struct FakeAws {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeAws {
    /// Starts with an empty [`World`] on an address of its own, on a thread and runtime of its own, so that neither
    /// a blocking test nor a paused clock stops it.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let (address_out, address_in) = std::sync::mpsc::channel();
        let state = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("fake-aws".to_owned())
            .spawn(move || server::run(state, &address_out, stopped))
            .expect("a thread for the fake AWS");
        let address = address_in.recv().expect("the fake AWS binds a port");
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `AWS_ENDPOINT_URL` and `AWS_EC2_METADATA_SERVICE_ENDPOINT` must say, without a final slash.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The world, locked: the server waits while the guard lives, so several changes become visible at once. Do not
    /// call it twice in one statement, and do not keep the guard over an await. What was changed is published as
    /// events when the guard is dropped, if [`FakeAws::emit_events`] has said so.
    pub fn world(&self) -> WorldGuard<'_> {
        WorldGuard::new(&self.shared)
    }

    /// From now on, every change of the world is published to `topic` as the event that AWS would send, one for each
    /// resource that a guard of [`FakeAws::world`] has changed. Called again, it changes how messages travel, and
    /// where to; nothing is told twice.
    pub fn emit_events(&self, topic: &str, travel: Travel) {
        let world = lock(&self.shared.world);
        let mut emission = lock(&self.shared.emission);
        match emission.as_mut() {
            Some(emission) => emission.set_travel(topic, travel),
            None => *emission = Some(Emission::new(topic, travel, &world)),
        }
    }

    /// Publishes an event about a service that no change of the world stands for, by its `eventName`: those that begin
    /// with `SERVICE_DEPLOYMENT_` as "ECS Deployment State Change", others (`SERVICE_STEADY_STATE`) as "ECS Service
    /// Action".
    ///
    /// # Panics
    /// If there is no such service, or no topic was named by [`FakeAws::emit_events`].
    pub fn emit_service_event(&self, cluster: &str, service: &str, name: &str) {
        let world = lock(&self.shared.world);
        let service = &world.clusters[cluster].services[service];
        let mut emission = lock(&self.shared.emission);
        let emission = emission.as_mut().expect("a topic to send events to");
        let make = if name.starts_with("SERVICE_DEPLOYMENT_") { events::deployment } else { events::service_action };
        let event = make(emission.next_number(), name, service, &world);
        send(&self.shared, emission.pack(event));
    }

    /// How many events there were so far, those that were lost on their way included.
    pub fn events_so_far(&self) -> u64 {
        lock(&self.shared.emission).as_ref().map_or(0, Emission::events)
    }

    /// Publishes `message`, whatever it is, to a topic, at once.
    pub fn publish(&self, topic: &str, message: &Value) {
        self.messaging().publish(topic, &message.to_string(), Duration::ZERO);
    }

    /// The queues and topics, locked. Do not keep the guard while you take another, which may send messages.
    pub fn messaging(&self) -> MutexGuard<'_, Messaging> {
        lock(&self.shared.messaging)
    }

    /// The hosted zones, locked.
    pub fn hosting(&self) -> MutexGuard<'_, Hosting> {
        lock(&self.shared.hosting)
    }

    /// The knobs, locked.
    pub fn knobs(&self) -> MutexGuard<'_, Knobs> {
        lock(&self.shared.knobs)
    }

    /// From now on `op` answers out of the world as it is at this moment, until [`Knobs::thaw`].
    pub fn freeze(&self, op: Op) {
        let world = self.world().clone();
        self.knobs().freeze(op, world);
    }

    /// From now on `op` answers out of this world, until [`Knobs::thaw`].
    pub fn freeze_as(&self, op: Op, world: World) {
        self.knobs().freeze(op, world);
    }

    /// Every call so far, in the order in which they were answered.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// The calls of one operation, failed ones included.
    pub fn calls_of(&self, op: Op) -> Vec<Call> {
        lock(&self.shared.calls).iter().filter(|call| call.op == op).cloned().collect()
    }

    /// How often `op` was called, failed calls included.
    pub fn count(&self, op: Op) -> usize {
        self.calls_of(op).len()
    }

    /// The batch sizes that `op` was called with, in order. See [`Call::batch`].
    pub fn batches(&self, op: Op) -> Vec<usize> {
        self.calls_of(op).iter().map(|call| call.batch).collect()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        lock(&self.shared.calls).clear();
    }
}

impl Drop for FakeAws {
    fn drop(&mut self) {
        // The receiver is gone only if the thread has ended already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Hands messages over to their topics.
fn send(shared: &Shared, parcels: Vec<Parcel>) {
    let mut messaging = lock(&shared.messaging);
    for Parcel { topic, event, delay } in parcels {
        messaging.publish(&topic, &event.to_string(), delay);
    }
}

/// Locks even if a failed assertion poisoned the mutex: the first failure is the one to report.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
