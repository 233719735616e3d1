//! What this host is: an instance in a region and zone, by instance metadata (IMDSv2). All of it is optional; a laptop
//! or an ECS Anywhere host has none.

use std::sync::Arc;
use std::time::Duration;

use aws_config::imds;
use aws_config::provider_config::ProviderConfig;
use tokio::time::timeout;

use super::resolver::{HostResolver, http_client};
use crate::ecs::Ec2InstanceId;

/// Longest wait for one answer of instance metadata, which is a hop away.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 2;
/// Longest wait for everything, so that no start hangs on it.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What instance metadata says of this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostIdentity {
    /// Region, e.g. `eu-central-1`.
    pub region: Option<String>,
    /// Availability Zone name, e.g. `eu-central-1a`.
    pub availability_zone: Option<String>,
    /// The instance.
    pub instance_id: Option<Ec2InstanceId>,
}

impl HostIdentity {
    /// Asks instance metadata, within three seconds. `AWS_EC2_METADATA_SERVICE_ENDPOINT` and
    /// `AWS_EC2_METADATA_DISABLED` are honoured, as everywhere in the SDK.
    pub async fn read(resolver: Arc<dyn HostResolver>) -> Self {
        if std::env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true")) {
            return Self::default();
        }
        Self::ask(&client(imds::Client::builder(), resolver)).await
    }

    async fn ask(imds: &imds::Client) -> Self {
        let (region, availability_zone, instance_id) = tokio::join!(
            value(imds, "/latest/meta-data/placement/region"),
            value(imds, "/latest/meta-data/placement/availability-zone"),
            value(imds, "/latest/meta-data/instance-id"),
        );
        Self { region, availability_zone, instance_id: instance_id.map(|id| Ec2InstanceId(id.as_str().into())) }
    }
}

fn client(builder: imds::client::Builder, resolver: Arc<dyn HostResolver>) -> imds::Client {
    builder
        .configure(&ProviderConfig::without_region().with_http_client(http_client(resolver)))
        .connect_timeout(ATTEMPT_TIMEOUT)
        .read_timeout(ATTEMPT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(TIMEOUT)
        .max_attempts(ATTEMPTS)
        .build()
}

async fn value(imds: &imds::Client, path: &'static str) -> Option<String> {
    let read = match timeout(TIMEOUT, imds.get(path)).await {
        Ok(Ok(text)) => text.as_ref().trim().to_owned(),
        Ok(Err(error)) => {
            tracing::debug!(path, %error, "instance metadata has no answer");
            return None;
        }
        Err(_) => {
            tracing::debug!(path, "instance metadata did not answer in time");
            return None;
        }
    };
    (!read.is_empty()).then_some(read)
}

#[cfg(test)]
mod tests;
