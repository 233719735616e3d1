//! How the controller finds AWS: as every program does. It is not the resolver of its host, and may run where there is
//! none of ours.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

use crate::aws::HostResolver;

/// The host's own resolver.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemResolver;

#[async_trait]
impl HostResolver for SystemResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
