//! `ecs-resolver cache`: the forwarded answers that the running daemon keeps.

use std::net::SocketAddr;

use clap::{Args, Subcommand};

use super::current_thread;
use super::dump::on_stdout;
use super::exit::{self, Failure};
use crate::dns::DomainName;
use crate::http::{Flush, client};

const EXAMPLES: &str = "Examples:
  ecs-resolver cache dump
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
    /// HTTP address of the daemon (its http.listen)
    #[arg(
        long,
        env = "ECS_RESOLVER_HTTP_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:9153",
        global = true
    )]
    http: SocketAddr,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print them, with what is left of their time
    Dump,
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
        let runtime = current_thread()?;
        let mut out = std::io::stdout().lock();
        on_stdout(match self.what {
            What::Dump => runtime.block_on(client::get(self.http, "/cache", &mut out)),
            What::Flush(which) => {
                let command = which.flush()?.to_string();
                runtime.block_on(client::post(self.http, "/cache/flush", command, &mut out))
            }
        })
    }
}

impl Which {
    fn flush(self) -> Result<Flush, Failure> {
        let read = |text: &str| {
            let no_name = || Failure::new(exit::USAGE, &format!("`{text}` is not a domain name"));
            DomainName::from_text(text).ok_or_else(no_name)
        };
        match (self.name, self.zone) {
            (Some(name), _) => read(&name).map(Flush::Name),
            (None, Some(zone)) => read(&zone).map(Flush::Zone),
            (None, None) => Ok(Flush::All),
        }
    }
}
