//! `ecs-resolver man`: the manual pages, made of the same words as `--help`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::exit::{self, Failure};
use super::{Cli, print};

const EXAMPLES: &str = "Examples:
  ecs-resolver man | man -l -
  ecs-resolver man --dir /usr/local/share/man/man1";

/// Print the manual page, or write those of all commands
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Man {
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl Man {
    /// Prints or writes.
    ///
    /// # Errors
    /// When standard output or the folder cannot be written.
    pub fn run(self) -> Result<(), Failure> {
        if let Some(dir) = self.dir {
            return clap_mangen::generate_to(Cli::command(), &dir)
                .map_err(|error| Failure::new(exit::UNAVAILABLE, &format!("{}: {error}", dir.display())));
        }
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|error| Failure::new(exit::INTERNAL, &error))?;
        print(&page)
    }
}
