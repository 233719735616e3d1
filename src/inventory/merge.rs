//! Many observations of one task into one record, in whatever order and how often they arrive.
//!
//! Two guards. The version orders the life-cycle fields, and the start of the request where there is no version.
//! Health has no event and no version step, so it is ordered by itself, container by container.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::mem;

use serde::{Deserialize, Serialize};

use super::TaskRecord;
use crate::ecs::{Container, Health, Task, Timestamp};

/// A life-cycle field that an observation may lack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// `group`.
    Group,
    /// `containerInstanceArn`.
    ContainerInstance,
    /// `availabilityZone`.
    AvailabilityZone,
    /// IPv4 addresses of the task's own interface.
    Ipv4,
    /// IPv6 addresses of the task's own interface.
    Ipv6,
    /// `createdAt`.
    CreatedAt,
    /// `startedAt`.
    StartedAt,
    /// `networkBindings` of the container of this name.
    Bindings(String),
}

/// How an observation stands to a record, by the life-cycle guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// It overrules the record.
    Newer,
    /// The same version: it can only say what the record lacks.
    Same,
    /// The same, for what the record lacks even in later versions.
    Older,
}

impl Age {
    /// Compares an observation with what is known: by version, or by time where either has none.
    pub(super) fn of(seen: (Option<u64>, Timestamp), known: (Option<u64>, Timestamp)) -> Self {
        match (seen.0, known.0) {
            (Some(seen), Some(known)) => match seen.cmp(&known) {
                Ordering::Greater => Self::Newer,
                Ordering::Equal => Self::Same,
                Ordering::Less => Self::Older,
            },
            _ if seen.1 >= known.1 => Self::Newer,
            _ => Self::Older,
        }
    }
}

impl TaskRecord {
    /// The record of a task that was seen for the first time, `at` the start of the request.
    #[must_use]
    pub fn new(mut task: Task, at: Timestamp) -> Self {
        let containers = mem::take(&mut task.containers);
        let mut record = Self { task, at, lifecycle_at: at, health_at: BTreeMap::new(), carried: BTreeMap::new() };
        record.task.containers.reserve_exact(containers.len());
        record.merge_containers(containers, at, Merge { age: Age::Same, seen: 0, known: 0 });
        record
    }

    /// Takes over what `seen` knows better. Returns how it stood to the record by the life-cycle guard.
    pub(super) fn absorb(&mut self, seen: Task, at: Timestamp) -> Age {
        let age = Age::of((seen.version, at), (self.task.version, self.lifecycle_at));
        let merge = Merge { age, seen: seen.version.unwrap_or(0), known: self.task.version.unwrap_or(0) };
        self.at = self.at.max(at);
        let (task, carried) = (&mut self.task, &mut self.carried);
        merge.field(carried, Field::Group, &mut task.group, seen.group);
        merge.field(carried, Field::ContainerInstance, &mut task.container_instance, seen.container_instance);
        merge.field(carried, Field::AvailabilityZone, &mut task.availability_zone, seen.availability_zone);
        merge.field(carried, Field::Ipv4, &mut task.ipv4, seen.ipv4);
        merge.field(carried, Field::Ipv6, &mut task.ipv6, seen.ipv6);
        merge.field(carried, Field::CreatedAt, &mut task.created_at, seen.created_at);
        merge.field(carried, Field::StartedAt, &mut task.started_at, seen.started_at);
        match age {
            Age::Newer => {
                task.last_status = seen.last_status;
                task.desired_status = seen.desired_status;
                replace(&mut task.task_definition, seen.task_definition);
                task.version = seen.version.or(task.version);
                self.lifecycle_at = at;
            }
            Age::Same => self.lifecycle_at = self.lifecycle_at.max(at),
            Age::Older => {}
        }
        self.merge_containers(seen.containers, at, merge);
        age
    }

    /// Takes over what `seen` says of the health of containers that are known. Returns whether that is news.
    pub(super) fn learn_health(&mut self, seen: Vec<(String, Health)>, at: Timestamp) -> bool {
        let Self { task: Task { containers, .. }, health_at, .. } = self;
        let mut news = false;
        for (name, health) in seen {
            let Some(container) = containers.iter_mut().find(|container| container.name == name) else { continue };
            let before = container.health;
            merge_health(container, Some(health), at, health_at);
            news |= container.health != before;
        }
        news
    }

    /// By name, and kept in the order of names: the API promises no order, and duplicates must not differ by it.
    fn merge_containers(&mut self, containers: Vec<Container>, at: Timestamp, merge: Merge) {
        let Self { task: Task { containers: known, .. }, health_at, carried, .. } = self;
        for seen in containers {
            let place = known.partition_point(|container| container.name < seen.name);
            if known.get(place).is_none_or(|container| container.name != seen.name) {
                known.insert(place, Container { name: seen.name.clone(), ..Container::default() });
            }
            let Some(container) = known.get_mut(place) else { continue };
            merge_health(container, seen.health, at, health_at);
            let field = Field::Bindings(seen.name);
            merge.field(carried, field, &mut container.network_bindings, seen.network_bindings);
        }
    }
}

/// Only a definite result counts, the latest of them; UNHEALTHY among those of one moment, so that order does not
/// matter. UNKNOWN withdraws nothing: an agent that restarts reports it for all its tasks.
fn merge_health(
    known: &mut Container,
    seen: Option<Health>,
    at: Timestamp,
    health_at: &mut BTreeMap<String, Timestamp>,
) {
    let overrules = match seen {
        None => false,
        Some(Health::Unknown) => known.health.is_none(),
        Some(health @ (Health::Healthy | Health::Unhealthy)) => {
            health_at.get(&known.name).is_none_or(|last| at > *last || (at == *last && health == Health::Unhealthy))
        }
    };
    if !overrules {
        return;
    }
    known.health = seen;
    if seen != Some(Health::Unknown) {
        health_at.insert(known.name.clone(), at);
    }
}

/// What says the same stays: others share its text.
fn replace<V: PartialEq>(known: &mut V, seen: V) {
    if *known != seen {
        *known = seen;
    }
}

/// A value that may be missing in an observation.
trait Lacking {
    fn is_lacking(&self) -> bool;
}

impl<T> Lacking for Option<T> {
    fn is_lacking(&self) -> bool {
        self.is_none()
    }
}

impl<T> Lacking for Vec<T> {
    fn is_lacking(&self) -> bool {
        self.is_empty()
    }
}

/// The life-cycle guard, for one observation.
#[derive(Clone, Copy)]
struct Merge {
    age: Age,
    /// Version of the observation; 0 if it has none.
    seen: u64,
    /// Version of the record before; 0 if it has none.
    known: u64,
}

impl Merge {
    /// Each field is that of the newest version that has it.
    fn field<V: Lacking + PartialEq>(self, carried: &mut BTreeMap<Field, u64>, field: Field, known: &mut V, seen: V) {
        if seen.is_lacking() {
            if self.age == Age::Newer && !known.is_lacking() {
                carried.entry(field).or_insert(self.known);
            }
            return;
        }
        let from = carried.get(&field).copied();
        let overrules = match self.age {
            Age::Newer => true,
            Age::Same => known.is_lacking() || from.is_some(),
            Age::Older => known.is_lacking() || from.is_some_and(|from| from < self.seen),
        };
        if !overrules {
            return;
        }
        replace(known, seen);
        if self.age == Age::Older {
            carried.insert(field, self.seen);
        } else {
            carried.remove(&field);
        }
    }
}
