//! The copy of the hosted zone, for `route53.fallback = "api"`.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::feed::Ends;
use super::from_aws;
use crate::config::Config;
use crate::config::settings::Fallback;
use crate::route53::HostedZoneId;
use crate::source::hosted_zone::{HostedZoneSettings, HostedZoneSource, Paced};

/// Starts reading the zone, if that is wanted. It ends by itself at shutdown.
pub(super) fn start(ends: Ends, config: &Config, token: &CancellationToken) -> Option<JoinHandle<()>> {
    if config.route53.fallback != Fallback::Api {
        return None;
    }
    let settings = HostedZoneSettings {
        name: config.dns.zone.clone(),
        id: config.route53.zone_id.as_deref().map(HostedZoneId::new),
        poll_interval: config.route53.poll_interval,
    };
    let region = config.ecs.region.clone();
    let token = token.clone();
    Some(tokio::spawn(async move {
        let reading = async {
            let Ends { updates, forwarder, metrics, status, clock, .. } = ends;
            let (aws, _) = from_aws::connect(region, forwarder, metrics).await;
            let api = Arc::new(Paced::new(Arc::new(aws.route53)));
            HostedZoneSource::new(settings, api, updates, status, clock).run().await
        };
        // It ends only when the updater has stopped.
        let _ = token.run_until_cancelled(Box::pin(reading)).await;
    }))
}
