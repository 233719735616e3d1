//! The sockets that clients ask: UDP workers, TCP connections, and the handler of what is unusual.
//!
//! Loops, limits and deadlines live here. What the answer is, is decided by the [responder](crate::responder).

mod admission;
mod batch;
mod descriptors;
mod desk;
mod handler;
mod inherited;
pub mod interfaces;
mod limits;
mod port;
mod retiring;
mod room;
mod self_query;
mod sockets;
mod tcp;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::admission::Admission;
use self::desk::Desk;
use self::room::Room;
use self::tcp::Door;
use crate::dns::DomainName;
use crate::metrics::{Counters, Metrics, table};
use crate::responder::Responder;

pub use self::descriptors::raise as raise_descriptors;
pub use self::inherited::Inherited;
pub use self::limits::{Limits, LiveLimits};
pub use self::self_query::SelfQuery;
pub use self::sockets::{BindError, Bound, Listening, QUERY_COST, Sockets, bind, take_over};

/// The running server. Dropping it stops accepting and reading, without waiting for answers under way.
#[derive(Debug)]
pub struct ServerHandle {
    addresses: Vec<SocketAddr>,
    stop: CancellationToken,
    /// The threads hold it too: closed, it would wake nobody.
    stop_workers: Arc<EventFd>,
    workers: Vec<JoinHandle<()>>,
    counters: Vec<Arc<Counters>>,
    /// Most sockets that an address has.
    sockets: usize,
    /// The worker of sockets that are answered for the last time.
    retiring: Option<JoinHandle<()>>,
    tasks: TaskTracker,
    hurry: CancellationToken,
    limits: LiveLimits,
}

/// Part of the deadline of a stop after which upstreams are not waited for any more: meanwhile nobody reads, and what
/// arrives must fit into the receive buffers.
const HURRY: u32 = 10;

/// Serves the bound sockets. Must be called within a tokio runtime, which then answers what cannot be answered
/// at once.
///
/// # Errors
///
/// When the operating system refuses a thread or an event.
pub fn serve(
    sockets: Sockets,
    responder: Arc<Responder>,
    metrics: &Metrics,
    limits: &Limits,
) -> io::Result<ServerHandle> {
    let limits = LiveLimits::new(limits.clone());
    let desk = Arc::new(Desk {
        responder,
        counters: metrics.shared(),
        tasks: TaskTracker::new(),
        runtime: Handle::current(),
        room: Room::new(limits.clone()),
        hurry: CancellationToken::new(),
    });
    let admission = Admission::new(limits.clone(), desk::now());
    let counted = Arc::clone(&admission);
    metrics.provide(&table::DNS_TCP_CONNECTIONS, move |samples| {
        samples.value(f64::from(u32::try_from(counted.open()).unwrap_or(u32::MAX)));
    });
    export_receive_buffers(&sockets, metrics);
    let mut handle = ServerHandle {
        addresses: sockets.addresses().to_vec(),
        stop: CancellationToken::new(),
        stop_workers: Arc::new(event()?),
        workers: Vec::new(),
        counters: Vec::new(),
        sockets: sockets.listening().iter().map(|one| one.sockets).max().unwrap_or_default(),
        retiring: None,
        tasks: desk.tasks.clone(),
        hurry: desk.hurry.clone(),
        limits,
    };
    let doors = sockets.tcp.into_iter().map(|listener| Door { listener, stop: handle.stop.clone() });
    let mut doors: Vec<_> = doors.collect();
    for (number, ports) in sockets.udp.into_iter().enumerate() {
        let (name, counters) = (format!("udp-{number}"), metrics.worker());
        handle.counters.push(Arc::clone(&counters));
        handle.workers.push(udp::start(name, ports, Arc::clone(&handle.stop_workers), Arc::clone(&desk), counters)?);
    }
    handle.retiring = retiring::serve(sockets.retiring, &desk, &mut doors, &handle.stop, metrics)?;
    tcp::start(doors, Arc::clone(&desk), admission, handle.stop.clone(), Arc::clone(&handle.stop_workers))?;
    Ok(handle)
}

fn event() -> io::Result<EventFd> {
    Ok(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?)
}

fn export_receive_buffers(sockets: &Sockets, metrics: &Metrics) {
    let buffers: Vec<_> =
        sockets.listening().iter().map(|one| (one.address.to_string(), one.receive_buffer as f64)).collect();
    metrics.provide(&table::DNS_RECEIVE_BUFFER, move |samples| {
        buffers.iter().for_each(|(address, bytes)| samples.labelled(&[address], *bytes));
    });
}

impl ServerHandle {
    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The limits, to be changed at any later time.
    #[must_use]
    pub fn limits(&self) -> LiveLimits {
        self.limits.clone()
    }

    /// Tells, at any later time, whether every UDP worker and the thread of TCP still run.
    pub fn liveness(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        // Each of them holds the event until it ends, and so do we.
        let (event, threads) = (Arc::downgrade(&self.stop_workers), self.workers.len() + 1);
        move || event.strong_count() > threads
    }

    /// What tells, at any later time, whether every UDP worker answers; it asks for the SOA of `zone`.
    #[must_use]
    pub fn self_query(&self, zone: DomainName) -> SelfQuery {
        let (addresses, workers) = (self.addresses.clone(), self.counters.clone());
        SelfQuery { addresses, workers, sockets: self.sockets, zone }
    }

    /// Stops accepting and reading, answers what has been read, and waits for that until `deadline` is over. Upstreams
    /// have a tenth of it; then the cache has the word, or it is SERVFAIL. Returns how many answers and connections were
    /// still under way at the end.
    pub async fn stop(mut self, deadline: Duration) -> usize {
        self.signal();
        let workers: Vec<_> = self.workers.drain(..).chain(self.retiring.take()).collect();
        let tasks = self.tasks.clone();
        let drained = async {
            // The workers end by themselves, and only then no further task is begun.
            let _ = tokio::task::spawn_blocking(|| workers.into_iter().for_each(|worker| drop(worker.join()))).await;
            tasks.wait().await;
        };
        let mut drained = pin!(drained);
        if tokio::time::timeout(deadline / HURRY, &mut drained).await.is_err() {
            self.hurry.cancel();
            let _ = tokio::time::timeout(deadline - deadline / HURRY, drained).await;
        }
        tasks.len()
    }

    fn signal(&self) {
        self.stop.cancel();
        self.tasks.close();
        // It fails only if the counter were full, and then it is readable anyway.
        let _ = self.stop_workers.write(1);
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.signal();
    }
}

#[cfg(test)]
mod tests;
