//! The flags and variables of `[access]`.

use clap::Args;

use super::parse;
use crate::config::Fault;
use crate::config::file::{Access, Texts};

/// What was given for `[access]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct AccessOverrides {
    /// Network of clients that may ask. Repeat it, or separate by commas
    #[arg(long, env = "ECS_RESOLVER_ACCESS_ALLOW", value_name = "CIDR", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// Network of clients that may not. Repeat it, or separate by commas
    #[arg(long, env = "ECS_RESOLVER_ACCESS_DENY", value_name = "CIDR", value_delimiter = ',')]
    pub deny: Vec<String>,
    /// What those get
    #[arg(long, env = "ECS_RESOLVER_ACCESS_DENIED", value_name = "refuse|drop")]
    pub denied: Option<String>,
    /// Network of clients that are trusted not to forge; without it, those of the host. Repeat it, or separate by commas
    #[arg(long = "own-network", env = "ECS_RESOLVER_ACCESS_OWN_NETWORKS", value_name = "CIDR", value_delimiter = ',')]
    pub own_networks: Vec<String>,
    /// Replies a second to every other client over UDP; 0 for any number
    #[arg(long, env = "ECS_RESOLVER_ACCESS_RATE_LIMIT", value_name = "N")]
    pub rate_limit: Option<String>,
    /// Which of the queries over the limit is told to come over TCP: every second, every third and so on; 0 for none
    #[arg(long, env = "ECS_RESOLVER_ACCESS_SLIP", value_name = "N")]
    pub slip: Option<String>,
    /// Whether clients are given DNS cookies
    #[arg(long, env = "ECS_RESOLVER_ACCESS_COOKIES", value_name = "true|false")]
    pub cookies: Option<String>,
    /// File with the secret of the cookies
    #[arg(long, env = "ECS_RESOLVER_ACCESS_COOKIE_SECRET", value_name = "FILE")]
    pub cookie_secret: Option<String>,
}

impl AccessOverrides {
    /// The keys with their texts, given or not.
    pub(super) fn all(&self) -> [(&'static str, &[String]); 8] {
        [
            ("access.allow", &self.allow),
            ("access.deny", &self.deny),
            ("access.denied", self.denied.as_slice()),
            ("access.own_networks", &self.own_networks),
            ("access.rate_limit", self.rate_limit.as_slice()),
            ("access.slip", self.slip.as_slice()),
            ("access.cookies", self.cookies.as_slice()),
            ("access.cookie_secret", self.cookie_secret.as_slice()),
        ]
    }
}

/// Sets one key of `[access]`.
pub(super) fn set(spec: &mut Access, key: &'static str, texts: &[String]) -> Result<(), Fault> {
    let list = || Texts(texts.to_vec());
    let text = || texts.join(",");
    match key {
        "access.allow" => spec.allow = list(),
        "access.deny" => spec.deny = list(),
        "access.denied" => spec.denied = text(),
        "access.own_networks" => spec.own_networks = list(),
        "access.rate_limit" => spec.rate_limit = parse(key, &text())?,
        "access.slip" => spec.slip = parse(key, &text())?,
        "access.cookies" => spec.cookies = parse(key, &text())?,
        "access.cookie_secret" => spec.cookie_secret = Some(text()),
        _ => return Err(Fault::new(key, "there is no such key")),
    }
    Ok(())
}
