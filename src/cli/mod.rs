//! The command line: one file per subcommand. They read arguments, call what does the work, and print.

pub mod cache;
pub mod check;
pub mod completions;
pub mod controller;
pub mod demo;
pub mod dump;
pub mod exit;
pub(crate) mod logging;
pub mod man;
pub mod queue;
pub mod run;
mod sorted;
mod whom;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{FromArgMatches, Parser, Subcommand};
use exit::Failure;
use logging::Relevel;
use tokio::runtime::Runtime;

use crate::config::{Config, Faults, Loaded};

const EXAMPLES: &str = "Examples:
  ecs-resolver demo                          a made-up cluster on 127.0.0.1:1053
  ecs-resolver check                         what is wrong with the configuration, or what holds
  ecs-resolver run --cluster prod            serve a cluster
  ecs-resolver dump                          what the running daemon serves
  ecs-resolver controller --plan             what would be registered in Route 53
  ecs-resolver queue show                    the queue that brings its events

Exit status: 0 success, 64 wrong usage, 69 something needed is not there, 70 internal fault,
75 not all could be done, 77 too many deletes, 78 wrong configuration.";

/// A local DNS resolver and discovery proxy for Amazon ECS container instances
#[derive(Debug, Parser)]
#[command(name = "ecs-resolver", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Controller(controller::Controller),
    Demo(demo::Demo),
    Check(check::Check),
    Dump(dump::Dump),
    Queue(queue::Queue),
    Cache(cache::Cache),
    Completions(completions::Completions),
    Man(man::Man),
}

/// The whole program: reads the arguments, runs the command, tells how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let parsed = sorted::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let result = match parsed {
        Ok(cli) => cli.command.run(),
        // clap prints help and version itself; whether that works changes nothing.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { exit::USAGE } else { exit::OK }.into();
        }
    };
    match result {
        Ok(()) => exit::OK.into(),
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "{}", failure.message);
            failure.code.into()
        }
    }
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Run(run) => run.run(),
            Self::Controller(controller) => controller.run(),
            Self::Demo(demo) => demo.run(),
            Self::Check(check) => check.run(),
            Self::Dump(dump) => dump.run(),
            Self::Queue(queue) => queue.run(),
            Self::Cache(cache) => cache.run(),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

/// Starts the log of a command as its configuration says, and has the log tell what is worth a word in that.
fn begin(loaded: Result<Loaded, Faults>) -> Result<(Config, Relevel), Failure> {
    let Loaded { config, notices, .. } = loaded.map_err(|faults| Failure::new(exit::CONFIG, &faults))?;
    let log = logging::start(&config.log);
    for notice in notices {
        tracing::warn!("{notice}");
    }
    Ok((config, log))
}

/// A runtime for a command that asks one thing.
fn current_thread() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(exit::INTERNAL, &error))
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no failure.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(exit::UNAVAILABLE, &format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
