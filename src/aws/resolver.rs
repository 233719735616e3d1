//! The HTTP client under all AWS clients, and how it finds addresses: through a port, never through the host.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use async_trait::async_trait;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// Finds the addresses of AWS's endpoints. The daemon passes its own forwarder, so that the resolver of the host does
/// not wait for itself.
#[async_trait]
pub trait HostResolver: Send + Sync {
    /// IPv4 and IPv6 addresses of `name`, which is never an address literal nor `localhost`.
    ///
    /// # Errors
    /// When nobody answered, or the name has no address.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// An HTTPS client (rustls, the host's root certificates) that connects to what `resolver` says.
pub(super) fn http_client(resolver: Arc<dyn HostResolver>) -> SharedHttpClient {
    Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .build_with_resolver(Lookup(resolver))
}

#[derive(Clone)]
struct Lookup(Arc<dyn HostResolver>);

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

impl ResolveDns for Lookup {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        if name.eq_ignore_ascii_case("localhost") {
            // RFC 6761 6.3: never asked of a server.
            return DnsFuture::ready(Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]));
        }
        DnsFuture::new(async move {
            let found = self.0.addresses(name).await;
            found.map_err(|error| ResolveDnsError::new(Unresolved { name: name.to_owned(), source: error }))
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no address of {name}")]
struct Unresolved {
    name: String,
    source: io::Error,
}

#[cfg(test)]
mod tests;
