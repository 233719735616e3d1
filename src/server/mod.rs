//! The sockets that clients ask: UDP workers, TCP connections, and the handler of what is unusual.
//!
//! Loops, limits and deadlines live here. What the answer is, is decided by the [responder](crate::responder).

mod admission;
mod batch;
mod descriptors;
mod desk;
mod handler;
pub mod interfaces;
mod limits;
mod port;
mod room;
mod sockets;
mod tcp;
mod udp;

use std::io;
use std::net::SocketAddr;
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
use crate::metrics::{Metrics, table};
use crate::responder::Responder;

pub use self::descriptors::raise as raise_descriptors;
pub use self::limits::Limits;
pub use self::sockets::{BindError, Sockets, bind};

/// The running server. Dropping it stops accepting and reading, without waiting for answers under way.
#[derive(Debug)]
pub struct ServerHandle {
    addresses: Vec<SocketAddr>,
    stop: CancellationToken,
    /// The threads hold it too: closed, it would wake nobody.
    stop_workers: Arc<EventFd>,
    workers: Vec<JoinHandle<()>>,
    tasks: TaskTracker,
}

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
    let desk = Arc::new(Desk {
        responder,
        counters: metrics.shared(),
        tasks: TaskTracker::new(),
        runtime: Handle::current(),
        room: Room::new(limits.clone()),
    });
    let admission = Admission::new(limits.clone(), desk::now());
    let counted = Arc::clone(&admission);
    metrics.provide(&table::DNS_TCP_CONNECTIONS, move |samples| {
        samples.value(f64::from(u32::try_from(counted.open()).unwrap_or(u32::MAX)));
    });
    let mut handle = ServerHandle {
        addresses: sockets.addresses().to_vec(),
        stop: CancellationToken::new(),
        stop_workers: Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?),
        workers: Vec::new(),
        tasks: desk.tasks.clone(),
    };
    tcp::start(sockets.tcp, Arc::clone(&desk), admission, handle.stop.clone(), Arc::clone(&handle.stop_workers))?;
    for (number, ports) in sockets.udp.into_iter().enumerate() {
        let name = format!("udp-{number}");
        handle.workers.push(udp::start(
            name,
            ports,
            Arc::clone(&handle.stop_workers),
            Arc::clone(&desk),
            metrics.worker(),
        )?);
    }
    Ok(handle)
}

impl ServerHandle {
    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Tells, at any later time, whether every UDP worker and the thread of TCP still run.
    pub fn liveness(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        // Each of them holds the event until it ends, and so do we.
        let (event, threads) = (Arc::downgrade(&self.stop_workers), self.workers.len() + 1);
        move || event.strong_count() > threads
    }

    /// Stops accepting and reading, answers what has been read, and waits for that until `deadline` is over. Returns
    /// how many answers and connections were then still under way.
    pub async fn stop(mut self, deadline: Duration) -> usize {
        self.signal();
        let workers = std::mem::take(&mut self.workers);
        let tasks = self.tasks.clone();
        let drained = async {
            // The workers end by themselves, and only then no further task is begun.
            let _ = tokio::task::spawn_blocking(|| workers.into_iter().for_each(|worker| drop(worker.join()))).await;
            tasks.wait().await;
        };
        let _ = tokio::time::timeout(deadline, drained).await;
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
