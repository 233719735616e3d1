//! The house keeps its floors: a module uses only what is on the floors below it, and what the tables here say.
//!
//! Every source file is parsed; `use` in all its forms, paths in code, in macros and in attributes are followed through
//! aliases and re-exports. Code that is compiled for tests only may use what it likes.

mod check;
mod planted;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use check::Report;
use source::{Crate, Seen};

/// Top-level modules, floor by floor.
const FLOORS: [&[&str]; 5] = [
    &["dns", "ecs", "route53"],
    &["inventory", "zone", "forward", "register", "resolve"],
    &["access", "snapshot", "updater", "source", "forwarder", "responder", "registrar", "metrics"],
    &["aws", "server", "link", "http", "host", "store", "systemd", "config"],
    &["daemon", "cli", "lambda", "main", "bootstrap", "lib"],
];

/// Which module may use which on its own floor, and why. One that is not used must go.
const SIDEWAYS: &[(&str, &str, &str)] = &[
    ("route53", "dns", "records are of the names and types of the DNS"),
    ("zone", "inventory", "the zone is rendered from the inventory"),
    ("resolve", "zone", "finds the entry in the zone that answers"),
    ("register", "inventory", "services are registered as the inventory has them"),
    ("register", "zone", "a service is registered under the name that the zone gives it"),
    ("registrar", "source", "reads ECS and changes the hosted zone through its ports"),
    ("registrar", "snapshot", "who has a name is what the published zone says"),
    ("updater", "snapshot", "publishes it"),
    ("updater", "source", "takes what the sources deliver"),
    ("responder", "snapshot", "reads it once a query"),
    ("responder", "forwarder", "asks it for what is not ours"),
    ("responder", "access", "asks it whether and how a client is answered"),
    ("responder", "metrics", "counts each question"),
    ("metrics", "access", "counts the cookies by what they are worth"),
    ("metrics", "forwarder", "tells the forwarder's counters"),
    ("systemd", "server", "keeps its sockets while we are not there"),
    ("main", "cli", "the program is its command line"),
    ("bootstrap", "lambda", "the program is its function"),
    ("cli", "daemon", "`run`, `demo` and `controller` start it"),
    ("lambda", "daemon", "runs one errand of a controller"),
    ("lambda", "cli", "starts the log and ends as commands do"),
];

/// Crates that one module hides from all others. A `*` stands for any end of the name.
const CONFINED: &[(&str, &[&str])] = &[
    ("aws_*", &["aws"]),
    ("hickory_server", &["server"]),
    ("hickory_net", &["link", "server"]),
    ("moka", &["forwarder"]),
    ("quick_cache", &["forwarder"]),
    ("nix", &["server", "store"]),
    ("socket2", &["server"]),
    ("arc_swap", &["access", "forwarder", "server", "snapshot"]),
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("http_body_util", &["http"]),
    ("prometheus_client", &["metrics"]),
    ("sd_notify", &["systemd"]),
    ("listenfd", &["systemd"]),
    ("toml", &["config"]),
    ("clap", &["cli", "config"]),
    ("clap_*", &["cli"]),
    ("lambda_runtime", &["lambda"]),
    ("tracing_subscriber", &["cli", "config"]),
];

/// The only crates on floors 0 and 1.
const PURE: &[&str] = &[
    "std",
    "core",
    "alloc",
    "foldhash",
    "hickory_proto",
    "jiff",
    "serde",
    "serde_json",
    "sha2",
    "smallvec",
    "thiserror",
    "triomphe",
];

/// Where a ban holds.
enum Where {
    /// On this floor and below.
    UpTo(u8),
    /// Everywhere but in [`CLOCK`].
    AllButTheClock,
}

/// The one module that reads the wall clock.
const CLOCK: &str = "source::clock";

/// What may not be named, where, and why. `…` stands for any beginning.
const BANNED_PATHS: &[(&str, Where, &str)] = &[
    ("…::Instant::now", Where::UpTo(1), "but time is an argument there"),
    ("…::Timestamp::now", Where::AllButTheClock, "but only source::clock reads the wall clock"),
    ("…::Zoned::now", Where::AllButTheClock, "but only source::clock reads the wall clock"),
    ("…::SystemTime::now", Where::AllButTheClock, "but only source::clock reads the wall clock"),
    ("std::thread", Where::UpTo(1), "but nothing waits there"),
    ("std::sync::Mutex", Where::UpTo(1), "but nothing waits there"),
    ("std::sync::RwLock", Where::UpTo(1), "but nothing waits there"),
    ("std::sync::Condvar", Where::UpTo(1), "but nothing waits there"),
    ("std::sync::Barrier", Where::UpTo(1), "but nothing waits there"),
    ("std::sync::mpsc", Where::UpTo(1), "but nothing waits there"),
    ("std::fs", Where::UpTo(1), "but the outside world is three floors up"),
    ("std::env", Where::UpTo(1), "but the outside world is three floors up"),
    ("std::process", Where::UpTo(1), "but the outside world is three floors up"),
    ("std::net::UdpSocket", Where::UpTo(2), "but sockets are opened one floor up"),
    ("std::net::TcpStream", Where::UpTo(2), "but sockets are opened one floor up"),
    ("std::net::TcpListener", Where::UpTo(2), "but sockets are opened one floor up"),
    ("std::os::unix::net", Where::UpTo(2), "but sockets are opened one floor up"),
    ("tokio::net", Where::UpTo(2), "but sockets are opened one floor up"),
    ("tokio::process", Where::UpTo(2), "but programs are run one floor up"),
];

