//! TXT facts of a name: what a person who runs `dig TXT` wants to know first (RFC 1464 `key=value`).

use std::collections::BTreeSet;
use std::fmt::Display;

use super::readiness::{Selection, Standing, TaskView};
use super::settings::Settings;
use crate::dns::{RData, rdata::TXT};
use crate::ecs::{Ec2Instance, Service, TaskDefinitionArn, Timestamp};

/// Longest character-string (RFC 1035 3.3.14).
const MAX_STRING: usize = 255;

#[derive(Default)]
struct Facts(Vec<String>);

impl Facts {
    fn add(&mut self, key: &str, value: impl Display) -> &mut Self {
        let mut fact = format!("{key}={value}");
        while fact.len() > MAX_STRING {
            fact.pop();
        }
        self.0.push(fact);
        self
    }

    fn definition(&mut self, arn: Option<&TaskDefinitionArn>) -> &mut Self {
        let Some(arn) = arn else { return self };
        let (family, revision) = arn.family_and_revision();
        self.add("taskdef", family).add("revision", revision)
    }

    fn since(&mut self, at: Option<Timestamp>) -> &mut Self {
        match at {
            Some(at) => self.add("since", format_args!("{at:.0}")),
            None => self,
        }
    }

    fn finish(&mut self) -> RData {
        RData::TXT(TXT::new(std::mem::take(&mut self.0)))
    }
}

/// Facts of a service.
#[must_use]
pub fn of_service(service: &Service, tasks: &[TaskView<'_>], selection: &Selection, settings: &Settings) -> RData {
    let zones: BTreeSet<&str> = tasks.iter().filter_map(|view| view.task.availability_zone.as_deref()).collect();
    let running = tasks.iter().filter(|view| view.standing < Standing::Starting).count();
    let mut facts = Facts::default();
    facts.add("cluster", service.cluster.id()).add("service", &service.name);
    facts.definition(service.task_definition.as_ref());
    facts.add("az", zones.into_iter().collect::<Vec<_>>().join(","));
    facts.add("running", running).add("desired", service.desired_count).add("healthy", selection.ready);
    facts.add("source", settings.source).since(service.created_at).finish()
}

/// Facts of a task.
#[must_use]
pub fn of_task(view: &TaskView<'_>, settings: &Settings) -> RData {
    let task = view.task;
    let mut facts = Facts::default();
    facts.add("cluster", task.cluster.id());
    if let Some(service) = task.service_name() {
        facts.add("service", service);
    }
    facts.definition(Some(&task.task_definition));
    facts.add("az", task.availability_zone.as_deref().unwrap_or_default());
    facts.add("running", u8::from(view.standing < Standing::Starting));
    facts.add("healthy", u8::from(view.standing == Standing::Ready));
    facts.add("source", settings.source).since(task.started_at.or(task.created_at)).finish()
}

/// Facts of a host.
#[must_use]
pub fn of_host(cluster: &str, draining: bool, host: Option<&Ec2Instance>, settings: &Settings) -> RData {
    let zone = host.and_then(|host| host.availability_zone.as_deref());
    let mut facts = Facts::default();
    facts.add("cluster", cluster).add("az", zone.unwrap_or_default());
    facts.add("draining", u8::from(draining)).add("source", settings.source).finish()
}
