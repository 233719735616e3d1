//! `ecs-resolver dump`: what the running daemon knows and serves.

use std::io::ErrorKind;

use clap::Args;

use super::current_thread;
use super::exit::{self, Failure};
use super::whom::Whom;
use crate::http::client;

const EXAMPLES: &str = "Examples:
  ecs-resolver dump                          the records served, as a master file
  ecs-resolver dump --json > inventory.json  what ECS says is running; the fixture source reads it
  ecs-resolver dump --config /etc/ecs-resolver/ecs-resolver.toml
  ecs-resolver dump --http 127.0.0.1:9154";

/// Print what the running daemon serves or knows
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Dump {
    /// Print the inventory as JSON
    #[arg(long, conflicts_with = "zone")]
    json: bool,
    /// Print the zone as a master file (the default)
    #[arg(long)]
    zone: bool,
    #[command(flatten)]
    whom: Whom,
}

impl Dump {
    /// Asks the daemon and prints its answer as it comes.
    ///
    /// # Errors
    /// When no daemon answers, or not with a document.
    pub fn run(self) -> Result<(), Failure> {
        let address = self.whom.address()?;
        let path = if self.json { "/inventory" } else { "/zone" };
        on_stdout(current_thread()?.block_on(client::get(address, path, &mut std::io::stdout().lock())))
    }
}

/// How printing what the daemon said has ended.
pub(super) fn on_stdout(result: Result<(), client::Error>) -> Result<(), Failure> {
    match result {
        // A reader that has seen enough (`| head`) is no failure.
        Err(client::Error::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| Failure::new(exit::UNAVAILABLE, &error)),
    }
}
