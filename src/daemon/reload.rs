//! SIGHUP: the configuration is read anew, judged as a whole, and what can be is changed while the daemon runs.
//!
//! A configuration with any fault changes nothing. Sockets, cache and inventory stay as they are.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{Signal, SignalKind};

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

/// The signal that asks for it, and for all to see what is wrong with what was read last.
pub(super) struct Requests {
    hangup: Signal,
    refusal: Refusal,
}

/// Why the last reload was refused, in one line; `None`: it was not.
type Refusal = Arc<Mutex<Option<String>>>;

/// What is wrong around the daemon at present, a line each.
type Around = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

impl Requests {
    /// From now on the signal does not end the process.
    ///
    /// # Errors
    /// [`Error::Internal`] when there can be no handler.
    pub(super) fn heard() -> Result<Self, Error> {
        let hangup = tokio::signal::unix::signal(SignalKind::hangup()).map_err(Error::internal)?;
        Ok(Self { hangup, refusal: Refusal::default() })
    }

    /// `around`, and a refused reload for as long as no other is accepted.
    pub(super) fn told_with(&self, around: Around) -> Around {
        let refusal = Arc::clone(&self.refusal);
        Arc::new(move || {
            refusal.lock().unwrap_or_else(PoisonError::into_inner).clone().into_iter().chain(around()).collect()
        })
    }
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
    pub(super) async fn run(mut self, requests: Requests) {
        let Requests { mut hangup, refusal } = requests;
        while hangup.recv().await.is_some() {
            systemd::reloading();
            let refused = self.reload().await.err();
            *refusal.lock().unwrap_or_else(PoisonError::into_inner) = refused;
            systemd::ready();
        }
    }

    /// Reads it once.
    ///
    /// # Errors
    /// Why it was refused, for `/ready`; the log has it all.
    async fn reload(&mut self) -> Result<(), String> {
        let refused = match (self.source.load)() {
            Ok(loaded) => match self.apply(&loaded).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let told = format!("the configuration was not reloaded, the old one holds: {error}");
                    tracing::error!("{told}");
                    told
                }
            },
            Err(faults) => {
                let count = counted(faults.faults.len(), "fault");
                tracing::error!("the configuration was not reloaded, as it has {count}; the old one holds");
                let text = faults.to_string();
                text.lines().for_each(|fault| tracing::error!("{fault}"));
                let first = text.lines().next().unwrap_or_default();
                format!(
                    "the configuration was not reloaded, as it has {count}, and the next start would refuse it: {first}"
                )
            }
        };
        self.counts.refused.fetch_add(1, Relaxed);
        Err(refused)
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
