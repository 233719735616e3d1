//! What the events of `tests/fixtures/events` say, told in a line each in `tests/fixtures/events.txt`.
//!
//! `UPDATE_EXPECT=1 cargo test what_each_event_says` writes what is read into that file; read the diff before you
//! commit it.

mod delivery;
mod fake;
mod pattern;
mod rule;
mod template;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ecs_resolver::ecs::event::{self, Detail, Event, HealthOfTask};
use ecs_resolver::ecs::{Container, Task};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the folder `config`.
fn config(file: &str) -> String {
    fs::read_to_string(repository().join("config").join(file)).unwrap()
}

/// The events, by the names of their files.
pub fn fixtures() -> BTreeMap<String, String> {
    let entries = fs::read_dir(repository().join("tests/fixtures/events")).unwrap();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    entries.map(|entry| read(entry.unwrap().path())).collect()
}

/// An event in one line, without what is the same in all of them.
fn line(event: &Event) -> String {
    let said = match &event.detail {
        Detail::Task(seen) => task(seen),
        Detail::ContainerInstance(seen) => {
            let version = seen.version.unwrap_or_default();
            format!("{:?} v{version} {} is {} of {}", seen.status, seen.arn, seen.ec2_instance_id, seen.cluster.id())
        }
        Detail::Service(hint) => format!("ask for {} of {}", hint.service, hint.cluster),
        Detail::Ec2Instance { id, state } => format!("{id} {state:?}"),
        Detail::TaskHealth(health) => {
            let tasks: Vec<_> = health.tasks.iter().map(task_health).collect();
            format!("at {} of {}, again in {:?}: {}", health.at, health.cluster.id(), health.interval, tasks.join(", "))
        }
        Detail::Ignored(why) => format!("ignored: {why:?}"),
    };
    let short =
        |text: &str| text.replace("arn:aws:ecs:us-east-1:123456789012:", "").replace("0000000000000000000000000", "…");
    short(&said)
}

fn task(task: &Task) -> String {
    let mut line = format!("{:?}/{:?}", task.last_status, task.desired_status);
    let _ = write!(line, " v{} {}", task.version.unwrap_or_default(), task.arn);
    let _ = write!(line, " of {} {}", task.cluster.id(), task.group.as_deref().unwrap_or("-"));
    let _ = write!(line, " {}", task.task_definition.id());
    let _ = write!(line, " on {}", task.container_instance.as_ref().map_or("nothing", |arn| arn.id()));
    let _ = write!(line, " in {}", task.availability_zone.as_deref().unwrap_or("-"));
    let time =
        |time: Option<_>| time.map_or_else(|| "-".to_owned(), |time: ecs_resolver::ecs::Timestamp| time.to_string());
    let _ = write!(line, " from {} {}", time(task.created_at), time(task.started_at));
    let addresses = task.ipv4.iter().map(ToString::to_string).chain(task.ipv6.iter().map(ToString::to_string));
    let addresses: Vec<_> = addresses.collect();
    let containers: Vec<_> = task.containers.iter().map(container).collect();
    let _ = write!(line, " at {addresses:?}: {}", containers.join(", "));
    line
}

fn container(container: &Container) -> String {
    assert_eq!(container.health, None, "events never carry health");
    let mut told = container.name.clone();
    for binding in &container.network_bindings {
        let _ = write!(told, " {}→{}{}", binding.container_port, binding.host_port, binding.protocol.label());
    }
    told
}

fn task_health(health: &HealthOfTask) -> String {
    format!("{} {:?}", health.task, health.containers)
}

#[test]
fn what_each_event_says() {
    let mut told = String::new();
    for (name, body) in fixtures() {
        let event = event::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((event.account.as_str(), event.region.as_str()), ("123456789012", "us-east-1"), "{name}");
        assert!(event.time.is_some() && !event.id.is_empty(), "{name}");
        let _ = writeln!(told, "{name}: {}", line(&event));
    }
    let path = repository().join("tests/fixtures/events.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &told).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    for (told, expected) in told.lines().zip(expected.lines()) {
        assert_eq!(told, expected, "left: what is read, right: {}", path.display());
    }
    assert_eq!(told.lines().count(), expected.lines().count(), "{}", path.display());
}
