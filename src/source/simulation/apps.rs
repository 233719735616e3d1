//! The applications of the simulated clusters: those of the AWS reference architecture of 2016, and one of each kind
//! of service that names treat differently.

use crate::ecs::{
    ContainerDefinition, LoadBalancer, LoadBalancerId, LoadBalancerRef, NetworkMode, PortMapping, Protocol, Scheme,
    TargetGroup, TaskDefinition, TaskDefinitionArn,
};
use crate::source::sample;

/// The cluster that the demo's host is in.
pub(super) const PROD: &str = "prod";
/// Another one.
pub(super) const STAGING: &str = "staging";

/// The name of the one container of each task.
pub(super) const CONTAINER: &str = "app";

/// A port of an application.
#[derive(Debug, Clone, Copy)]
pub(super) struct Port {
    pub name: Option<&'static str>,
    pub container: u16,
    /// On the host; 0 where one is chosen at the start (bridge), of no meaning with awsvpc.
    pub host: u16,
    pub protocol: Protocol,
}

impl Port {
    const fn named(name: &'static str, container: u16) -> Self {
        Self { name: Some(name), container, host: 0, protocol: Protocol::Tcp }
    }

    const fn fixed(port: u16) -> Self {
        Self { name: None, container: port, host: port, protocol: Protocol::Tcp }
    }
}

/// What stands in front of an application.
#[derive(Debug, Clone, Copy)]
pub(super) enum Balancer {
    Classic,
    /// `app` or `net`.
    V2(&'static str),
}

/// An application, run as a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct App {
    pub cluster: &'static str,
    pub name: &'static str,
    pub desired: u32,
    pub network: NetworkMode,
    pub ports: &'static [Port],
    /// Whether its container has a health check.
    pub check: bool,
    /// Whether it runs without container instances.
    pub fargate: bool,
    pub ipv6: bool,
    /// What is in front of it, the load balancer's DNS name, and who can reach that.
    pub balancer: Option<(Balancer, &'static str, Scheme)>,
}

const AWSVPC: App = App {
    cluster: PROD,
    name: "",
    desired: 2,
    network: NetworkMode::Awsvpc,
    ports: &[Port::named("http", 8080)],
    check: false,
    fargate: false,
    ipv6: false,
    balancer: None,
};
const BRIDGE: App = App { network: NetworkMode::Bridge, ..AWSVPC };

/// All of them.
pub(super) const APPS: [App; 12] = [
    App {
        name: "TwitchApp",
        ports: &[Port::fixed(8080)],
        balancer: Some((
            Balancer::Classic,
            "internal-twitchapp-1234567890.us-east-1.elb.amazonaws.com",
            Scheme::Internal,
        )),
        ..BRIDGE
    },
    App {
        name: "GoodreadsApp",
        ports: &[Port::fixed(9090)],
        balancer: Some((
            Balancer::Classic,
            "internal-goodreadsapp-1357924680.us-east-1.elb.amazonaws.com",
            Scheme::Internal,
        )),
        ..BRIDGE
    },
    App {
        name: "PortalApp",
        desired: 3,
        check: true,
        balancer: Some((
            Balancer::V2("app"),
            "portalapp-2468013579.us-east-1.elb.amazonaws.com",
            Scheme::InternetFacing,
        )),
        ..AWSVPC
    },
    App { name: "calc", ports: &[Port::named("calc", 7070), Port::named("metrics", 9100)], check: true, ..AWSVPC },
    App { name: "web", desired: 3, check: true, ..AWSVPC },
    App { name: "jobs", ports: &[Port::named("jobs", 5000)], ..BRIDGE },
    App { name: "my_worker", desired: 1, ..AWSVPC },
    App {
        name: "stream",
        ports: &[
            Port::named("ingest", 1935),
            Port { name: Some("rtp"), container: 5004, host: 0, protocol: Protocol::Udp },
        ],
        balancer: Some((Balancer::V2("net"), "stream-0f1e2d3c4b5a6978.elb.us-east-1.amazonaws.com", Scheme::Internal)),
        ..AWSVPC
    },
    App { name: "ipv6", fargate: true, ipv6: true, ..AWSVPC },
    App { name: "empty", desired: 0, ..AWSVPC },
    App { name: "big", desired: 20, fargate: true, ..AWSVPC },
    App { cluster: STAGING, name: "api", ..AWSVPC },
];

impl App {
    pub(super) fn definition_arn(&self, revision: u32) -> TaskDefinitionArn {
        sample::task_definition(&self.name.to_lowercase(), revision)
    }

    pub(super) fn definition(&self, revision: u32) -> TaskDefinition {
        let bridge = self.network == NetworkMode::Bridge;
        let ports = self.ports.iter().map(|port| PortMapping {
            name: port.name.map(str::to_owned),
            container_port: port.container,
            host_port: bridge.then_some(port.host),
            protocol: port.protocol,
        });
        let container = ContainerDefinition {
            name: CONTAINER.to_owned(),
            essential: true,
            health_check: self.check,
            port_mappings: ports.collect(),
            docker_labels: [].into(),
        };
        let arn = self.definition_arn(revision);
        TaskDefinition { arn, network_mode: self.network, containers: vec![container] }
    }

    /// Whether two of its tasks cannot share a host.
    pub(super) fn has_fixed_ports(&self) -> bool {
        self.ports.iter().any(|port| port.host != 0)
    }

    pub(super) fn load_balancer(&self) -> Option<LoadBalancer> {
        let (balancer, dns_name, scheme) = self.balancer?;
        let id = match balancer {
            Balancer::Classic => LoadBalancerId(self.name.to_lowercase().into()),
            Balancer::V2(kind) => sample::load_balancer(kind, &self.name.to_lowercase()),
        };
        Some(LoadBalancer { id, dns_name: dns_name.to_owned(), scheme })
    }

    pub(super) fn target_group(&self) -> Option<TargetGroup> {
        let (Balancer::V2(_), ..) = self.balancer? else { return None };
        let load_balancers = self.load_balancer().into_iter().map(|balancer| balancer.id).collect();
        Some(TargetGroup { arn: sample::target_group(&self.name.to_lowercase()), load_balancers })
    }

    /// What its service declares.
    pub(super) fn declares(&self) -> Vec<LoadBalancerRef> {
        let group = self.target_group().map(|group| LoadBalancerRef::TargetGroup(group.arn));
        let classic = || self.load_balancer().map(|balancer| LoadBalancerRef::LoadBalancerName(balancer.id));
        group.or_else(classic).into_iter().collect()
    }
}
