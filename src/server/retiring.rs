//! Sockets of addresses that are no longer configured: what is queued in them is answered, then they are closed.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::inherited::Inherited;
use super::port::Port;
use super::tcp::Door;
use super::{event, udp};
use crate::metrics::Metrics;

/// How long they are still answered, for clients that have not heard of the change.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves these sockets until [`FAREWELL`] is over or `stop`, whichever is first: those of TCP are put with the other
/// `doors`; the worker, if there is one, has ended soon after that.
pub(super) fn serve(
    retiring: Inherited,
    desk: &Arc<Desk>,
    doors: &mut Vec<Door>,
    stop: &CancellationToken,
    metrics: &Metrics,
) -> io::Result<Option<JoinHandle<()>>> {
    if retiring.udp.is_empty() && retiring.tcp.is_empty() {
        return Ok(None);
    }
    let (over, stop_worker) = (stop.child_token(), Arc::new(event()?));
    doors.extend(retiring.tcp.into_iter().map(|held| Door { listener: held.socket, stop: over.clone() }));
    let ports = retiring.udp.into_iter().map(|held| Port::new(held.socket).map(Arc::new)).collect::<io::Result<_>>()?;
    let (desk, event) = (Arc::clone(desk), Arc::clone(&stop_worker));
    let worker = udp::start("udp-retiring".to_owned(), ports, event, Arc::clone(&desk), metrics.worker())?;
    desk.tasks.spawn(async move {
        // A stop ends it early.
        let _ = over.run_until_cancelled(sleep(FAREWELL)).await;
        over.cancel();
        // As for the other workers.
        let _ = stop_worker.write(1);
    });
    Ok(Some(worker))
}
