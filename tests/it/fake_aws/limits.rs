//! The request rates of AWS: which token bucket a call draws from, and how large each is.
//!
//! Sources: the request throttling pages of the ECS, EC2 and Elastic Load Balancing guides. Limits are per account
//! and Region; the fake is one account.

use std::time::Instant;

use super::op::Op;

/// A token bucket that several operations share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// ECS "cluster resource read": tasks and container instances.
    ClusterResourceRead,
    /// ECS "service read".
    ServiceRead,
    /// ECS "cluster read".
    ClusterRead,
    /// ECS "task definition read".
    TaskDefinitionRead,
    /// EC2 non-mutating actions.
    Ec2Read,
    /// EC2 describes with neither filter nor pagination.
    Ec2Unfiltered,
    /// Classic load balancers.
    ClassicRead,
    /// v2 load balancers.
    V2Read,
    /// Everything of Route 53.
    Route53,
}

impl Bucket {
    /// Every bucket.
    pub const ALL: [Self; 9] = [
        Self::ClusterResourceRead,
        Self::ServiceRead,
        Self::ClusterRead,
        Self::TaskDefinitionRead,
        Self::Ec2Read,
        Self::Ec2Unfiltered,
        Self::ClassicRead,
        Self::V2Read,
        Self::Route53,
    ];

    /// The burst (tokens) and the refill (tokens per second) that AWS documents.
    pub fn aws_rate(self) -> (u32, f64) {
        match self {
            Self::ClusterResourceRead | Self::ServiceRead | Self::Ec2Read => (100, 20.0),
            Self::ClusterRead | Self::TaskDefinitionRead => (50, 20.0),
            Self::Ec2Unfiltered => (50, 10.0),
            Self::ClassicRead | Self::V2Read => (40, 10.0),
            Self::Route53 => (5, 5.0),
        }
    }

    /// The bucket that a call of `op` draws from. `narrowed` says whether an EC2 describe has a filter or pages.
    pub fn of(op: Op, narrowed: bool) -> Option<Self> {
        match op {
            Op::ListTasks | Op::DescribeTasks | Op::ListContainerInstances | Op::DescribeContainerInstances => {
                Some(Self::ClusterResourceRead)
            }
            Op::ListServices | Op::DescribeServices => Some(Self::ServiceRead),
            Op::ListClusters | Op::DescribeClusters => Some(Self::ClusterRead),
            Op::DescribeTaskDefinition => Some(Self::TaskDefinitionRead),
            Op::DescribeInstances if narrowed => Some(Self::Ec2Read),
            Op::DescribeInstances => Some(Self::Ec2Unfiltered),
            Op::DescribeClassicLoadBalancers => Some(Self::ClassicRead),
            Op::DescribeTargetGroups | Op::DescribeLoadBalancers => Some(Self::V2Read),
            Op::GetHostedZone
            | Op::ListHostedZonesByName
            | Op::ListResourceRecordSets
            | Op::ChangeResourceRecordSets
            | Op::GetChange => Some(Self::Route53),
            // SQS takes any number of calls; SNS's limits are far above what tests do; IMDS has none that we know.
            _ => None,
        }
    }
}

/// The fill of one bucket.
#[derive(Clone, Debug)]
pub struct Tokens {
    burst: f64,
    per_second: f64,
    left: f64,
    since: Instant,
}

impl Tokens {
    /// A full bucket.
    pub fn full(burst: u32, per_second: f64, now: Instant) -> Self {
        Self { burst: f64::from(burst), per_second, left: f64::from(burst), since: now }
    }

    /// Takes one token; false if there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.since).as_secs_f64();
        self.left = self.per_second.mul_add(elapsed, self.left).min(self.burst);
        self.since = now;
        let any = self.left >= 1.0;
        if any {
            self.left -= 1.0;
        }
        any
    }
}
