//! Host names of our own clients. The host's resolver is us, so they must not ask it; they ask by function call.

use std::net::IpAddr;
use std::sync::Arc;

use super::{ForwardError, Forwarder, Resolved, now};
use crate::dns::{DomainName, RData, RecordType};
use crate::forward::Key;

impl Forwarder {
    /// Addresses of the host `name`, IPv4 first, through the share of exchanges that is kept for our own clients.
    /// CNAMEs are followed within the reply. An address in text form is its own answer. Empty if the name has none.
    ///
    /// # Errors
    ///
    /// When neither A nor AAAA could be had, the error of A.
    pub async fn addresses(self: &Arc<Self>, name: &str) -> Result<Vec<IpAddr>, ForwardError> {
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(vec![address]);
        }
        let name = DomainName::from_text(name).ok_or(ForwardError::NotAName)?;
        let ask = |qtype| {
            let key = Key::new(name.clone(), qtype);
            async move {
                match self.cached(key.borrow(), now()) {
                    Some(entry) => Ok(entry),
                    None => self.resolve_own(key).await,
                }
            }
        };
        match tokio::join!(ask(RecordType::A), ask(RecordType::AAAA)) {
            (Err(error), Err(_)) => Err(error),
            (v4, v6) => Ok([v4, v6].into_iter().flat_map(addresses_in).collect()),
        }
    }
}

fn addresses_in(resolved: Resolved) -> Vec<IpAddr> {
    let records = resolved.map(|entry| entry.decode(now()).answers).unwrap_or_default();
    let address = |data: &RData| match data {
        RData::A(v4) => Some(IpAddr::V4(v4.0)),
        RData::AAAA(v6) => Some(IpAddr::V6(v6.0)),
        _ => None,
    };
    records.iter().filter_map(|record| address(&record.data)).collect()
}
