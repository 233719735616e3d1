//! From the settings of `[forward]` to the forwarder's own, and the way to the upstreams.

use std::sync::Arc;

use super::Error;
use crate::config::Config;
use crate::config::settings::BlockAnswer;
use crate::dns::DomainName;
use crate::forward::hosts::{self, Host};
use crate::forward::{Blocked, Caps, LocalNames};
use crate::forwarder::{ForwardSettings, Route};
use crate::link::UpstreamLink;

/// What the forwarder is to do.
///
/// # Errors
/// When the hosts file cannot be read.
pub(super) fn forward_settings(config: &Config) -> Result<ForwardSettings, Error> {
    let forward = &config.forward;
    let everything = Route { zone: DomainName::root(), servers: forward.upstreams.clone(), policy: forward.policy };
    let domains = forward.domains.iter().map(|domain| Route {
        zone: domain.name.clone(),
        servers: domain.upstreams.clone(),
        policy: domain.policy,
    });
    // Whoever names servers for a domain knows whose addresses they give.
    let believed = forward.rebind_exempt.iter().chain(forward.domains.iter().map(|domain| &domain.name));
    let how = match forward.block_answer {
        BlockAnswer::Nxdomain => Blocked::NxDomain,
        BlockAnswer::Zero => Blocked::Zero,
    };
    let local = LocalNames::new(forward.domains.iter().map(|domain| &domain.name))
        .with_hosts(&hosts(config)?)
        .with_records(&config.records.split(&config.dns.zone).1);
    Ok(ForwardSettings {
        routes: domains.chain([everything]).collect(),
        caps: Caps { min_ttl: forward.min_ttl, max_ttl: forward.max_ttl, negative_ttl: forward.negative_ttl },
        own_zones: vec![config.dns.zone.clone()],
        own_negative_ttl: config.dns.negative_ttl,
        serve_stale: forward.serve_stale,
        prefetch: forward.prefetch,
        mix_case: forward.mix_case,
        rebind: forward.rebind_protection.then(|| believed.cloned().collect()),
        cache_bytes: forward.cache_size,
        rate: forward.rate,
        local: local.with_blocked(&forward.block, how),
        ..ForwardSettings::default()
    })
}

fn hosts(config: &Config) -> Result<Vec<Host>, Error> {
    let Some(file) = &config.forward.hosts else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| Error::Unavailable(format!("forward.hosts, {}: {error}", file.display())))?;
    Ok(hosts::parse(&text))
}

/// Whether some upstream is asked over TLS.
pub(super) fn are_encrypted(config: &Config) -> bool {
    let forward = &config.forward;
    let mut servers = forward.upstreams.iter().chain(forward.domains.iter().flat_map(|domain| &domain.upstreams));
    servers.any(|server| server.tls.is_some())
}

/// The network, and certificates if some upstream is asked over TLS.
pub(super) fn link(config: &Config) -> Result<Arc<UpstreamLink>, Error> {
    let forward = &config.forward;
    if !are_encrypted(config) {
        return Ok(Arc::default());
    }
    let ca = forward.tls_ca.as_deref();
    let link = UpstreamLink::with_tls(ca).map_err(|error| {
        let of = ca.map_or_else(|| "the system".to_owned(), |file| format!("forward.tls_ca, {}", file.display()));
        Error::Unavailable(format!("the certificates of {of} cannot be used: {error}"))
    })?;
    Ok(Arc::new(link))
}
