//! The words of Amazon ECS, as its API spells them: ARNs, services, tasks, task definitions, container
//! instances, and the load balancers and EC2 instances that they point at.
//!
//! Values only. Nothing here calls AWS, knows DNS, or decides what is served; the JSON form of these types is the
//! one that `dump --json` writes and that the `fixture` source reads.

pub mod arn;
pub mod definition;
pub mod event;
pub mod instance;
pub mod interface;
pub mod load_balancer;
pub mod service;
pub mod task;

pub use arn::{ArnError, ClusterArn, ContainerInstanceArn, ServiceArn, TaskArn, TaskDefinitionArn};
pub use definition::{ContainerDefinition, NetworkMode, PortMapping, Protocol, TaskDefinition};
pub use instance::{ContainerInstance, ContainerInstanceStatus, Ec2Instance, Ec2InstanceId, Ec2State};
pub use load_balancer::{LoadBalancer, LoadBalancerId, LoadBalancerRef, Scheme, TargetGroup, TargetGroupArn};
pub use service::{Cluster, Service, ServiceStatus, TaskSet};
pub use task::{Container, Health, NetworkBinding, Task, TaskStatus};

/// A point in wall-clock time, written as RFC 3339 in JSON and in TXT records.
pub use jiff::Timestamp;
