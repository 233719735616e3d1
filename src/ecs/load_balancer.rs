//! Load balancers that services stand behind: classic ones by name, application and network ones through their
//! target groups.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// ARN of a target group (Elastic Load Balancing v2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetGroupArn(pub Arc<str>);

impl TargetGroupArn {
    /// The ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A load balancer's identity: the name of a classic one, the ARN of a v2 one. ARNs contain a `:`, names cannot, so
/// one text form serves both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoadBalancerId(pub Arc<str>);

impl LoadBalancerId {
    /// Name or ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoadBalancerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a service or task set declares in `loadBalancers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalancerRef {
    /// A classic load balancer, by name.
    LoadBalancerName(LoadBalancerId),
    /// A target group of an application, network or gateway load balancer.
    TargetGroup(TargetGroupArn),
}

/// A target group and the load balancers that send to it (usually one; none counts as no load balancer).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Identity.
    pub arn: TargetGroupArn,
    /// ARNs of its load balancers.
    #[serde(default)]
    pub load_balancers: Vec<LoadBalancerId>,
}

/// Who can reach a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// The VPC; preferred when a service has several load balancers.
    Internal,
    /// Everybody.
    InternetFacing,
}

/// A load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Identity.
    pub id: LoadBalancerId,
    /// Its public DNS name, without a trailing dot.
    pub dns_name: String,
    /// Who can reach it.
    pub scheme: Scheme,
}
