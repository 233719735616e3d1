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
    /// SQS, AWS JSON 1.0.
    Sqs,
    /// SNS, query protocol, version 2010-03-31.
    Sns,
    /// Route 53, REST and XML, version 2013-04-01.
    Route53,
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
    ListQueues,
    CreateQueue,
    GetQueueUrl,
    GetQueueAttributes,
    SetQueueAttributes,
    ReceiveMessage,
    DeleteMessage,
    DeleteMessageBatch,
    ListQueueTags,
    TagQueue,
    DeleteQueue,
    SendMessage,
    Subscribe,
    ListSubscriptionsByTopic,
    SetSubscriptionAttributes,
    GetSubscriptionAttributes,
    Unsubscribe,
    Publish,
    GetHostedZone,
    ListHostedZonesByName,
    ListResourceRecordSets,
    ChangeResourceRecordSets,
    GetChange,
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

const SQS: [Op; 12] = [
    Op::ListQueues,
    Op::CreateQueue,
    Op::GetQueueUrl,
    Op::GetQueueAttributes,
    Op::SetQueueAttributes,
    Op::ReceiveMessage,
    Op::DeleteMessage,
    Op::DeleteMessageBatch,
    Op::ListQueueTags,
    Op::TagQueue,
    Op::DeleteQueue,
    Op::SendMessage,
];

const SNS: [Op; 6] = [
    Op::Subscribe,
    Op::ListSubscriptionsByTopic,
    Op::SetSubscriptionAttributes,
    Op::GetSubscriptionAttributes,
    Op::Unsubscribe,
    Op::Publish,
];

const ROUTE53: [Op; 5] = [
    Op::GetHostedZone,
    Op::ListHostedZonesByName,
    Op::ListResourceRecordSets,
    Op::ChangeResourceRecordSets,
    Op::GetChange,
];

impl Op {
    /// The ECS or SQS operation behind an `X-Amz-Target` header.
    pub fn from_target(target: &str) -> Option<Self> {
        let (service, name) = target.split_once('.')?;
        let operations: &[Self] = match service {
            "AmazonEC2ContainerServiceV20141113" => &ECS,
            "AmazonSQS" => &SQS,
            _ => return None,
        };
        operations.iter().find(|op| op.action() == name).copied()
    }

    /// The operation behind the `Version` and `Action` of a query request.
    pub fn from_query(version: &str, action: &str) -> Option<Self> {
        match (version, action) {
            ("2016-11-15", "DescribeInstances") => Some(Self::DescribeInstances),
            ("2012-06-01", "DescribeLoadBalancers") => Some(Self::DescribeClassicLoadBalancers),
            ("2015-12-01", "DescribeLoadBalancers") => Some(Self::DescribeLoadBalancers),
            ("2015-12-01", "DescribeTargetGroups") => Some(Self::DescribeTargetGroups),
            ("2010-03-31", action) => SNS.into_iter().find(|op| op.action() == action),
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
            _ if SQS.contains(&self) => Api::Sqs,
            _ if SNS.contains(&self) => Api::Sns,
            _ if ROUTE53.contains(&self) => Api::Route53,
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
            Self::ListQueues => "ListQueues",
            Self::CreateQueue => "CreateQueue",
            Self::GetQueueUrl => "GetQueueUrl",
            Self::GetQueueAttributes => "GetQueueAttributes",
            Self::SetQueueAttributes => "SetQueueAttributes",
            Self::ReceiveMessage => "ReceiveMessage",
            Self::DeleteMessage => "DeleteMessage",
            Self::DeleteMessageBatch => "DeleteMessageBatch",
            Self::ListQueueTags => "ListQueueTags",
            Self::TagQueue => "TagQueue",
            Self::DeleteQueue => "DeleteQueue",
            Self::SendMessage => "SendMessage",
            Self::Subscribe => "Subscribe",
            Self::ListSubscriptionsByTopic => "ListSubscriptionsByTopic",
            Self::SetSubscriptionAttributes => "SetSubscriptionAttributes",
            Self::GetSubscriptionAttributes => "GetSubscriptionAttributes",
            Self::Unsubscribe => "Unsubscribe",
            Self::Publish => "Publish",
            Self::GetHostedZone => "GetHostedZone",
            Self::ListHostedZonesByName => "ListHostedZonesByName",
            Self::ListResourceRecordSets => "ListResourceRecordSets",
            Self::ChangeResourceRecordSets => "ChangeResourceRecordSets",
            Self::GetChange => "GetChange",
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
            Self::Sqs => Some("sqs"),
            Self::Sns => Some("sns"),
            Self::Route53 => Some("route53"),
            Self::Imds => None,
        }
    }
}
