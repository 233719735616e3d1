//! What can be changed while the daemon runs, and who is told of it.

use std::sync::Arc;

use super::access::{self, Rules};
use super::wording::counted;
use super::{Error, limits, upstreams};
use crate::config::Config;
use crate::config::settings::Log;
use crate::forwarder::{ForwardSettings, Forwarder, Link};
use crate::server::LiveLimits;
use crate::source::Updates;
use crate::zone;

/// From the configuration to what the zone needs of it.
pub(super) type ToZone = Box<dyn Fn(&Config) -> zone::Settings + Send>;

/// Those who go by a setting that may change.
pub(super) struct Live {
    updates: Updates,
    zone: ToZone,
    forwarder: Arc<Forwarder>,
    access: Rules,
    limits: LiveLimits,
    /// What the forwarder goes by.
    forwarding: Option<ForwardSettings>,
}

/// A configuration with everything that it needs from outside; from here on nothing can fail.
pub(super) struct Prepared {
    zone: zone::Settings,
    resources: usize,
    forwarding: Option<(ForwardSettings, Arc<dyn Link>)>,
    access: Option<access::Checked>,
    limits: Option<crate::server::Limits>,
}

impl Live {
    pub(super) fn new(
        updates: Updates,
        zone: ToZone,
        forwarder: Arc<Forwarder>,
        access: Rules,
        limits: LiveLimits,
    ) -> Self {
        Self { updates, zone, forwarder, access, limits, forwarding: None }
    }

    /// Reads what `wanted` names: the hosts file, certificates, the secret of the cookies. The hosts file and certificates
    /// are read anew even if their paths are as before.
    ///
    /// # Errors
    /// When one of them cannot be had: then nothing is changed.
    pub(super) fn prepare(&self, running: &Config, wanted: &Config) -> Result<Prepared, Error> {
        let settings = upstreams::forward_settings(wanted)?;
        let changed = self.forwarding.as_ref() != Some(&settings) || upstreams::are_encrypted(wanted);
        let forwarding = match changed {
            true => Some((settings, upstreams::link(wanted)? as Arc<dyn Link>)),
            false => None,
        };
        let access = match running.access == wanted.access {
            true => None,
            false => Some(Rules::check(&running.access, &wanted.access)?),
        };
        let limits = (running.limits != wanted.limits).then(|| limits::of(&wanted.limits));
        let (zone, resources) = ((self.zone)(wanted), wanted.limits.inventory);
        Ok(Prepared { zone, resources, forwarding, access, limits })
    }

    /// Has it hold; returns when it does.
    pub(super) async fn change(&mut self, prepared: Prepared) {
        let Prepared { zone, resources, forwarding, access, limits } = prepared;
        if let Some(limits) = limits {
            self.limits.set(limits);
        }
        if let Some(access) = access {
            self.access.change(access).await;
        }
        if let Some((settings, link)) = forwarding {
            let (forwarder, by) = (Arc::clone(&self.forwarder), settings.clone());
            // It looks at the whole cache, which takes a while if that is large.
            let forgotten = tokio::task::spawn_blocking(move || forwarder.reconfigure(by, link)).await;
            if let Ok(forgotten @ 1..) = forgotten {
                let answers = counted(forgotten, "forwarded answer");
                tracing::info!("{answers} forgotten, wrong by the new settings");
            }
            self.forwarding = Some(settings);
        }
        // It fails only at shutdown.
        let _ = self.updates.configure(zone, resources).await;
    }

    /// Takes note of what holds at the start.
    pub(super) fn begins_with(mut self, running: &Config) -> Self {
        // What cannot be read any more is read at the next change.
        self.forwarding = upstreams::forward_settings(running).ok();
        self
    }
}

/// Logs as much as the settings say from now on, or says why not.
pub type Relog = Box<dyn Fn(&Log) -> Result<(), String> + Send>;
