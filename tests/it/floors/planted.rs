//! Planted violations: each must be found, and what only looks like one must not.

use std::collections::{BTreeMap, BTreeSet};

use super::file_faults;
use super::source::Crate;

/// A house in which all is well.
const SOUND: &[(&str, &str)] = &[
    (
        "src/lib.rs",
        "pub mod dns; pub mod ecs; pub mod zone; pub mod source; pub mod updater; pub mod snapshot; pub mod aws; \
         pub mod cli;",
    ),
    ("src/main.rs", "fn main() { ecs_resolver::cli::run() }"),
    ("src/dns.rs", "pub struct Name; pub use std::time::Duration;"),
    ("src/ecs/mod.rs", "pub mod arn; pub use jiff::Timestamp;"),
    ("src/ecs/arn.rs", "use super::Timestamp; pub struct Arn(Timestamp);"),
    ("src/zone.rs", "mod node; use crate::dns; use crate::ecs::{self, arn::Arn}; fn f(_: dns::Name, _: Arn) {}"),
    ("src/zone/node.rs", "use super::super::dns::Name; pub struct Node(Name);"),
    ("src/source.rs", "pub mod clock; pub async fn f() { tokio::task::yield_now().await }"),
    ("src/source/clock.rs", "use crate::ecs::Timestamp; pub fn now() -> Timestamp { Timestamp::now() }"),
    ("src/snapshot.rs", "pub struct Snapshot { pub zone: u8 }"),
    ("src/updater.rs", "use crate::snapshot::Snapshot; fn f() -> Snapshot { Snapshot { zone: 0 } }"),
    ("src/aws.rs", "use aws_sdk_ecs::Client; pub use aws_config::Region; pub struct Ecs(pub Client);"),
    ("src/cli.rs", "use crate::aws::Ecs; pub fn run() {}"),
];

/// What is found when these files are as they are here and all else is sound.
fn found(planted: &[(&str, &str)]) -> Vec<String> {
    let both = SOUND.iter().chain(planted);
    let sources: BTreeMap<String, String> = both.map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    let dependencies = ["std", "core", "tokio", "moka", "jiff", "hickory_server", "aws_config", "tracing", "serde"];
    Crate::parse(&sources).check(&BTreeSet::from(dependencies.map(str::to_owned))).violations
}

fn assert_found(planted: &[(&str, &str)], fault: &str) {
    let violations = found(planted);
    let hit = violations.iter().any(|one| one.contains(fault));
    assert!(hit, "{planted:?}\nshould be found: {fault}\nfound: {violations:?}");
}

fn assert_sound(planted: &[(&str, &str)]) {
    let violations = found(planted);
    assert!(violations.is_empty(), "{planted:?}\nis sound, but: {violations:?}");
}

#[test]
fn a_sound_house_is_left_alone() {
    assert_sound(&[]);
}

#[test]
fn a_way_up_is_found_in_every_spelling() {
    for (text, named) in [
        ("use crate::source::f;", "crate::source::f"),
        ("use crate::{dns::Name, source::{f, clock}};", "crate::source::f"),
        ("use crate::source::{self as words};", "crate::source"),
        ("use crate::source as words;", "crate::source"),
        ("use crate::source::*;", "crate::source"),
        ("use super::source::f;", "crate::source::f"),
        ("use self::super::source::f;", "crate::source::f"),
        ("pub use crate::source::clock;", "crate::source::clock"),
        ("pub type T = crate::aws::Ecs;", "crate::aws::Ecs"),
        ("fn f() { crate::source::clock::now(); }", "crate::source::clock::now"),
        ("fn f(_: &super::aws::Ecs) {}", "crate::aws::Ecs"),
        ("fn f() { use crate::source::f; }", "crate::source::f"),
        ("mod inner { use super::super::source::f; }", "crate::source::f"),
        ("fn f() { println!(\"{}\", crate::source::clock::now()); }", "crate::source::clock::now"),
        ("macro_rules! m { () => { $crate::source::f() } }", "crate::source::f"),
        ("macro_rules! m { () => { use crate::{dns, source::f}; } }", "crate::source::f"),
        ("#[derive(crate::source::Show)] struct S;", "crate::source::Show"),
        ("struct S { #[serde(with = \"crate::source::clock\")] x: u8 }", "crate::source::clock"),
        ("impl crate::source::Port for u8 {}", "crate::source::Port"),
        ("use crate as house;", "crate"),
        ("use crate::*;", "crate"),
    ] {
        assert_found(&[("src/dns.rs", text)], &format!("src/dns.rs:1: dns (floor 0) names `{named}`,"));
    }
}

