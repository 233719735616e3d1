//! The flags and variables of `[limits]`.

use clap::Args;

use super::parse;
use crate::config::Fault;
use crate::config::file::Limits;

/// What was given for `[limits]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct LimitsOverrides {
    /// TCP connections of clients, in all
    #[arg(long, env = "ECS_RESOLVER_LIMITS_TCP_CONNECTIONS", value_name = "N")]
    pub tcp_connections: Option<String>,
    /// TCP connections of one client
    #[arg(long, env = "ECS_RESOLVER_LIMITS_TCP_CONNECTIONS_PER_CLIENT", value_name = "N")]
    pub tcp_connections_per_client: Option<String>,
    /// How long a TCP connection may be silent
    #[arg(long, env = "ECS_RESOLVER_LIMITS_TCP_IDLE", value_name = "DURATION")]
    pub tcp_idle: Option<String>,
    /// Questions that wait for a DNS server, in all
    #[arg(long, env = "ECS_RESOLVER_LIMITS_QUESTIONS_UNDER_WAY", value_name = "N")]
    pub questions_under_way: Option<String>,
    /// Questions of one client that wait for a DNS server
    #[arg(long, env = "ECS_RESOLVER_LIMITS_QUESTIONS_UNDER_WAY_PER_CLIENT", value_name = "N")]
    pub questions_under_way_per_client: Option<String>,
    /// Services, tasks and container instances that are known
    #[arg(long = "inventory-limit", env = "ECS_RESOLVER_LIMITS_INVENTORY", value_name = "N")]
    pub inventory: Option<String>,
}

impl LimitsOverrides {
    /// The keys with their texts, given or not.
    pub(super) fn all(&self) -> [(&'static str, &[String]); 6] {
        [
            ("limits.tcp_connections", self.tcp_connections.as_slice()),
            ("limits.tcp_connections_per_client", self.tcp_connections_per_client.as_slice()),
            ("limits.tcp_idle", self.tcp_idle.as_slice()),
            ("limits.questions_under_way", self.questions_under_way.as_slice()),
            ("limits.questions_under_way_per_client", self.questions_under_way_per_client.as_slice()),
            ("limits.inventory", self.inventory.as_slice()),
        ]
    }
}

/// Sets one key of `[limits]`.
pub(super) fn set(spec: &mut Limits, key: &'static str, texts: &[String]) -> Result<(), Fault> {
    let text = texts.join(",");
    match key {
        "limits.tcp_connections" => spec.tcp_connections = parse(key, &text)?,
        "limits.tcp_connections_per_client" => spec.tcp_connections_per_client = parse(key, &text)?,
        "limits.tcp_idle" => spec.tcp_idle = text,
        "limits.questions_under_way" => spec.questions_under_way = parse(key, &text)?,
        "limits.questions_under_way_per_client" => spec.questions_under_way_per_client = parse(key, &text)?,
        "limits.inventory" => spec.inventory = parse(key, &text)?,
        _ => return Err(Fault::new(key, "there is no such key")),
    }
    Ok(())
}
