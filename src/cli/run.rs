//! `ecs-resolver run`: the daemon.

use std::path::PathBuf;

use clap::Args;

use super::exit::Failure;
use super::{begin, logging};
use crate::config::{self, Overrides};
use crate::daemon::{self, needs};

const EXAMPLES: &str = "Examples:
  ecs-resolver run
  ecs-resolver run --config /etc/ecs-resolver/ecs-resolver.toml
  ecs-resolver run --cluster prod --cluster batch --listen 127.0.0.1 --listen 172.17.0.1
  AWS_ENDPOINT_URL=http://127.0.0.1:5000 ecs-resolver run --region us-east-1 --listen 127.0.0.1:1053

A flag goes before its environment variable, that before the file, that before the default.";

/// Answer DNS on this host
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// Configuration file; without it /etc/ecs-resolver/ecs-resolver.toml, if there is one
    #[arg(short, long, env = "ECS_RESOLVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

impl Run {
    /// Serves until a signal. Nothing is started with a faulty configuration.
    ///
    /// # Errors
    /// The configuration's faults, or what the daemon failed of.
    pub fn run(mut self) -> Result<(), Failure> {
        logging::heed_rust_log(&mut self.overrides);
        let Self { config: file, overrides } = self;
        let load = move || config::load(file.as_deref(), &overrides).and_then(needs::judged);
        let (config, log) = begin(load())?;
        let reload = daemon::Reload { load: Box::new(load), log: Box::new(move |settings| log.to(settings)) };
        Ok(daemon::run(config, reload)?)
    }
}