#[test]
fn a_way_sideways_is_found() {
    assert_found(&[("src/dns.rs", "use crate::ecs::arn::Arn;")], "which is on floor 0");
    assert_found(&[("src/snapshot.rs", "use crate::source::f;")], "which is on floor 2");
    assert_found(&[("src/source.rs", "pub mod clock; use crate::updater;")], "which is on floor 2");
    assert_sound(&[("src/updater.rs", "use crate::source::clock; use crate::zone; use crate::dns::Name;")]);
}

#[test]
fn an_alias_or_a_reexport_hides_nothing() {
    let lib = SOUND[0].1;
    // A module that is let in, and that hands on what is not.
    let dns = ("src/dns.rs", "pub use std::time::Instant as Moment; pub use std::fs;");
    for text in [
        "mod node; fn f() { crate::dns::Moment::now(); }",
        "mod node; use crate::dns::Moment as M; fn f() { M::now(); }",
        "mod node; use crate::dns::*; fn f() { Moment::now(); }",
        "mod node; use crate::dns as words; fn f() { words::Moment::now(); }",
        "mod node; mod far { pub use crate::dns::Moment; } use far::Moment; fn f() { Moment::now(); }",
    ] {
        assert_found(&[dns, ("src/zone.rs", text)], "time is an argument there");
    }
    assert_found(&[dns, ("src/zone.rs", "mod node; use crate::dns::fs;")], "names `std::fs`");
    assert_found(&[("src/cli.rs", "use crate::aws::Region; pub fn run() {}")], "which only aws may");
    let root = format!("{lib} pub use aws as cloud;");
    assert_found(&[("src/lib.rs", &root), ("src/dns.rs", "use crate::cloud::Ecs;")], "names `crate::cloud::Ecs`");
    assert_found(&[("src/main.rs", "fn main() { ecs_resolver::nowhere::run() }")], "which is on no floor");
}

#[test]
fn a_crate_out_of_its_place_is_found() {
    for (file, text, fault) in [
        ("src/cli.rs", "use aws_config::SdkConfig; pub fn run() {}", "which only aws may"),
        ("src/cli.rs", "pub fn run() { aws_config::load() }", "which only aws may"),
        ("src/cli.rs", "extern crate aws_sdk_ecs as sdk; pub fn run() {}", "which only aws may"),
        (
            "src/aws.rs",
            "pub struct Ecs; use aws_config::Region; use ::hickory_server::Server;",
            "which only server may",
        ),
        ("src/source.rs", "pub mod clock; use moka::sync::Cache;", "which only forwarder may"),
        ("src/source.rs", "pub mod clock; use tokio::net::UdpSocket;", "sockets are opened one floor up"),
        ("src/source.rs", "pub mod clock; use std::net::{IpAddr, UdpSocket};", "sockets are opened one floor up"),
        ("src/dns.rs", "use tokio as runtime;", "can neither wait nor read a clock"),
        ("src/dns.rs", "use {tokio::task, std::fmt};", "can neither wait nor read a clock"),
        ("src/dns.rs", "fn f() { tracing::warn!(\"no\"); }", "can neither wait nor read a clock"),
        ("src/dns.rs", "fn f() { println!(\"{:?}\", tracing::Level::INFO); }", "can neither wait nor read a clock"),
    ] {
        assert_found(&[(file, text)], fault);
    }
}

