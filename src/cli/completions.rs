//! `ecs-resolver completions`: for the shells.

use clap::Args;
use clap_complete::Shell;

use super::exit::Failure;
use super::{print, sorted};

const EXAMPLES: &str = "Examples:
  ecs-resolver completions bash > /etc/bash_completion.d/ecs-resolver
  ecs-resolver completions zsh > \"${fpath[1]}/_ecs-resolver\"";

/// Print a shell's completions
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints them.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut sorted::command(), "ecs-resolver", &mut script);
        if self.shell == Shell::Bash {
            // https://github.com/clap-rs/clap/issues/6421: with a hyphen in the program's name, the labels of the
            // subcommands are not those that are looked for, so their flags would never be completed.
            let mended = String::from_utf8_lossy(&script).replace("ecs__subcmd__resolver", "ecs__resolver");
            return print(mended.as_bytes());
        }
        print(&script)
    }
}
