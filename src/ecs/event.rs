//! What EventBridge tells of ECS and EC2, in our words: from the JSON of one message to one [`Event`].
//!
//! Only reading. Whether an event concerns us, what it changes and what must be asked after it is decided by
//! `source/events`. Unknown fields are ignored, unknown types and versions are [`Detail::Ignored`]; only what is no
//! event at all is an error.

use std::time::Duration;

use super::{ClusterArn, ContainerInstance, Ec2InstanceId, Ec2State, Health, ServiceArn, Task, TaskArn, Timestamp};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// EventBridge's id of it, for logs.
    pub id: String,
    /// The account that it is from; empty if the message has none (moto's).
    pub account: String,
    /// The region that it is from; empty if the message has none.
    pub region: String,
    /// When it happened, by the clock of AWS. For metrics only: nothing is ordered by it.
    pub time: Option<Timestamp>,
    /// What happened.
    pub detail: Detail,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// "ECS Task State Change": the task as it is now, without health.
    Task(Task),
    /// "ECS Container Instance State Change": the host's registration as it is now.
    ContainerInstance(ContainerInstance),
    /// "ECS Service Action", "ECS Deployment State Change", or a successful CreateService, UpdateService or
    /// DeleteService ("AWS API Call via CloudTrail"): something about this service is different, ask what.
    Service(ServiceHint),
    /// "EC2 Instance State-change Notification".
    Ec2Instance {
        /// The machine.
        id: Ec2InstanceId,
        /// Its state.
        state: Ec2State,
    },
    /// "ecs-resolver Task Health": what a controller has seen, for all agents.
    TaskHealth(TaskHealth),
    /// Nothing that we follow, and why.
    Ignored(Ignored),
}

/// A service that something has happened to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceHint {
    /// Its cluster.
    pub cluster: ClusterArn,
    /// The service.
    pub service: ServiceArn,
}

/// Health of tasks of one cluster, as a controller publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskHealth {
    /// The cluster.
    pub cluster: ClusterArn,
    /// Start of the DescribeTasks request that reported it, by the controller's clock.
    pub at: Timestamp,
    /// The controller says something again within this time; if it does not, agents poll for themselves.
    pub interval: Duration,
    /// Tasks whose health is new; may be empty.
    pub tasks: Vec<HealthOfTask>,
}

/// Health of the containers of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthOfTask {
    /// The task.
    pub task: TaskArn,
    /// By name of the container.
    pub containers: Vec<(String, Health)>,
}

/// Why an event means nothing to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignored {
    /// A detail type that we do not follow.
    UnknownType,
    /// An envelope version that we do not know.
    UnknownVersion,
    /// An API call that failed, or one that we do not follow.
    Call,
}
