//! `ecs-resolver queue`: the queue that brings this host its events.

mod delete;
mod show;
mod target;

use clap::{Args, Subcommand};

use super::exit::Failure;

const EXAMPLES: &str = "Examples:
  ecs-resolver queue show
  ecs-resolver queue delete";

/// Look at the queue of events of this host, or remove it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Queue {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Show),
    Delete(delete::Delete),
}

impl Queue {
    /// Runs the command.
    ///
    /// # Errors
    /// The configuration's faults, or what AWS refused.
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Show(show) => show.run(),
            Command::Delete(delete) => delete.run(),
        }
    }
}
