//! SIGHUP: the configuration is read anew, judged as a whole, and what can be is changed while the daemon runs.
//!
//! A configuration with any fault changes nothing. Sockets, cache and inventory stay as they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::signal::unix::Signal;

use super::Error;
use super::live::{Live, Relog};
use super::wording::counted;
use crate::config::difference::{applicable, between};
use crate::config::{Config, Faults, Loaded};
use crate::metrics::{Metrics, table};
use crate::systemd;

/// Where a configuration comes from, and who heeds its log settings.
pub struct Reload {
    /// Reads it as at the start, flags and environment included.
    pub load: Box<dyn Fn() -> Result<Loaded, Faults> + Send>,
    /// Changes how much is logged.
    pub log: Relog,
}

/// Configurations that were read, by what became of them.
#[derive(Debug, Default)]
struct Reloads {
    applied: AtomicU64,
    refused: AtomicU64,
}

/// Does it.
pub(super) struct Reloader {
    source: Reload,
    /// What holds at present.
    running: Config,
    live: Live,
    counts: Arc<Reloads>,
}

impl Reloader {
    /// One that has read nothing anew yet; `running` holds. Exports what it counts.
    pub(super) fn new(source: Reload, running: Config, live: Live, metrics: &Metrics) -> Self {
        let counts: Arc<Reloads> = Arc::default();
        let read = Arc::clone(&counts);
        metrics.provide(&table::CONFIG_RELOADS, move |samples| {
            samples.labelled(&["applied"], read.applied.load(Relaxed) as f64);
            samples.labelled(&["refused"], read.refused.load(Relaxed) as f64);
        });
        Self { live: live.begins_with(&running), source, running, counts }
    }

    /// Reads the configuration at each signal, for as long as the daemon runs.
    pub(super) async fn run(mut self, mut hangup: Signal) {
        while hangup.recv().await.is_some() {
            systemd::reloading();
            match (self.source.load)() {
                Ok(loaded) => {
                    if let Err(error) = self.apply(&loaded).await {
                        self.counts.refused.fetch_add(1, Relaxed);
                        tracing::error!("the configuration was not reloaded, the old one holds: {error}");
                    }
                }
                Err(faults) => {
                    self.counts.refused.fetch_add(1, Relaxed);
                    let count = counted(faults.faults.len(), "fault");
                    tracing::error!("the configuration was not reloaded, as it has {count}; the old one holds");
                    faults.to_string().lines().for_each(|fault| tracing::error!("{fault}"));
                }
            }
            systemd::ready();
        }
    }

    async fn apply(&mut self, loaded: &Loaded) -> Result<(), Error> {
        let wanted = &loaded.config;
        let applied = applicable(&self.running, wanted);
        let (now, later) = (between(&self.running, &applied), between(&applied, wanted));
        let prepared = self.live.prepare(&self.running, &applied)?;
        if let Err(error) = (self.source.log)(&applied.log) {
            tracing::error!("log.level cannot be changed: {error}");
        }
        self.live.change(prepared).await;
        self.running = applied;
        self.counts.applied.fetch_add(1, Relaxed);
        for notice in &loaded.notices {
            tracing::warn!("{notice}");
        }
        for change in &now {
            tracing::info!("changed: {change}");
        }
        for change in &later {
            tracing::warn!("takes effect at a restart: {change}");
        }
        let (now, later) = (counted(now.len(), "key"), later.len());
        tracing::info!("configuration reloaded: {now} changed, {later} to change at a restart");
        Ok(())
    }
}

/// The signal that asks for it. From now on it does not end the process.
pub(super) fn signal() -> Result<Signal, Error> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map_err(Error::internal)
}
