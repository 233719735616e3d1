//! The AWS calls that sources make, in our words. Implemented in `aws/`, faked in tests.
//!
//! Batch sizes are the caller's business and are given with each method; an implementation may be handed less. Paging
//! of lists is the implementation's.

use std::fmt;

use async_trait::async_trait;

use crate::dns::DomainName;
use crate::ecs::{
    Cluster, ClusterArn, ContainerInstance, ContainerInstanceArn, Ec2Instance, Ec2InstanceId, LoadBalancer,
    LoadBalancerId, Service, ServiceArn, TargetGroup, TargetGroupArn, Task, TaskArn, TaskDefinition, TaskDefinitionArn,
    Timestamp,
};
use crate::route53::{ChangeId, ChangeStatus, HostedZone, HostedZoneId, RecordChange, RecordSet};

/// Why an AWS call failed, as far as it changes what we do or tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiErrorKind {
    /// Over AWS's rate, even after the SDK's retries: try again later.
    Throttled,
    /// The permission is missing.
    Denied,
    /// There are no credentials, or they were refused.
    Credentials,
    /// What was asked for does not exist (a cluster, a region).
    NotFound,
    /// A change as such is refused: it does not fit what is there, or says something that cannot be.
    Rejected,
    /// Refused for the time being, whoever asks: wait as long as the message says.
    NotYet,
    /// No answer: connection, DNS, time-out.
    Unreachable,
    /// Anything else, as the message says.
    Other,
}

impl ApiErrorKind {
    /// The value of the `result` label in metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Credentials => "credentials",
            Self::NotFound => "not_found",
            Self::Rejected => "rejected",
            Self::NotYet => "not_yet",
            Self::Unreachable => "unreachable",
            Self::Other => "error",
        }
    }
}

/// A failed AWS call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ApiError {
    /// The call as IAM spells it, which is also the permission to add when it was denied: `ecs:ListServices`.
    pub operation: &'static str,
    /// What kind of failure.
    pub kind: ApiErrorKind,
    /// AWS's own words, or the transport's.
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, message, .. } = self;
        match self.kind {
            ApiErrorKind::Throttled => write!(f, "{operation} is throttled by AWS: {message}"),
            ApiErrorKind::Denied => write!(f, "{operation} is not allowed: add {operation} to the role ({message})"),
            ApiErrorKind::Credentials => write!(f, "{operation} has no valid AWS credentials: {message}"),
            ApiErrorKind::NotFound => write!(f, "{operation} found nothing: {message}"),
            ApiErrorKind::Rejected => write!(f, "{operation} is refused: {message}"),
            ApiErrorKind::NotYet => write!(f, "{operation} must wait: {message}"),
            ApiErrorKind::Unreachable => write!(f, "{operation} got no answer: {message}"),
            ApiErrorKind::Other => write!(f, "{operation} failed: {message}"),
        }
    }
}

/// What a describe call said of the resources it was asked for.
#[derive(Debug, Clone)]
pub struct Described<T, Id> {
    /// Those that exist.
    pub found: Vec<T>,
    /// Those that AWS says do not (`failures` with reason MISSING). What is in neither was not answered for.
    pub missing: Vec<Id>,
}

impl<T, Id> Default for Described<T, Id> {
    fn default() -> Self {
        Self { found: Vec::new(), missing: Vec::new() }
    }
}

/// Amazon ECS.
#[async_trait]
pub trait EcsApi: Send + Sync {
    /// ListClusters: ARNs of all clusters of the account and region.
    async fn list_clusters(&self) -> Result<Vec<ClusterArn>, ApiError>;
    /// DescribeClusters by name or ARN, at most 100. A cluster that is not ACTIVE counts as missing.
    async fn describe_clusters(&self, clusters: &[String]) -> Result<Described<Cluster, String>, ApiError>;
    /// ListServices.
    async fn list_services(&self, cluster: &ClusterArn) -> Result<Vec<ServiceArn>, ApiError>;
    /// DescribeServices, at most 10.
    async fn describe_services(
        &self,
        cluster: &ClusterArn,
        services: &[ServiceArn],
    ) -> Result<Described<Service, ServiceArn>, ApiError>;
    /// ListTasks with desired status RUNNING.
    async fn list_tasks(&self, cluster: &ClusterArn) -> Result<Vec<TaskArn>, ApiError>;
    /// ListTasks of the service called `service`, with desired status RUNNING.
    async fn list_tasks_of(&self, cluster: &ClusterArn, service: &str) -> Result<Vec<TaskArn>, ApiError>;
    /// DescribeTasks, at most 100.
    async fn describe_tasks(
        &self,
        cluster: &ClusterArn,
        tasks: &[TaskArn],
    ) -> Result<Described<Task, TaskArn>, ApiError>;
    /// DescribeTaskDefinition.
    async fn describe_task_definition(&self, arn: &TaskDefinitionArn) -> Result<TaskDefinition, ApiError>;
    /// ListContainerInstances.
    async fn list_container_instances(&self, cluster: &ClusterArn) -> Result<Vec<ContainerInstanceArn>, ApiError>;
    /// DescribeContainerInstances, at most 100.
    async fn describe_container_instances(
        &self,
        cluster: &ClusterArn,
        instances: &[ContainerInstanceArn],
    ) -> Result<Described<ContainerInstance, ContainerInstanceArn>, ApiError>;
}

