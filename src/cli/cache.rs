//! `ecs-resolver cache`: the forwarded answers that the running daemon keeps.

use clap::{Args, Subcommand};

use super::current_thread;
use super::dump::on_stdout;
use super::exit::{self, Failure};
use super::whom::Whom;
use crate::dns::DomainName;
use crate::http::{Flush, client};

const EXAMPLES: &str = "Examples:
  ecs-resolver cache dump
  ecs-resolver cache dump --json
  ecs-resolver cache flush www.example.com
  ecs-resolver cache flush --zone example.com
  ecs-resolver cache flush --all";

/// Show or flush the forwarded answers that the running daemon keeps
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Cache {
    /// What to do.
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    whom: Whom,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print them, with what is left of their time
    Dump {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget them
    Flush(Which),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Those about this name
    name: Option<String>,
    /// Those about this name and all names below it
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Cache {
    /// Asks the daemon and prints its answer.
    ///
    /// # Errors
    /// When a name is none, or no daemon answers.
    pub fn run(self) -> Result<(), Failure> {
        let address = self.whom.address()?;
        let runtime = current_thread()?;
        let mut out = std::io::stdout().lock();
        on_stdout(match self.what {
            What::Dump { json } => {
                let path = if json { "/cache?format=json" } else { "/cache" };
                runtime.block_on(client::get(address, path, &mut out))
            }
            What::Flush(which) => {
                let command = which.flush()?.to_string();
                runtime.block_on(client::post(address, "/cache/flush", command, &mut out))
            }
        })
    }
}

impl Which {
    fn flush(self) -> Result<Flush, Failure> {
        let read = |text: &str| {
            let no_name = || Failure::new(exit::USAGE, &format!("`{text}` is not a domain name"));
            // An empty text is more often a variable of the shell that is not set than the root, which is `.`.
            DomainName::from_text(text).filter(|_| !text.is_empty()).ok_or_else(no_name)
        };
        match (self.name, self.zone) {
            (Some(name), _) => read(&name).map(Flush::Name),
            (None, Some(zone)) => read(&zone).map(Flush::Zone),
            (None, None) => Ok(Flush::All),
        }
    }
}
