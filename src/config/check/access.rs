//! The values of `[access]`.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::Judge;
use crate::access::Denial;
use crate::config::file::{self, Texts};
use crate::config::settings::{Access, Config};
use crate::config::{Fault, values};

/// Most networks in a list.
const MAX_NETWORKS: usize = 1000;
/// Fewest and most replies a second.
const RATES: RangeInclusive<i64> = 0..=1_000_000;
/// Which of the queries over the limit are told.
const SLIPS: RangeInclusive<i64> = 0..=100;

impl Judge {
    pub(super) fn access(&mut self, spec: file::Access) -> Access {
        let allow = self.networks("access.allow", &spec.allow);
        let deny = self.networks("access.deny", &spec.deny);
        for both in deny.iter().filter(|network| allow.contains(network)) {
            let fault = Fault::new("access.deny", format!("{both} is in access.allow too"));
            self.faults.push(fault.fix("remove one of the two; of networks within each other the smaller one counts"));
        }
        let rate: u32 = self.number("access.rate_limit", spec.rate_limit, &RATES);
        let words = [("refuse", Denial::Refuse), ("drop", Denial::Drop)];
        Access {
            allow,
            deny,
            denied: self.word("access.denied", &spec.denied, &words).unwrap_or(Denial::Refuse),
            own_networks: self.networks("access.own_networks", &spec.own_networks),
            rate_limit: NonZeroU32::new(rate),
            slip: self.number("access.slip", spec.slip, &SLIPS),
            cookies: spec.cookies,
            cookie_secret: spec.cookie_secret.map(|path| self.absolute("access.cookie_secret", path)),
        }
    }

    /// Networks, each once.
    fn networks(&mut self, key: &str, texts: &Texts) -> Vec<IpNet> {
        if texts.0.len() > MAX_NETWORKS {
            self.fault(key, format!("{} networks are given, {MAX_NETWORKS} are the most", texts.0.len()));
        }
        let mut networks: Vec<IpNet> = Vec::new();
        for (at, text) in texts.0.iter().enumerate().take(MAX_NETWORKS) {
            let key = format!("{key}[{at}]");
            let Some(network) = self.take(&key, values::network(text)) else { continue };
            if networks.contains(&network) {
                self.faults.push(Fault::new(key, format!("{network} is listed twice")).fix("remove one"));
            } else {
                networks.push(network);
            }
        }
        networks
    }
}

/// What an operator should know of who is let in.
pub(super) fn notices(config: &Config) -> impl Iterator<Item = String> {
    let http = config.http.listen.filter(|address| !address.ip().is_loopback());
    let http = http.map(|address| {
        format!("http.listen: {address} can be reached from outside of this host, and HTTP has no access control")
    });
    let everybody = config.access.allow.iter().filter(|network| network.prefix_len() == 0);
    let everybody = everybody.map(|network| {
        format!(
            "access.allow: {network} is everybody; name the networks of your clients, or keep the port shut to others"
        )
    });
    let own = config.access.own_networks.iter().filter(|network| network.prefix_len() == 0);
    let own = own.map(|network| {
        format!("access.own_networks: {network} is everybody, so that there is no limit for forged senders any more")
    });
    http.into_iter().chain(everybody).chain(own)
}
