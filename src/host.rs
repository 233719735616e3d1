//! What the network interface of the host counts: packets to link-local addresses, those of the VPC resolver among
//! them, that were dropped because they were too many.
//!
//! The kernel tells it by an ioctl, to which safe Rust has no way; the program `ethtool` has. It is run beside
//! everything else, once and then when somebody has asked for the number, and at most every 15 seconds.

mod ethtool;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::sync::{Notify, watch};

use crate::metrics::{Metrics, table};

/// Shortest time between two runs.
const PAUSE: Duration = Duration::from_secs(15);
/// Longest time of a run.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of output that are read. ENA says about 50 lines, and 20 for each of up to 128 queues.
const MAX_OUTPUT: u64 = 1 << 20;

/// The count of dropped packets to link-local addresses, where it can be read.
#[derive(Debug)]
pub struct LinkLocalDrops {
    last: watch::Sender<Option<u64>>,
    asked: Notify,
    routes: PathBuf,
    program: OsString,
    patience: Duration,
}

/// Why there is no number.
#[derive(Debug, PartialEq, Eq)]
enum Unreadable {
    /// Perhaps later.
    Now(&'static str),
    /// This host does not have it.
    Here(&'static str),
}

impl Default for LinkLocalDrops {
    /// Nothing is read yet.
    fn default() -> Self {
        Self::with("/proc/net/route".into(), "ethtool".into(), PATIENCE)
    }
}

impl LinkLocalDrops {
    fn with(routes: PathBuf, program: OsString, patience: Duration) -> Self {
        Self { last: watch::Sender::new(None), asked: Notify::new(), routes, program, patience }
    }

    /// Exports what was read last; whoever scrapes has it read again.
    pub fn export(self: &Arc<Self>, metrics: &Metrics) {
        let drops = Arc::clone(self);
        metrics.provide(&table::LINK_LOCAL_DROPS, move |samples| {
            drops.asked.notify_one();
            if let Some(count) = *drops.last.borrow() {
                samples.value(count as f64);
            }
        });
    }

    /// Reads the number when it is asked for. Ends where it is not to be had.
    pub async fn follow(self: Arc<Self>) {
        loop {
            let read = self.read().await;
            self.last.send_replace(read.as_ref().ok().copied());
            match read {
                Ok(_) => {}
                Err(Unreadable::Now(why)) => tracing::debug!("linklocal_allowance_exceeded cannot be read now: {why}"),
                Err(Unreadable::Here(why)) => {
                    tracing::debug!("linklocal_allowance_exceeded cannot be read on this host: {why}");
                    return;
                }
            }
            tokio::time::sleep(PAUSE).await;
            self.asked.notified().await;
        }
    }

    async fn read(&self) -> Result<u64, Unreadable> {
        let routes = tokio::fs::read_to_string(&self.routes).await;
        let routes = routes.map_err(|_| Unreadable::Here("the routes are not told"))?;
        let interface = ethtool::default_interface(&routes).ok_or(Unreadable::Now("there is no default route"))?;
        match tokio::time::timeout(self.patience, self.run(interface)).await {
            Ok(Ok(Some(said))) => ethtool::link_local_drops(&said)
                .ok_or(Unreadable::Here("the driver of the default route's interface does not count them")),
            Ok(Ok(None)) => Err(Unreadable::Now("ethtool failed")),
            Ok(Err(error)) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
                Err(Unreadable::Here("there is no ethtool that could be run"))
            }
            Ok(Err(_)) => Err(Unreadable::Now("ethtool could not be run")),
            Err(_) => Err(Unreadable::Now("ethtool took too long")),
        }
    }

    /// The statistics of an interface; `None` if the program fails. Dropped before its end, it kills the program.
    async fn run(&self, interface: &str) -> io::Result<Option<String>> {
        let mut command = Command::new(&self.program);
        command.args(["-S", interface]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn()?;
        let mut said = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            // Closed afterwards, so that a program that has more to say does not wait for us.
            stdout.take(MAX_OUTPUT).read_to_end(&mut said).await?;
        }
        let status = child.wait().await?;
        Ok(status.success().then(|| String::from_utf8_lossy(&said).into_owned()))
    }
}

#[cfg(test)]
mod tests;
