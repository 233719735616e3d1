//! The operations that the fake serves, and which API each belongs to.

/// An API: how it is spoken and signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// ECS, AWS JSON 1.1.
    Ecs,
    /// EC2, query protocol, version 2016-11-15.
    Ec2,
    /// Elastic Load Balancing, classic, query protocol, version 2012-06-01.
    Classic,
    /// Elastic Load Balancing v2, query protocol, version 2015-12-01.
    V2,
    /// Instance metadata.
    Imds,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    ListClusters,
    DescribeClusters,
    ListServices,
    DescribeServices,
    ListTasks,
    DescribeTasks,
    DescribeTaskDefinition,
    ListContainerInstances,
    DescribeContainerInstances,
    DescribeInstances,
    /// `DescribeLoadBalancers` of the classic API.
    DescribeClassicLoadBalancers,
    DescribeTargetGroups,
    /// `DescribeLoadBalancers` of the v2 API.
    DescribeLoadBalancers,
    /// `PUT /latest/api/token`.
    ImdsToken,
    /// `GET /latest/…`.
    ImdsGet,
}

const ECS: [Op; 9] = [
    Op::ListClusters,
    Op::DescribeClusters,
    Op::ListServices,
    Op::DescribeServices,
    Op::ListTasks,
    Op::DescribeTasks,
    Op::DescribeTaskDefinition,
    Op::ListContainerInstances,
    Op::DescribeContainerInstances,
];

impl Op {
    /// The ECS operation behind an `X-Amz-Target` header.
    pub fn from_target(target: &str) -> Option<Self> {
        let name = target.strip_prefix("AmazonEC2ContainerServiceV20141113.")?;
        ECS.into_iter().find(|op| op.action() == name)
    }

    /// The operation behind the `Version` and `Action` of a query request.
    pub fn from_query(version: &str, action: &str) -> Option<Self> {
        match (version, action) {
            ("2016-11-15", "DescribeInstances") => Some(Self::DescribeInstances),
            ("2012-06-01", "DescribeLoadBalancers") => Some(Self::DescribeClassicLoadBalancers),
            ("2015-12-01", "DescribeLoadBalancers") => Some(Self::DescribeLoadBalancers),
            ("2015-12-01", "DescribeTargetGroups") => Some(Self::DescribeTargetGroups),
            _ => None,
        }
    }

    /// The API it belongs to.
    pub fn api(self) -> Api {
        match self {
            Self::DescribeInstances => Api::Ec2,
            Self::DescribeClassicLoadBalancers => Api::Classic,
            Self::DescribeTargetGroups | Self::DescribeLoadBalancers => Api::V2,
            Self::ImdsToken | Self::ImdsGet => Api::Imds,
            _ => Api::Ecs,
        }
    }

    /// The action as the API spells it.
    pub fn action(self) -> &'static str {
        match self {
            Self::ListClusters => "ListClusters",
            Self::DescribeClusters => "DescribeClusters",
            Self::ListServices => "ListServices",
            Self::DescribeServices => "DescribeServices",
            Self::ListTasks => "ListTasks",
            Self::DescribeTasks => "DescribeTasks",
            Self::DescribeTaskDefinition => "DescribeTaskDefinition",
            Self::ListContainerInstances => "ListContainerInstances",
            Self::DescribeContainerInstances => "DescribeContainerInstances",
            Self::DescribeInstances => "DescribeInstances",
            Self::DescribeClassicLoadBalancers | Self::DescribeLoadBalancers => "DescribeLoadBalancers",
            Self::DescribeTargetGroups => "DescribeTargetGroups",
            Self::ImdsToken => "Token",
            Self::ImdsGet => "Get",
        }
    }
}

impl Api {
    /// The service name in the credential scope of a signed request; none where requests are not signed.
    pub fn signing_name(self) -> Option<&'static str> {
        match self {
            Self::Ecs => Some("ecs"),
            Self::Ec2 => Some("ec2"),
            Self::Classic | Self::V2 => Some("elasticloadbalancing"),
            Self::Imds => None,
        }
    }
}