/// Amazon EC2.
#[async_trait]
pub trait Ec2Api: Send + Sync {
    /// DescribeInstances by the `instance-id` filter, at most 200, all pages. Unlike a list of ids, a filter does not
    /// fail whole when one instance is gone; those not returned are missing.
    async fn describe_instances(
        &self,
        instances: &[Ec2InstanceId],
    ) -> Result<Described<Ec2Instance, Ec2InstanceId>, ApiError>;
}

/// Elastic Load Balancing, classic and v2. The API fails a whole batch when one of it does not exist; an
/// implementation drops that one, reports it as missing and repeats.
#[async_trait]
pub trait LoadBalancerApi: Send + Sync {
    /// DescribeTargetGroups, at most 20.
    async fn describe_target_groups(
        &self,
        groups: &[TargetGroupArn],
    ) -> Result<Described<TargetGroup, TargetGroupArn>, ApiError>;
    /// DescribeLoadBalancers of v2, by ARN, at most 20.
    async fn describe_load_balancers(
        &self,
        balancers: &[LoadBalancerId],
    ) -> Result<Described<LoadBalancer, LoadBalancerId>, ApiError>;
    /// DescribeLoadBalancers of classic, by name, at most 20.
    async fn describe_classic_load_balancers(
        &self,
        names: &[LoadBalancerId],
    ) -> Result<Described<LoadBalancer, LoadBalancerId>, ApiError>;
}

/// Where a list of record sets goes on: at this one, included. As the API wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordCursor {
    /// Owner name.
    pub name: String,
    /// Type.
    pub kind: String,
    /// Set identifier, where the page ended among sets of one name and type.
    pub set_identifier: Option<String>,
}

/// A page of a list of record sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordPage {
    /// At most 300.
    pub sets: Vec<RecordSet>,
    /// What of the page cannot be said in our words (a name that is none), for people.
    pub unreadable: Vec<String>,
    /// Where it goes on; `None`: this was the last page.
    pub next: Option<RecordCursor>,
}

/// Amazon Route 53. All calls of an account share one budget of 5 a second: see
/// [`Paced`](super::hosted_zone::Paced), which every use of this port in this process goes through.
#[async_trait]
pub trait Route53Api: Send + Sync {
    /// GetHostedZone. [`ApiErrorKind::NotFound`] if there is none with this id.
    async fn hosted_zone(&self, id: &HostedZoneId) -> Result<HostedZone, ApiError>;
    /// ListHostedZonesByName: every zone of exactly this name, public ones included.
    async fn hosted_zones_named(&self, name: &DomainName) -> Result<Vec<HostedZone>, ApiError>;
    /// ListResourceRecordSets, one page of it: the first, or the one that begins at `from`.
    async fn list_record_sets(&self, zone: &HostedZoneId, from: Option<&RecordCursor>) -> Result<RecordPage, ApiError>;
    /// ChangeResourceRecordSets, all or nothing. The limits of a batch are the caller's business.
    async fn change_record_sets(&self, zone: &HostedZoneId, changes: &[RecordChange]) -> Result<ChangeId, ApiError>;
    /// GetChange.
    async fn change_status(&self, change: &ChangeId) -> Result<ChangeStatus, ApiError>;
}

/// One message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// SQS's message id, for logs.
    pub id: String,
    /// The event as the queue has it, bare or in SNS's envelope. Not trusted.
    pub body: String,
    /// What deletes this delivery of it.
    pub receipt: String,
}

/// Who reads a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Nobody else, as far as the queue's tags tell.
    Ours,
    /// Somebody else has written its name on the queue: each of the two sees part of the messages.
    Other(String),
}

/// The queue that brings this process its events: one that it was given, or one of its own below a topic.
#[async_trait]
pub trait EventQueue: Send + Sync {
    /// Makes sure that the queue is there and, if it is our own, subscribed to the topic. Idempotent: called before
    /// the first list, and again when the queue has vanished.
    async fn open(&self) -> Result<(), ApiError>;
    /// Waits for messages, up to 20 s; none if there were none. [`ApiErrorKind::NotFound`]: the queue is gone.
    async fn receive(&self) -> Result<Vec<QueueMessage>, ApiError>;
    /// Deletes what was received, by its receipts; at most 10.
    async fn delete(&self, receipts: &[String]) -> Result<(), ApiError>;
    /// Says anew that this process reads the queue, at `now`, and returns who has said so last. Two readers that both
    /// say so every few minutes find each other.
    async fn claim(&self, now: Timestamp) -> Result<Owner, ApiError>;
}
