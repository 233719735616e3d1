//! The door to AWS, and the only place that names the SDK: the ports of [`source`](crate::source) for ECS, EC2, Elastic
//! Load Balancing, Route 53, SQS and SNS, and what this host can tell of itself.
//!
//! No name is ever resolved through the host here, because we are its resolver: every client connects through the
//! [`HostResolver`] that it was given. Nothing here decides what is asked or when; that is the sources' business.

mod calls;
mod clock;
pub mod ec2;
pub mod ecs;
mod error;
pub mod identity;
pub mod load_balancing;
mod resolver;
pub mod route53;
pub mod sns;
pub mod sqs;

#[cfg(test)]
mod replay;

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

pub use calls::CallObserver;
pub use ec2::Ec2;
pub use ecs::Ecs;
pub use load_balancing::LoadBalancing;
pub use resolver::HostResolver;
pub use route53::Route53;
pub use sns::Sns;
pub use sqs::Sqs;

use calls::Calls;

/// Tries of one call, the first included. AWS's buckets refill within seconds, and a source asks again anyway.
const ATTEMPTS: u32 = 4;
/// Longest time that one call takes, all its tries together.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time of one try.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time to connect, the look-up of the endpoint's name included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What the configuration says of AWS. Everything is optional: the SDK's own sources (`AWS_REGION`,
/// `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_<SERVICE>`, the profile, instance metadata) fill the gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// Region, e.g. `eu-central-1`.
    pub region: Option<String>,
}

/// The clients. They share connections, credentials and the view of AWS's clock; cloning one is cheap.
#[derive(Clone)]
pub struct Aws {
    /// Amazon ECS.
    pub ecs: Ecs,
    /// Amazon EC2.
    pub ec2: Ec2,
    /// Elastic Load Balancing, classic and v2.
    pub load_balancing: LoadBalancing,
    /// Amazon Route 53.
    pub route53: Route53,
    /// Amazon SQS.
    pub sqs: Sqs,
    /// Amazon SNS.
    pub sns: Sns,
}

impl Aws {
    /// Reads the SDK's environment and makes the clients. Asks instance metadata for the region when nothing else
    /// says it, which takes some seconds where there is none; credentials are looked for by the first call.
    /// What is missing (region, credentials) fails the calls, not this.
    pub async fn load(settings: &AwsSettings, resolver: Arc<dyn HostResolver>, observer: CallObserver) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(resolver::http_client(resolver))
            .retry_config(RetryConfig::adaptive().with_max_attempts(ATTEMPTS))
            .time_source(clock::Forward::start())
            .timeout_config(timeouts());
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        }
        Self::with_config(&loader.load().await, observer).await
    }

    /// Makes the clients of a configuration of the SDK that somebody else has made, with its connections.
    pub async fn with_config(sdk: &SdkConfig, observer: CallObserver) -> Self {
        let calls = Calls::new(observer);
        Self {
            ecs: Ecs::new(sdk, calls.clone()),
            ec2: Ec2::new(sdk, calls.clone()).await,
            load_balancing: LoadBalancing::new(sdk, calls.clone()),
            route53: Route53::new(sdk, calls.clone()),
            sqs: Sqs::new(sdk, calls.clone()),
            sns: Sns::new(sdk, calls),
        }
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_timeout(CALL_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
}
