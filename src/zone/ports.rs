//! The ports of a task: what its SRV records are made of.

use std::collections::BTreeMap;

use super::naming::labels::is_plain;
use super::readiness::TaskView;
use crate::ecs::{ContainerDefinition, NetworkMode, PortMapping, Protocol};

/// A port of a task definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port<'d> {
    /// Labels that it answers to: its name, if it has one, and its number in the container.
    pub labels: Vec<String>,
    /// A name in the manner of `SERVICE_<port>_NAME=_calc._tcp`, without underscores: a service of its own.
    pub alias: Option<(&'d str, Protocol)>,
    /// Transport protocol.
    pub protocol: Protocol,
    container: &'d str,
    mapping: &'d PortMapping,
}

/// The ports of a task definition, in its order.
#[must_use]
pub fn of_definition(containers: &[ContainerDefinition]) -> Vec<Port<'_>> {
    let listed = containers.iter().filter(|container| !is_ignored(&container.docker_labels));
    listed
        .flat_map(|container| container.port_mappings.iter().filter_map(move |mapping| port(container, mapping)))
        .collect()
}

/// Whether a container asks to be left out: `ecs-resolver.enable=false`, or registrator's `SERVICE_IGNORE`.
fn is_ignored(labels: &BTreeMap<String, String>) -> bool {
    let disabled = labels.get("ecs-resolver.enable").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    disabled || labels.get("SERVICE_IGNORE").is_some_and(|value| !value.is_empty())
}

fn port<'d>(container: &'d ContainerDefinition, mapping: &'d PortMapping) -> Option<Port<'d>> {
    let number = mapping.container_port;
    let labels = &container.docker_labels;
    let label = |key: &dyn Fn() -> String| {
        // Most containers have no labels at all: no key is made for those.
        let value = if labels.is_empty() { None } else { labels.get(&key()) };
        value.map(String::as_str).filter(|value| !value.is_empty())
    };
    if label(&|| format!("SERVICE_{number}_IGNORE")).is_some() {
        return None;
    }
    let given = label(&|| format!("ecs-resolver.port.{number}")).filter(|name| is_plain(name));
    let named = given.or(mapping.name.as_deref()).filter(|name| is_plain(name));
    let mut names: Vec<String> = named.map(str::to_ascii_lowercase).into_iter().chain([number.to_string()]).collect();
    names.dedup();
    let alias = label(&|| format!("SERVICE_{number}_NAME")).and_then(srv_alias);
    Some(Port { labels: names, alias, protocol: mapping.protocol, container: &container.name, mapping })
}

/// `_calc._tcp` → (`calc`, TCP), as service-discovery-ecs-dns understood it.
fn srv_alias(value: &str) -> Option<(&str, Protocol)> {
    let (name, protocol) = value.strip_prefix('_')?.split_once("._")?;
    let protocol =
        [Protocol::Tcp, Protocol::Udp].into_iter().find(|known| known.label().strip_prefix('_') == Some(protocol))?;
    is_plain(name).then_some((name, protocol))
}

impl Port<'_> {
    /// The number under which the port of this task is reached: the container's own with a network interface of its
    /// own, the host's otherwise. `None` while it has not been chosen.
    #[must_use]
    pub fn number(&self, view: &TaskView<'_>) -> Option<u16> {
        let PortMapping { container_port, host_port, .. } = *self.mapping;
        if view.network_mode() == Some(NetworkMode::Awsvpc) {
            return Some(container_port);
        }
        let containers = view.task.containers.iter().filter(|container| container.name == self.container);
        let bound = containers
            .flat_map(|container| &container.network_bindings)
            .find(|binding| binding.container_port == container_port && binding.protocol == self.protocol)
            .map(|binding| binding.host_port);
        let fixed = match view.network_mode() {
            Some(NetworkMode::Host) => Some(host_port.filter(|port| *port != 0).unwrap_or(container_port)),
            _ => host_port.filter(|port| *port != 0),
        };
        bound.or(fixed)
    }
}
