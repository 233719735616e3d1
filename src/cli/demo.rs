//! `ecs-resolver demo`: the daemon on a made-up cluster.

use clap::{Args, value_parser};

use super::exit::{self, Failure};
use super::logging;
use crate::config::file::{Spec, Texts};
use crate::config::{DemoSettings, Faults, Overrides, World, check, host};
use crate::daemon;

const EXAMPLES: &str = "Examples:
  ecs-resolver demo
  dig @127.0.0.1 -p 1053 twitchapp.ecs.internal
  ecs-resolver demo --services 1000 --tasks 3 --no-churn
  dig @127.0.0.1 -p 1053 svc-0000.ecs.internal";

/// Most tasks of a synthetic cluster, all services together.
const MAX_TASKS: u64 = 1_000_000;
/// Upstreams taken from resolv.conf; the C library reads no more either.
const MAX_NAMESERVERS: usize = 3;

/// Answer DNS for a made-up cluster: no AWS, no root
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Demo {
    /// Make up this many equal services instead of the simulated applications
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=100_000))]
    services: Option<u32>,
    /// Tasks of each service
    #[arg(long, value_name = "N", default_value_t = 3, requires = "services")]
    tasks: u32,
    /// Let nothing change as time passes
    #[arg(long)]
    no_churn: bool,
    /// Where changes are drawn from: the same number gives the same history
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Address to answer DNS on. Repeat it, or separate by commas
    #[arg(long, value_name = "ADDR[:PORT]", value_delimiter = ',', default_value = "127.0.0.1:1053")]
    listen: Vec<String>,
    /// Address of health, metrics and dumps, or `off`
    #[arg(long, value_name = "ADDR:PORT|off", default_value = "127.0.0.1:9153")]
    http: String,
    /// DNS server for everything else; without it, those of /etc/resolv.conf
    #[arg(long = "upstream", value_name = "ADDR[:PORT]", value_delimiter = ',')]
    upstreams: Vec<String>,
    /// Threads that answer UDP
    #[arg(long, value_name = "N", default_value = "1")]
    workers: String,
    /// What is logged; RUST_LOG is read as well
    #[arg(long, value_name = "FILTER")]
    log_level: Option<String>,
}

impl Demo {
    /// Serves until a signal.
    ///
    /// # Errors
    /// Faults of the arguments, or what the daemon failed of.
    pub fn run(self) -> Result<(), Failure> {
        let resolv_conf = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        let settings = self.settings(&resolv_conf)?;
        logging::start(&settings.config.log);
        Ok(daemon::demo(settings)?)
    }

    /// What the arguments mean on a host with this resolv.conf.
    fn settings(self, resolv_conf: &str) -> Result<DemoSettings, Failure> {
        let world = match self.services {
            None => World::Simulated,
            Some(services) if u64::from(services) * u64::from(self.tasks) <= MAX_TASKS => {
                World::Synthetic { services, tasks: self.tasks }
            }
            Some(_) => {
                let message = format!("--services times --tasks is more than {MAX_TASKS}; give fewer of either");
                return Err(Failure::new(exit::USAGE, &message));
            }
        };
        let mut overrides = Overrides {
            listen: self.listen,
            http: Some(self.http),
            upstreams: self.upstreams,
            workers: Some(self.workers),
            log_level: self.log_level,
            ..Overrides::default()
        };
        logging::heed_rust_log(&mut overrides);
        let faults = |found| Failure::new(exit::USAGE, &Faults::new(None, found, &[].into()));
        let config = check::check(spec(resolv_conf), &overrides).map_err(faults)?;
        Ok(DemoSettings { config, world, churn: !self.no_churn, seed: self.seed })
    }
}

/// The settings under the flags: no ECS, no Route 53, and the host's own upstreams.
fn spec(resolv_conf: &str) -> Spec {
    let mut spec = Spec::default();
    "off".clone_into(&mut spec.ecs.source);
    "off".clone_into(&mut spec.route53.fallback);
    let nameservers = host::nameservers(resolv_conf);
    if !nameservers.is_empty() {
        let mut texts: Vec<_> = nameservers.iter().take(MAX_NAMESERVERS).map(ToString::to_string).collect();
        texts.dedup();
        spec.forward.upstreams = Texts(texts);
    }
    spec
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        demo: Demo,
    }

    fn settings(arguments: &[&str], resolv_conf: &str) -> Result<DemoSettings, Failure> {
        let command = Flags::command().mut_args(|argument| argument.env(None));
        let matches = command.get_matches_from(std::iter::once(&"test").chain(arguments));
        Flags::from_arg_matches(&matches).unwrap().demo.settings(resolv_conf)
    }

    #[test]
    fn the_demo_needs_no_arguments() {
        let demo = settings(&[], "nameserver 10.0.0.2\nnameserver 10.0.0.2\n").unwrap();
        assert_eq!((demo.world, demo.churn, demo.seed), (World::Simulated, true, 1));
        assert_eq!(demo.config.dns.listen, ["127.0.0.1:1053".parse().unwrap()]);
        assert_eq!(demo.config.http.listen, Some("127.0.0.1:9153".parse().unwrap()));
        assert_eq!(demo.config.forward.upstreams, ["10.0.0.2:53".parse::<std::net::SocketAddr>().unwrap().into()]);
        assert_eq!(demo.config.route53.fallback, crate::config::settings::Fallback::Off);
        let bare = settings(&[], "").unwrap().config.forward.upstreams;
        assert_eq!(bare, ["169.254.169.253:53".parse::<std::net::SocketAddr>().unwrap().into()]);
    }

    #[test]
    fn the_synthetic_demo_is_as_asked() {
        let line = "--services 1000 --tasks 3 --no-churn --listen 127.0.0.1:1053 --http 127.0.0.1:9153 \
                    --upstream 127.0.0.1:5300 --workers 2 --seed 7";
        let demo = settings(&line.split_whitespace().collect::<Vec<_>>(), "").unwrap();
        assert_eq!(demo.world, World::Synthetic { services: 1000, tasks: 3 });
        assert_eq!((demo.churn, demo.seed, demo.config.dns.workers), (false, 7, 2));
        assert_eq!(demo.config.forward.upstreams, ["127.0.0.1:5300".parse::<std::net::SocketAddr>().unwrap().into()]);
    }

    #[test]
    fn wrong_arguments_are_wrong_usage() {
        let many = settings(&["--services", "100000", "--tasks", "11"], "").unwrap_err();
        assert_eq!(many.code, exit::USAGE);
        let faults = settings(&["--listen", "here", "--workers", "0", "--upstream", "127.0.0.1:1053"], "").unwrap_err();
        assert_eq!(faults.code, exit::USAGE);
        assert!(faults.message.contains("dns.listen[0]") && faults.message.contains("dns.workers"), "{faults:?}");
        let own = settings(&["--upstream", "127.0.0.1:1053"], "").unwrap_err();
        assert!(own.message.contains("loop"), "{own:?}");
    }
}
