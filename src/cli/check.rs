//! `ecs-resolver check`: judges the configuration without starting anything.

use std::path::PathBuf;

use clap::Args;

use super::exit::{self, Failure};
use super::{logging, print};
use crate::config::{self, Overrides, show};
use crate::daemon::needs;

const EXAMPLES: &str = "Examples:
  ecs-resolver check
  ecs-resolver check --config config/ecs-resolver.toml
  ecs-resolver check --json | jq .config.dns

Exit status 78 if anything is wrong; then every fault is on standard error, one per line.";

/// Tell what is wrong with the configuration, or which settings hold
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// Configuration file; without it /etc/ecs-resolver/ecs-resolver.toml, if there is one
    #[arg(short, long, env = "ECS_RESOLVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON: the settings, or the faults
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

impl Check {
    /// Prints the effective settings.
    ///
    /// # Errors
    /// The configuration's faults.
    pub fn run(mut self) -> Result<(), Failure> {
        logging::heed_rust_log(&mut self.overrides);
        let loaded = config::load(self.config.as_deref(), &self.overrides).and_then(needs::judged_from_outside);
        if self.json {
            let value = loaded.as_ref().map_or_else(|faults| serde_json::json!(faults), show::json);
            print(format!("{value:#}\n").as_bytes())?;
        } else if let Ok(loaded) = &loaded {
            print(show::table(loaded).as_bytes())?;
        }
        loaded.map(drop).map_err(|faults| Failure::new(exit::CONFIG, &faults))
    }
}
