//! `ecs-resolver controller`: registers the services of ECS in a private hosted zone of Route 53.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::exit::{self, Failure};
use super::{begin, logging, print};
use crate::config::settings::{Clusters, Source};
use crate::config::{self, Config, Overrides, values};
use crate::daemon::controller::{self, Outcome, Planned};
use crate::register::report;
use crate::source::queue::sweep::Abandoned;

const EXAMPLES: &str = "Examples:
  ecs-resolver controller --plan --cluster prod
  ecs-resolver controller --plan --json | jq .groups
  ecs-resolver controller --once --cluster prod --adopt
  ecs-resolver controller --cluster prod --zone-id Z0123456789ABCDEFGHIJ

Exit status: 0 the zone says what it should, or the plan is whole; 69 the zone could not be read;
75 not all could be read or changed; 77 deletes were refused because they are too many;
78 wrong configuration.";

/// Register services in Route 53
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Controller {
    /// Configuration file; without it /etc/ecs-resolver/ecs-resolver.toml, if there is one
    #[arg(short, long, env = "ECS_RESOLVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the changes that would be made, and make none
    #[arg(long, conflicts_with = "once")]
    plan: bool,
    /// With --plan: print JSON
    #[arg(long, requires = "plan")]
    json: bool,
    /// Reconcile once, wait until Route 53 has the changes everywhere, and end
    #[arg(long)]
    once: bool,
    /// Delete however many names are due; without it, never more at once than a fifth of ours, or five
    #[arg(long)]
    allow_mass_delete: bool,
    #[command(flatten)]
    overrides: Overrides,
}

impl Controller {
    /// Reconciles until a signal, once, or not at all.
    ///
    /// # Errors
    /// The configuration's faults, or what could not be done.
    pub fn run(mut self) -> Result<(), Failure> {
        logging::heed_rust_log(&mut self.overrides);
        let (config, _) = begin(config::load(self.config.as_deref(), &self.overrides))?;
        judge(&config)?;
        if !self.plan && !self.once {
            return Ok(controller::serve(&config, self.allow_mass_delete)?);
        }
        if self.once {
            return ended(
                &controller::once(&config, self.allow_mass_delete)?,
                "so nothing that it decides was changed",
            );
        }
        let planned = controller::plan(&config, self.allow_mass_delete)?;
        print(if self.json { as_json(&planned) } else { as_table(&planned) }.as_bytes())?;
        ended(&planned.outcome, "so the plan is not complete")?;
        if planned.queues.is_some_and(|(look, _)| !look.complete) {
            let text = "not all queues of hosts that are gone could be looked for; the log says why";
            return Err(Failure::new(exit::INCOMPLETE, &text));
        }
        Ok(())
    }
}

/// Whether all that the plan rests on was read.
fn is_complete(planned: &Planned) -> bool {
    planned.outcome.complete && planned.queues.as_ref().is_none_or(|(look, _)| look.complete)
}

fn as_json(planned: &Planned) -> String {
    let Planned { outcome, queues } = planned;
    let mut json = report::json(&outcome.plan, &outcome.desired, is_complete(planned));
    let queue = |it: &Abandoned| json!({ "name": it.url.name(), "cluster": it.cluster, "instance": it.instance });
    let queues = queues.as_ref().map(|(look, _)| look.found.iter().map(queue).collect::<Vec<_>>());
    json["queues"] = queues.into();
    format!("{json:#}\n")
}

fn as_table(planned: &Planned) -> String {
    let Planned { outcome, queues } = planned;
    let mut table = report::table(&outcome.plan, &outcome.desired, is_complete(planned));
    if let Some((look, grace)) = queues {
        let grace = values::duration_text(*grace);
        let line = |it: &Abandoned| {
            let (name, instance, cluster) = (it.url.name(), &it.instance, &it.cluster);
            format!(
                "Queue to remove: {name}, once {instance} has been gone from cluster {cluster} for {grace} and nobody \
                 reads it\n"
            )
        };
        table.extend(look.found.iter().map(line));
    }
    table
}

/// What a resolver may do and a controller may not.
fn judge(config: &Config) -> Result<(), Failure> {
    let fault = |text: &str| Err(Failure::new(exit::CONFIG, &text));
    if config.ecs.source != Source::Describe {
        return fault("ecs.source: a controller registers what AWS says, and nothing else; give \"describe\"");
    }
    if config.ecs.clusters == Clusters::All {
        return fault("ecs.clusters: only default clusters have names to register; name them");
    }
    Ok(())
}

/// How the process ends after an errand; `therefore`: what comes of an ECS that could not be read.
fn ended(outcome: &Outcome, therefore: &str) -> Result<(), Failure> {
    if outcome.plan.refused.is_some() {
        let refused = report::notes(&outcome.plan, &outcome.desired).pop().unwrap_or_default();
        return Err(Failure::new(exit::REFUSED, &refused));
    }
    let failed: Vec<_> = outcome.applied.failed.iter().map(|it| format!("{}: {}", it.group.name, it.error)).collect();
    if !failed.is_empty() {
        return Err(Failure::new(exit::INCOMPLETE, &format!("not changed: {}", failed.join("; "))));
    }
    if !outcome.complete {
        let text = format!("not all of ECS could be read, {therefore}; the log says why");
        return Err(Failure::new(exit::INCOMPLETE, &text));
    }
    Ok(())
}
