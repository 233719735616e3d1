//! TXT facts of a name: what a person who runs `dig TXT` wants to know first (RFC 1464 `key=value`).

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::Write;

use super::readiness::{Selection, Standing, TaskView};
use super::settings::Settings;
use crate::ecs::{Ec2Instance, Service, TaskDefinitionArn, Timestamp};

/// Longest character-string (RFC 1035 3.3.14).
const MAX_STRING: usize = 255;

/// Octets that the facts of most names fit into.
const MOST: usize = 192;

/// The RDATA of a TXT record in wire form: character-strings, each behind its length. Every name has some, so they are
/// written once and not gathered first.
struct Facts(Vec<u8>);

impl Facts {
    fn new() -> Self {
        Self(Vec::with_capacity(MOST))
    }

    /// Adds `key=value`, cut where a string may not be longer.
    fn add(&mut self, key: &str, value: &str) -> &mut Self {
        self.string(|octets| [key, "=", value].iter().for_each(|part| octets.extend_from_slice(part.as_bytes())))
    }

    /// The same of what is no string.
    fn show(&mut self, key: &str, value: impl Display) -> &mut Self {
        // Writing to a vector cannot fail.
        self.string(|octets| drop(write!(octets, "{key}={value}")))
    }

    fn string(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let Self(octets) = self;
        let from = octets.len();
        octets.push(0);
        write(octets);
        let mut end = octets.len().min(from + 1 + MAX_STRING);
        // Not within a character.
        while octets.get(end).is_some_and(|octet| octet & 0xc0 == 0x80) {
            end -= 1;
        }
        octets.truncate(end);
        octets[from] = (end - from - 1) as u8;
        self
    }

    fn definition(&mut self, arn: Option<&TaskDefinitionArn>) -> &mut Self {
        let Some(arn) = arn else { return self };
        let (family, revision) = arn.family_and_revision();
        self.add("taskdef", family).add("revision", revision)
    }

    fn since(&mut self, at: Option<Timestamp>) -> &mut Self {
        match at {
            Some(at) => self.show("since", format_args!("{at:.0}")),
            None => self,
        }
    }

    fn flag(&mut self, key: &str, holds: bool) -> &mut Self {
        self.add(key, if holds { "1" } else { "0" })
    }

    fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Facts of a service, as the RDATA of a TXT record.
#[must_use]
pub fn of_service(service: &Service, tasks: &[TaskView<'_>], selection: &Selection, settings: &Settings) -> Vec<u8> {
    let zones: BTreeSet<&str> = tasks.iter().filter_map(|view| view.task.availability_zone.as_deref()).collect();
    let running = tasks.iter().filter(|view| view.standing < Standing::Starting).count();
    let mut facts = Facts::new();
    facts.add("cluster", service.cluster.id()).add("service", &service.name);
    facts.definition(service.task_definition.as_ref());
    facts.add("az", &zones.into_iter().collect::<Vec<_>>().join(","));
    facts.show("running", running).show("desired", service.desired_count).show("healthy", selection.ready);
    facts.add("source", settings.source).since(service.created_at).finish()
}

/// Facts of a task, as the RDATA of a TXT record.
#[must_use]
pub fn of_task(view: &TaskView<'_>, settings: &Settings) -> Vec<u8> {
    let task = view.task;
    let mut facts = Facts::new();
    facts.add("cluster", task.cluster.id());
    if let Some(service) = task.service_name() {
        facts.add("service", service);
    }
    facts.definition(Some(&task.task_definition));
    facts.add("az", task.availability_zone.as_deref().unwrap_or_default());
    facts.flag("running", view.standing < Standing::Starting).flag("healthy", view.standing == Standing::Ready);
    facts.add("source", settings.source).since(task.started_at.or(task.created_at)).finish()
}

/// Facts of a host, as the RDATA of a TXT record.
#[must_use]
pub fn of_host(cluster: &str, draining: bool, host: Option<&Ec2Instance>, settings: &Settings) -> Vec<u8> {
    let zone = host.and_then(|host| host.availability_zone.as_deref());
    let mut facts = Facts::new();
    facts.add("cluster", cluster).add("az", zone.unwrap_or_default());
    facts.flag("draining", draining).add("source", settings.source).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_is_a_string_of_255_octets_at_most_and_of_whole_characters() {
        let mut facts = Facts::new();
        facts.add("a", "b").show("n", 7).flag("f", true).flag("g", false).add("", "");
        assert_eq!(facts.0, b"\x03a=b\x03n=7\x03f=1\x03g=0\x01=");
        for (length, kept) in [(252, 254), (253, 255), (254, 255), (400, 255)] {
            let wire = Facts::new().add("k", &"v".repeat(length)).add("l", "").finish();
            assert_eq!((usize::from(wire[0]), &wire[kept + 1..]), (kept, &b"\x02l="[..]), "{length}");
        }
        let wire = Facts::new().add("k", &("v".repeat(252) + "\u{fc}")).finish();
        assert_eq!((wire[0], wire.len()), (254, 255), "a character of two octets does not fit into one");
    }
}