/// Methods that read a clock.
const BANNED_METHODS: &[&str] = &["elapsed"];

/// Longest file, in lines.
const MAX_LINES: usize = 400;

/// File names that say nothing about what is inside.
const BANNED_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "misc", "common", "manager", "shared", "stuff", "handlers"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of every Rust file of the crate, by its name from the top of the repository.
pub fn source_files() -> BTreeMap<String, String> {
    source::read(root(), "src")
}

fn house() -> Crate {
    Crate::parse(&source_files())
}

/// Crates that Cargo.toml and the compiler bring, as code spells them.
fn dependencies() -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let manifest: toml::Table = manifest.parse().expect("Cargo.toml is TOML");
    let named = manifest.get("dependencies").and_then(toml::Value::as_table).expect("[dependencies]");
    let named = named.keys().map(|name| name.replace('-', "_"));
    named.chain(["std", "core", "alloc"].map(str::to_owned)).collect()
}

fn report() -> Report {
    house().check(&dependencies())
}

/// Every file under `directory`, by its name from `root`; none of those that git would not know.
pub fn files(root: &Path, directory: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(root.join(directory)) else { return found };
    for entry in entries.map(|entry| entry.expect("a directory entry")) {
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        let path = format!("{directory}/{name}");
        if entry.file_type().expect("a file type").is_dir() {
            if !name.starts_with('.') && name != "__pycache__" && name != "target" {
                found.extend(files(root, &path));
            }
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What is wrong with the name or the length of a file.
fn file_faults(file: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let mut faults = Vec::new();
    if lines > MAX_LINES {
        faults.push(format!("{file} has {lines} lines, {MAX_LINES} are enough: split it by ideas"));
    }
    for part in file.split('/') {
        let stem = part.split('.').next().unwrap_or_default();
        if BANNED_NAMES.contains(&stem) {
            faults.push(format!("{file}: `{stem}` does not say what is inside"));
        }
    }
    faults
}

#[test]
fn a_floor_uses_only_the_floors_below() {
    let report = report();
    assert!(report.violations.is_empty(), "\n{}\n", report.violations.join("\n"));
    assert!(report.edges.len() > 20, "too few to be true: {:?}", report.edges);
}

#[test]
fn every_sideways_edge_is_needed() {
    let (edges, krate) = (report().edges, house());
    let there = |name: &str| krate.modules.contains_key(&[name.to_owned()][..]);
    let unused: Vec<_> = SIDEWAYS
        .iter()
        .filter(|(from, to, _)| there(from) && there(to) && !edges.contains(&((*from).to_owned(), (*to).to_owned())))
        .collect();
    assert!(unused.is_empty(), "nothing in src/ goes these ways any more, take them out of the table: {unused:?}");
}

/// No AWS call is ever on the path of a query: what answers has no way to it.
#[test]
fn no_way_leads_from_a_query_to_aws() {
    let edges = report().edges;
    let mut reached = BTreeSet::from(["server", "responder", "forwarder", "resolve", "link"]);
    loop {
        let next: BTreeSet<&str> =
            edges.iter().filter(|(from, _)| reached.contains(from.as_str())).map(|(_, to)| to.as_str()).collect();
        if next.is_subset(&reached) {
            break;
        }
        reached.extend(next);
    }
    assert!(!reached.contains("aws"), "{reached:?}");
    assert!(reached.contains("dns"), "the query path uses nothing: {reached:?}");
}

/// A query is answered from one snapshot: whoever handles it loads the snapshot once.
#[test]
fn a_query_loads_the_snapshot_once() {
    let mut loads: BTreeMap<String, usize> = BTreeMap::new();
    for (at, module) in house().modules.iter().filter(|(_, module)| !module.tests) {
        // The limits of the server are no snapshot.
        if module.file == "src/server/limits.rs" {
            continue;
        }
        if !["responder", "server", "resolve", "dns"].contains(&at.first().map_or("", String::as_str)) {
            continue;
        }
        for (_, seen) in &module.seen {
            // An atomic number is loaded with an ordering, a snapshot with nothing.
            if let Seen::Method { name, arguments: 0, within } = seen
                && name.starts_with("load")
            {
                *loads.entry(format!("{} {within}", module.file)).or_default() += 1;
            }
        }
    }
    for (place, times) in &loads {
        assert!(place.starts_with("src/responder"), "{place} loads a snapshot; the responder should");
        assert_eq!(*times, 1, "{place} loads more than one snapshot");
    }
}

#[test]
fn files_are_short_and_well_named() {
    let mut faults = Vec::new();
    for directory in ["src", "tests", "benches", "examples", "fuzz"] {
        for file in files(root(), directory) {
            let data = file.starts_with("tests/fixtures/") || file.ends_with(".lock");
            let text = std::fs::read_to_string(root().join(&file));
            faults.extend(file_faults(&file, text.as_deref().ok().filter(|_| !data).unwrap_or_default()));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
