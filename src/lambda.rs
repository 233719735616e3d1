//! The controller as an AWS Lambda function: takes one event of EventBridge and does one reconcile of the
//! clusters that it is set to if the event is about one of them. It stands where the Python function of the reference architecture of 2016 stood, behind the same rule.
//!
//! It keeps nothing between two events, and all its settings are environment variables. What it could not do is an
//! error of the invocation: Lambda then invokes it again with the same event, twice, and counts it.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

use crate::cli::{exit, logging};
use crate::config::settings::Clusters;
use crate::config::{self, Config, Overrides};
use crate::daemon::controller::{self, Outcome};
use crate::ecs::ClusterArn;
use crate::ecs::event::{self, Detail, ServiceHint};
use crate::inventory::ServiceKey;
use crate::register::{Kind, report};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The whole program: settings, then events until Lambda ends it.
#[must_use]
pub fn main() -> ExitCode {
    let path = std::env::var_os("ECS_RESOLVER_CONFIG");
    let loaded = Overrides::of_environment().and_then(|overrides| {
        config::load(path.as_deref().map(AsRef::as_ref), &overrides).map_err(|faults| faults.to_string())
    });
    let (config, notices) = match loaded {
        Ok(loaded) => (loaded.config, loaded.notices),
        Err(faults) => {
            return ended(exit::CONFIG, &faults);
        }
    };
    if let Err(error) = named(&config) {
        return ended(exit::CONFIG, error);
    }
    logging::start(&config.log);
    notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let config = Arc::new(config);
    let serving = async {
        let handler = |event: LambdaEvent<Value>| {
            let config = Arc::clone(&config);
            async move { handle(&config, &event.payload).await }
        };
        lambda_runtime::run(service_fn(handler)).await
    };
    match runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(serving)) {
        Ok(()) => exit::OK.into(),
        Err(error) => ended(exit::INTERNAL, &error.to_string()),
    }
}

/// Says why, if it can be said, and ends with this code.
fn ended(code: u8, why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why}");
    code.into()
}

/// What an event asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Nothing, because of this.
    Nothing(&'static str),
    /// A reconcile of everything that is configured: a schedule.
    All,
    /// A reconcile of this cluster, in which something happened to these services.
    Of(ClusterArn, Vec<ServiceHint>),
}

async fn handle(config: &Config, payload: &Value) -> Result<Value, Error> {
    tracing::info!("received event: {payload}");
    let clusters = named(config)?;
    let hints = match read(config, payload)? {
        Asked::Nothing(why) => return Ok(nothing(why)),
        Asked::Of(cluster, _) if !is_among(clusters, &cluster) => return Ok(nothing("it is about another cluster")),
        Asked::All => Vec::new(),
        Asked::Of(_, hints) => hints,
    };
    let outcome = controller::reconcile(config, clusters.to_vec(), false, Duration::ZERO, &hints).await?;
    judge(&outcome, payload, &hints)?;
    let done = outcome.applied.done.iter();
    let done = done.map(|group| json!({ "name": group.name.to_string(), "purpose": group.purpose.label() }));
    Ok(json!({ "changed": done.collect::<Vec<_>>(), "notes": report::notes(&outcome.plan, &outcome.desired) }))
}

fn nothing(why: &str) -> Value {
    tracing::info!("This event does not apply to us. No action taken: {why}");
    json!({ "changed": [], "notes": [why] })
}

fn read(config: &Config, payload: &Value) -> Result<Asked, Error> {
    if payload["detail-type"] == "Scheduled Event" {
        return Ok(Asked::All);
    }
    let tasks = [Kind::A, Kind::Srv].iter().any(|kind| config.controller.record_types.contains(kind));
    Ok(match event::parse(payload.to_string().as_bytes())?.detail {
        Detail::Service(hint) => Asked::Of(hint.cluster.clone(), vec![hint]),
        Detail::Task(task) if tasks => Asked::Of(task.cluster, Vec::new()),
        Detail::ContainerInstance(instance) if tasks => Asked::Of(instance.cluster, Vec::new()),
        Detail::Task(_) | Detail::ContainerInstance(_) => Asked::Nothing("tasks are not registered"),
        Detail::Ec2Instance { .. } | Detail::TaskHealth(_) => Asked::Nothing("it changes no registration"),
        Detail::Ignored(_) => Asked::Nothing("it tells of no change of a service"),
    })
}

/// The clusters whose services get flat names. They must be told: a function hears of every cluster of the account,
/// and that of a test must never answer for production.
fn named(config: &Config) -> Result<&[String], &'static str> {
    match &config.ecs.clusters {
        Clusters::Named(names) => Ok(names),
        Clusters::All | Clusters::FromHost => {
            Err("ecs.clusters must name the clusters to register: set ECS_RESOLVER_ECS_CLUSTERS")
        }
    }
}

fn is_among(clusters: &[String], cluster: &ClusterArn) -> bool {
    clusters.iter().any(|name| name == cluster.id() || name == cluster.as_str())
}

/// What makes the invocation an error, so that it is tried again.
fn judge(outcome: &Outcome, payload: &Value, hints: &[ServiceHint]) -> Result<(), Error> {
    let notes = || report::notes(&outcome.plan, &outcome.desired).join("; ");
    if outcome.plan.refused.is_some() {
        return Err(format!("deletes were refused: {}", notes()).into());
    }
    if let Some(failed) = outcome.applied.failed.first() {
        return Err(format!(
            "{} of {} names were not changed: {}",
            outcome.applied.failed.len(),
            outcome.plan.groups.len(),
            failed.error
        )
        .into());
    }
    if !outcome.complete {
        return Err(format!("not all of ECS could be read, so nothing that it decides was changed. {}", notes()).into());
    }
    // ECS is eventually consistent: the call that deleted a service may be told of before the service looks deleted.
    let deleted = payload["detail"]["eventName"] == "DeleteService";
    let keys: Vec<_> = hints.iter().map(|hint| ServiceKey::new(&hint.cluster, hint.service.id())).collect();
    let still = |name: &&crate::register::plan::Left| keys.contains(&name.service);
    match outcome.plan.kept.iter().find(still).filter(|_| deleted) {
        Some(left) => Err(format!("{} cannot go yet: {}", left.name, left.why).into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