#[test]
fn a_clock_on_a_lower_floor_is_found() {
    for text in [
        "fn f() { std::time::Instant::now(); }",
        "use std::time::Instant; fn f() { Instant::now(); }",
        "use std::time::Instant as I; fn f() { I::now(); }",
        "use std::time as t; fn f() { t::Instant::now(); }",
        "use std::time::*; fn f() { SystemTime::now(); }",
        "type I = std::time::Instant; fn f() { I::now(); }",
        "use std::time::Instant; fn f(x: Option<Instant>) { x.unwrap_or_else(Instant::now); }",
        "use std::time::Instant; fn f() { <Instant>::now(); }",
        "use std::time::Instant; fn f() { println!(\"{:?}\", Instant::now()); }",
        "#[cfg(not(test))] fn f() { std::time::Instant::now(); }",
        "#[cfg(any(test, unix))] fn f() { std::time::Instant::now(); }",
    ] {
        assert_found(&[("src/dns.rs", text)], "::now`, but ");
    }
    assert_found(&[("src/dns.rs", "fn f(t: std::time::Instant) { t.elapsed(); }")], "reads a clock");
    let wall = "use crate::ecs::Timestamp as T; pub fn run() { T::now(); }";
    assert_found(&[("src/cli.rs", wall)], "only source::clock reads the wall clock");
    assert_sound(&[("src/cli.rs", "pub fn run() { std::time::Instant::now(); }")]);
    assert_sound(&[("src/dns.rs", "use std::time::Instant; fn f(now: Instant) -> Instant { now }")]);
}

#[test]
fn waiting_on_a_lower_floor_is_found() {
    for text in ["async fn f() {}", "fn f() { let _ = async {}; }", "fn f() { let _ = async || (); }"] {
        assert_found(&[("src/dns.rs", text)], "is async");
    }
    assert_found(&[("src/dns.rs", "trait T { async fn f(); }")], "is async");
    assert_found(&[("src/dns.rs", "use std::sync::{Arc, Mutex};")], "nothing waits there");
    assert_found(&[("src/dns.rs", "fn f() { std::thread::yield_now() }")], "nothing waits there");
    assert_sound(&[("src/dns.rs", "use std::sync::{Arc, LazyLock};")]);
}

#[test]
fn a_snapshot_that_others_build_is_found() {
    let text = "use crate::snapshot; pub fn run() { let _ = snapshot::Snapshot { zone: 1 }; }";
    assert_found(&[("src/cli.rs", text)], "builds a snapshot");
    assert_sound(&[(
        "src/cli.rs",
        "use crate::snapshot::Snapshot; pub fn run(s: Snapshot) { let Snapshot { zone } = s; }",
    )]);
}

#[test]
fn tests_may_use_what_they_like() {
    let up = "use crate::source::f; fn f() { std::time::Instant::now(); }";
    let inline = format!("#[cfg(test)] mod tests {{ {up} }} #[cfg(all(test, unix))] fn g() {{ tokio::spawn() }}");
    assert_sound(&[("src/dns.rs", &inline)]);
    assert_sound(&[("src/dns.rs", "#[cfg(test)] mod tests;"), ("src/dns/tests.rs", up)]);
    assert_sound(&[
        ("src/dns.rs", "#[cfg(test)] mod tests;"),
        ("src/dns/tests.rs", "mod deeper;"),
        ("src/dns/tests/deeper.rs", up),
    ]);
    // The mark is the declaration's, not the name's.
    assert_found(&[("src/dns.rs", "mod tests;"), ("src/dns/tests.rs", up)], "src/dns/tests.rs:1: dns (floor 0)");
}

#[test]
fn code_out_of_sight_is_found() {
    assert_found(&[("src/dns/forgotten.rs", "")], "src/dns/forgotten.rs is no module");
    assert_found(&[("src/dns.rs", "mod gone;")], "there is no such file");
    assert_found(&[("src/dns.rs", "#[path = \"../x.rs\"] mod arn;")], "`#[path]` hides");
    assert_found(&[("src/dns.rs", "include!(\"x.rs\");")], "`include!` hides");
    assert_found(&[("src/dns.rs", "fn f( {")], "does not parse");
    let lib = format!("{} pub mod novelty;", SOUND[0].1);
    assert_found(&[("src/lib.rs", &lib), ("src/novelty.rs", "")], "`novelty` has no floor");
}

#[test]
fn long_and_nameless_files_are_found() {
    assert_eq!(file_faults("src/dns.rs", &"x\n".repeat(400)), Vec::<String>::new());
    assert!(file_faults("src/dns.rs", &"x\n".repeat(401))[0].contains("401 lines"));
    for file in ["src/util.rs", "src/helpers/x.rs", "tests/it/common/mod.rs", "src/zone/manager.rs"] {
        assert_eq!(file_faults(file, "").len(), 1, "{file}");
    }
}
