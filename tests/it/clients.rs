//! Clients that are not `dig`: the C library, Python, kdig, and one that sends what nobody should.

use std::path::Path;
use std::process::Command;

use crate::daemon::Daemon;
use crate::moto;
use crate::namespace::{self, skipped};

fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name).to_str().unwrap().to_owned()
}

fn demo() -> Daemon {
    let demo = Daemon::start(&["demo", "--no-churn"], &[]);
    demo.wait_ready();
    demo
}

#[test]
fn strange_packets_are_answered_by_the_book() {
    let demo = demo();
    let (host, port, http) = (demo.dns.ip().to_string(), demo.dns.port().to_string(), demo.http.port().to_string());
    let python = moto::venv().join("bin/python");
    let output = Command::new(python).args([script("packets.py"), host, port, http]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(demo.metric("ecs_resolver_dns_dropped_total{reason=\"no_query\"}") >= Some(14.0));
    assert_eq!(demo.metric("ecs_resolver_dns_dropped_total{reason=\"fault\"}"), Some(0.0), "{}", demo.log());
    assert!(demo.terminate().success());
}

#[test]
fn programs_find_names_through_the_c_library() {
    let mut own = match namespace::own("command -v dig getent python3") {
        Ok(own) => own,
        Err(why) => return skipped("getent with a resolv.conf of its own", &why),
    };
    let output = own.args([&script("getent.sh"), env!("CARGO_BIN_EXE_ecs-resolver")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let big: Vec<String> = (20..40).map(|host| format!("10.5.32.{host}")).collect();
    let expected = [
        "silent: 10.5.10.123 10.5.15.123".to_owned(),
        "servfail: 10.5.10.123 10.5.15.123".to_owned(),
        "search: 10.5.32.10 10.5.32.11 10.5.32.12".to_owned(),
        "ipv6: 2001:db8:5::a05:2012 2001:db8:5::a05:2013".to_owned(),
        "reverse: 10.5.32.10".to_owned(),
        format!("big: {}", big.join(" ")),
        "nosuch: ".to_owned(),
        "python: 10.5.32.8 10.5.32.9".to_owned(),
    ];
    let lines: Vec<&str> = said.lines().collect();
    let (ours, others) = lines.split_at(expected.len());
    assert_eq!(ours, expected);
    assert_eq!(others.len(), 3, "{said}");
    for (line, program) in others.iter().zip(["node", "busybox", "musl"]) {
        match line.strip_prefix(program).and_then(|rest| rest.strip_prefix(": ")) {
            Some("not installed") => skipped(program, "not installed"),
            found => assert_eq!(found, Some("10.5.32.8 10.5.32.9"), "{said}"),
        }
    }
}

#[test]
fn kdig_asks_twice_on_one_connection() {
    let demo = demo();
    let (server, port) = (format!("@{}", demo.dns.ip()), demo.dns.port().to_string());
    let mut kdig = Command::new("kdig");
    kdig.args([&server, "-p", &port, "+tcp", "+keepopen", "+short", "+timeout=30"]);
    kdig.args(["dns-version.ecs.internal", "TXT", "web.ecs.internal", "A"]);
    match kdig.output() {
        Err(error) => skipped("kdig (Debian package knot-dnsutils)", &error.to_string()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let mut lines: Vec<&str> = said.lines().collect();
            lines.sort_unstable();
            assert_eq!(lines, ["\"1.0.0\"", "10.5.32.10", "10.5.32.11", "10.5.32.12"]);
        }
    }
}
