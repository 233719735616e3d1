//! `ecs-resolver man`: the manual pages, made of the same words as `--help`.

use std::path::PathBuf;

use clap::Args;

use super::exit::{self, Failure};
use super::{print, sorted};

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
        let mut command = sorted::command().disable_help_subcommand(true);
        // Gives the subcommands the names of their pages.
        command.build();
        let Some(dir) = self.dir else { return print(page(command)?.as_bytes()) };
        for one in all(&command) {
            let file = dir.join(clap_mangen::Man::new(one.clone()).get_filename());
            std::fs::write(&file, page(one)?)
                .map_err(|error| Failure::new(exit::UNAVAILABLE, &format!("{}: {error}", file.display())))?;
        }
        Ok(())
    }
}

/// A command and every one below it.
fn all(command: &clap::Command) -> Vec<clap::Command> {
    let below = command.get_subcommands().flat_map(all);
    below.chain([command.clone()]).collect()
}

/// The page of one command. Its last words, examples for the most part, keep their lines: clap_mangen would have them
/// filled and justified like prose.
fn page(command: clap::Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(|error| Failure::new(exit::INTERNAL, &error))?;
    Ok(String::from_utf8_lossy(&page).replace("\n.SH EXTRA\n", "\n.SH EXAMPLES AND NOTES\n.nf\n"))
}
