//! What is fuzzed on nightly Rust, on stable Rust: each target's corpus, and some mutations of it.
//!
//! The long run, which knows nothing of coverage and needs no nightly Rust, is started by hand:
//!
//!     cargo test --all-features --test it fuzz:: -- --ignored --nocapture

pub mod mutate;
#[path = "../../fuzz/src/lib.rs"]
pub mod targets;

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

use targets::{cache, config, event, packet, snapshot, tcp_stream, upstream_reply};

/// Largest corpus, in files, and largest file in it, in bytes.
const CORPUS: (usize, u64) = (100, 1024);

/// Its name, what it does with bytes, and how often mutations of its corpus are tried.
type Target = (&'static str, fn(&[u8]), usize);

/// Each target: its name, what it does, and how many mutations are tried of each input.
const TARGETS: [Target; 7] = [
    ("cache", cache::run, 100),
    ("config", config::run, 20),
    ("event", event::run, 200),
    ("packet", packet::run, 100),
    ("snapshot", snapshot::run, 50),
    ("tcp_stream", tcp_stream::run, 50),
    ("upstream_reply", upstream_reply::run, 50),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The corpus of a target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let files = files(&root().join("fuzz/corpus").join(target));
    files.into_iter().map(|file| std::fs::read(file).expect("a file of the corpus")).collect()
}

/// The packets in the corpus of a target whose first byte is not of the packet.
pub fn packets(target: &str) -> Vec<Vec<u8>> {
    corpus(target).into_iter().filter_map(|input| Some(input.split_first()?.1.to_vec())).collect()
}

/// The files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files: BTreeSet<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.into_iter().collect()
}

/// The corpus of a target, and what else there is of its kind.
fn inputs(name: &str) -> Vec<Vec<u8>> {
    let mut inputs = corpus(name);
    if name == "event" {
        let fixtures = files(&root().join("tests/fixtures/events"));
        inputs.extend(fixtures.into_iter().map(|file| std::fs::read(file).expect("a fixture")));
    }
    assert!(inputs.len() >= 5, "{} inputs", inputs.len());
    inputs
}

/// Runs a target on an input, which it must survive.
fn hold(name: &str, body: fn(&[u8]), input: &[u8]) {
    let held = catch_unwind(|| body(input));
    assert!(held.is_ok(), "{name} fails, see above, on {} bytes: {input:?}", input.len());
}

/// Runs the target over its corpus and over mutations of it, the same on every run.
fn run(target: &str) {
    let (name, body, mutations) = TARGETS.into_iter().find(|(name, ..)| *name == target).expect("a target");
    let (inputs, mut rng) = (inputs(name), Rng::with_seed(0xec5));
    for input in &inputs {
        hold(name, body, input);
        for _ in 0..mutations {
            let other = rng.choice(&inputs).expect("an input");
            hold(name, body, &mutate::mutated(&mut rng, input, other));
        }
    }
}

#[test]
#[ignore = "takes four minutes for each target, or ECS_RESOLVER_FUZZ_SECONDS"]
fn minutes_of_mutations() {
    let seconds = std::env::var("ECS_RESOLVER_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let length = Duration::from_secs(seconds.unwrap_or(240));
    for (name, body, _) in TARGETS {
        let (inputs, seed, begun) = (inputs(name), fastrand::u64(..), Instant::now());
        let (mut rng, mut count) = (Rng::with_seed(seed), 0_u64);
        while begun.elapsed() < length {
            hold(name, body, &mutate::one_of(&mut rng, &inputs));
            count += 1;
        }
        println!("{name}: {count} mutations in {} s, from the seed {seed}", begun.elapsed().as_secs());
    }
}

#[test]
fn files_of_forwarded_answers() {
    run("cache");
}

#[test]
fn configuration_files() {
    run("config");
}

#[test]
fn events() {
    run("event");
}

#[test]
fn packets_of_clients() {
    run("packet");
}

#[test]
fn snapshots() {
    run("snapshot");
}

#[test]
fn streams_of_tcp_clients() {
    run("tcp_stream");
}

#[test]
fn replies_of_upstreams() {
    run("upstream_reply");
}

#[test]
fn every_target_is_here_and_every_corpus_is_small() {
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).expect("the package of the targets");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let bins = manifest["bin"].as_array().expect("targets");
    let bins: BTreeSet<&str> = bins.iter().filter_map(|bin| bin["name"].as_str()).collect();
    assert_eq!(bins, TARGETS.iter().map(|(name, ..)| *name).collect());
    for (name, ..) in TARGETS {
        let corpus = files(&root().join("fuzz/corpus").join(name));
        assert!(corpus.len() <= CORPUS.0, "{name} has {} files", corpus.len());
        for file in corpus {
            let length = file.metadata().expect("a file").len();
            assert!(length <= CORPUS.1, "{} has {length} bytes", file.display());
        }
    }
}
