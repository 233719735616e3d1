//! EC2 instances, and the container instances on them.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;
use serde_json::{Value, json};

/// An EC2 instance that is a container instance, as `World::add_host` made it.
#[derive(Clone, Debug)]
pub struct Host {
    pub instance_id: String,
    pub container_instance_arn: String,
    pub private_ip: Ipv4Addr,
    pub availability_zone: String,
}

/// A container instance, as `DescribeContainerInstances` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerInstance {
    pub container_instance_arn: String,
    pub ec2_instance_id: String,
    pub version: Option<i64>,
    /// ACTIVE, DRAINING, REGISTERING, DEREGISTERING, `REGISTRATION_FAILED`, INACTIVE.
    pub status: String,
    pub agent_connected: bool,
    /// Seconds since the epoch.
    pub registered_at: f64,
    /// `{name, value}` pairs.
    pub attributes: Vec<Value>,
}

impl ContainerInstance {
    pub(super) fn new(arn: &str, instance_id: &str, availability_zone: &str, registered_at: f64) -> Self {
        Self {
            container_instance_arn: arn.to_owned(),
            ec2_instance_id: instance_id.to_owned(),
            version: Some(1),
            status: "ACTIVE".to_owned(),
            agent_connected: true,
            registered_at,
            attributes: vec![json!({ "name": "ecs.availability-zone", "value": availability_zone })],
        }
    }

    /// A new status, a later version.
    pub fn status(&mut self, status: &str) -> &mut Self {
        status.clone_into(&mut self.status);
        self.version = self.version.map(|version| version + 1);
        self
    }
}

/// An EC2 instance.
#[derive(Clone, Debug)]
pub struct Instance {
    pub instance_id: String,
    /// None while there is none: pending, or terminated.
    pub private_ip: Option<Ipv4Addr>,
    pub ipv6: Vec<Ipv6Addr>,
    /// pending, running, shutting-down, terminated, stopping, stopped.
    pub state: String,
    pub availability_zone: String,
}

impl Instance {
    pub(super) fn new(id: &str, private_ip: Ipv4Addr, availability_zone: &str) -> Self {
        Self {
            instance_id: id.to_owned(),
            private_ip: Some(private_ip),
            ipv6: Vec::new(),
            state: "running".to_owned(),
            availability_zone: availability_zone.to_owned(),
        }
    }

    /// A new state; a terminated instance loses its addresses.
    pub fn state(&mut self, state: &str) -> &mut Self {
        state.clone_into(&mut self.state);
        if state == "terminated" {
            self.private_ip = None;
            self.ipv6.clear();
        }
        self
    }
}
