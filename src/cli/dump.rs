//! `ecs-resolver dump`: what the running daemon knows and serves.

use std::io::ErrorKind;
use std::net::SocketAddr;

use clap::Args;

use super::current_thread;
use super::exit::{self, Failure};
use crate::http::client;

const EXAMPLES: &str = "Examples:
  ecs-resolver dump                          the records served, as a master file
  ecs-resolver dump --json > inventory.json  what ECS says is running; the fixture source reads it
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
    /// HTTP address of the daemon (its http.listen)
    #[arg(long, env = "ECS_RESOLVER_HTTP_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:9153")]
    http: SocketAddr,
}

impl Dump {
    /// Asks the daemon and prints its answer as it comes.
    ///
    /// # Errors
    /// When no daemon answers, or not with a document.
    pub fn run(self) -> Result<(), Failure> {
        let path = if self.json { "/inventory" } else { "/zone" };
        match current_thread()?.block_on(client::get(self.http, path, &mut std::io::stdout().lock())) {
            // A reader that has seen enough (`| head`) is no failure.
            Err(client::Error::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(|error| Failure::new(exit::UNAVAILABLE, &error)),
        }
    }
}
