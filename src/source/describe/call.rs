//! The AWS calls that a pass makes: names, buckets, batch sizes.

use crate::source::pace::Bucket;

/// One of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Call {
    ListClusters,
    DescribeClusters,
    ListServices,
    DescribeServices,
    ListTasks,
    DescribeTasks,
    ListContainerInstances,
    DescribeContainerInstances,
    DescribeTaskDefinition,
    DescribeInstances,
    DescribeTargetGroups,
    DescribeLoadBalancers,
    DescribeClassicLoadBalancers,
}

impl Call {
    /// As IAM spells it: the permission that it needs.
    pub(in crate::source) fn operation(self) -> &'static str {
        match self {
            Self::ListClusters => "ecs:ListClusters",
            Self::DescribeClusters => "ecs:DescribeClusters",
            Self::ListServices => "ecs:ListServices",
            Self::DescribeServices => "ecs:DescribeServices",
            Self::ListTasks => "ecs:ListTasks",
            Self::DescribeTasks => "ecs:DescribeTasks",
            Self::ListContainerInstances => "ecs:ListContainerInstances",
            Self::DescribeContainerInstances => "ecs:DescribeContainerInstances",
            Self::DescribeTaskDefinition => "ecs:DescribeTaskDefinition",
            Self::DescribeInstances => "ec2:DescribeInstances",
            Self::DescribeTargetGroups => "elasticloadbalancing:DescribeTargetGroups",
            Self::DescribeLoadBalancers | Self::DescribeClassicLoadBalancers => {
                "elasticloadbalancing:DescribeLoadBalancers"
            }
        }
    }

    /// Its name among all calls: two of them share a permission.
    pub(in crate::source) fn name(self) -> &'static str {
        match self {
            Self::DescribeClassicLoadBalancers => "elasticloadbalancing:DescribeLoadBalancers (classic)",
            other => other.operation(),
        }
    }

    /// The bucket that AWS counts it in.
    pub(in crate::source) fn bucket(self) -> Bucket {
        match self {
            Self::ListClusters | Self::DescribeClusters => Bucket::Cluster,
            Self::ListServices | Self::DescribeServices => Bucket::Service,
            Self::ListTasks | Self::DescribeTasks | Self::ListContainerInstances | Self::DescribeContainerInstances => {
                Bucket::ClusterResource
            }
            Self::DescribeTaskDefinition => Bucket::TaskDefinition,
            Self::DescribeInstances => Bucket::Ec2,
            Self::DescribeTargetGroups | Self::DescribeLoadBalancers => Bucket::LoadBalancer,
            Self::DescribeClassicLoadBalancers => Bucket::ClassicLoadBalancer,
        }
    }

    /// Resources that one request, or one page of a list, holds at most.
    pub(in crate::source) fn batch(self) -> usize {
        match self {
            Self::DescribeTaskDefinition => 1,
            Self::DescribeServices => 10,
            Self::DescribeTargetGroups | Self::DescribeLoadBalancers | Self::DescribeClassicLoadBalancers => 20,
            Self::DescribeInstances => 200,
            Self::ListClusters
            | Self::DescribeClusters
            | Self::ListServices
            | Self::ListTasks
            | Self::DescribeTasks
            | Self::ListContainerInstances
            | Self::DescribeContainerInstances => 100,
        }
    }
}
