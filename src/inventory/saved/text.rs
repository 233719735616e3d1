//! A saved inventory as text: JSON in which each element of a list has a line of its own.
//!
//! JSON has no line break within a string, so the lines of long lists can be decoded side by side without a look at what
//! is around them. Text without line breaks, which versions before wrote, is decoded as a whole.

use std::io::{self, Write};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, Serializer};
use serde_json::value::RawValue;

use super::{Saved, SavedCluster, SavedTask, Seen, Stamp};
use crate::ecs::{ContainerInstance, Ec2Instance, LoadBalancer, Service, TargetGroup, TaskArn, TaskDefinition};

/// Octets of a part of a list, roughly.
const PART: usize = 64 << 10;

/// The lists of a [`Saved`]; those that grow with the number of services and tasks are not decoded yet.
#[derive(Deserialize)]
struct Lists<'t> {
    clusters: Vec<SavedCluster>,
    #[serde(borrow)]
    services: &'t RawValue,
    #[serde(borrow)]
    tasks: &'t RawValue,
    task_definitions: Vec<Arc<TaskDefinition>>,
    container_instances: Vec<Seen<ContainerInstance>>,
    ec2_instances: Vec<Seen<Ec2Instance>>,
    target_groups: Vec<Seen<TargetGroup>>,
    load_balancers: Vec<Seen<LoadBalancer>>,
    tombstones: Vec<(TaskArn, Stamp)>,
}

/// A part of a list that can be decoded by itself.
#[derive(Debug, Clone, Copy)]
pub struct Part<'t> {
    list: List,
    /// A whole list, or lines of one.
    text: &'t str,
}

#[derive(Debug, Clone, Copy)]
enum List {
    Services,
    Tasks,
}

/// What a part holds.
#[derive(Debug)]
pub struct Decoded {
    services: Vec<Seen<Service>>,
    tasks: Vec<SavedTask>,
}

impl Saved {
    /// Writes it as text.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        Ok(self.serialize(&mut Serializer::with_formatter(out, Lines::default()))?)
    }

    /// Reads it from text. What decodes is given: it returns what each part holds, in their order. No part depends on
    /// another, so several may be decoded at a time.
    ///
    /// # Errors
    /// When `text` is no such text.
    pub fn read_from(
        text: &str,
        each: impl FnOnce(&[Part<'_>]) -> Vec<serde_json::Result<Decoded>>,
    ) -> serde_json::Result<Self> {
        let lists: Lists<'_> = serde_json::from_str(text)?;
        let parts: Vec<_> = parts(List::Services, lists.services).chain(parts(List::Tasks, lists.tasks)).collect();
        let mut saved = Self {
            clusters: lists.clusters,
            services: Vec::new(),
            tasks: Vec::new(),
            task_definitions: lists.task_definitions,
            container_instances: lists.container_instances,
            ec2_instances: lists.ec2_instances,
            target_groups: lists.target_groups,
            load_balancers: lists.load_balancers,
            tombstones: lists.tombstones,
        };
        let decoded = each(&parts).into_iter().collect::<serde_json::Result<Vec<_>>>()?;
        saved.services.reserve_exact(decoded.iter().map(|part| part.services.len()).sum());
        saved.tasks.reserve_exact(decoded.iter().map(|part| part.tasks.len()).sum());
        for Decoded { services, tasks } in decoded {
            saved.services.extend(services);
            saved.tasks.extend(tasks);
        }
        Ok(saved)
    }
}

/// Cuts a list at ends of lines.
fn parts(list: List, whole: &RawValue) -> impl Iterator<Item = Part<'_>> {
    let mut rest = whole.get();
    std::iter::from_fn(move || {
        let end = rest.as_bytes().get(PART..).and_then(|behind| behind.iter().position(|octet| *octet == b'\n'));
        let (text, behind) = end.and_then(|end| rest.split_at_checked(PART + end)).unwrap_or((rest, ""));
        rest = behind;
        (!text.is_empty()).then_some(Part { list, text })
    })
}

impl Part<'_> {
    /// Decodes it.
    ///
    /// # Errors
    /// When it is no such text.
    pub fn decode(&self) -> serde_json::Result<Decoded> {
        let (services, tasks) = match self.list {
            List::Services => (elements(self.text)?, Vec::new()),
            List::Tasks => (Vec::new(), elements(self.text)?),
        };
        Ok(Decoded { services, tasks })
    }
}

/// The elements of a list, or of some lines of one: `[` stands in the first of all, and behind each element `,` or `]`.
fn elements<T: DeserializeOwned>(text: &str) -> serde_json::Result<Vec<T>> {
    if !text.contains('\n') {
        return serde_json::from_str(text);
    }
    let lines = text.split('\n').filter(|line| !matches!(*line, "" | "["));
    lines.map(|line| serde_json::from_str(line.strip_suffix([',', ']']).unwrap_or(line))).collect()
}

/// Writes JSON with a line for each element of a list that is a member of the outermost object.
#[derive(Default)]
struct Lines {
    depth: u32,
}

impl Lines {
    /// Depth of the elements of such a list.
    const ELEMENTS: u32 = 2;
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"[")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(match (first, self.depth == Self::ELEMENTS) {
            (true, false) => b"",
            (true, true) => b"\n",
            (false, false) => b",",
            (false, true) => b",\n",
        })
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"]")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"}")
    }
}

#[cfg(test)]
pub(crate) fn one_by_one(parts: &[Part<'_>]) -> Vec<serde_json::Result<Decoded>> {
    parts.iter().map(Part::decode).collect()
}
