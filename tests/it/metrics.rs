//! The page of metrics as Prometheus sees it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use ecs_resolver::metrics::table::TABLE;

use crate::daemon::Daemon;

/// Metrics without a value in the demo: it calls no AWS and reads no cluster again and again.
const OF_AWS: [&str; 4] = [
    "ecs_resolver_aws_requests_total",
    "ecs_resolver_source_age_seconds",
    "ecs_resolver_source_interval_seconds",
    "ecs_resolver_source_pass_duration_seconds",
];

/// A metric of hosts that have an ENA interface, and `ethtool`.
const OF_ENA: &str = "ecs_resolver_host_linklocal_allowance_exceeded_total";

/// The page of a demo that has answered something of everything.
fn page() -> String {
    let demo = Daemon::start(&["demo", "--no-churn", "--upstream", "127.0.0.1:9"], &[]);
    demo.wait_ready();
    for question in ["twitchapp.ecs.internal", "+tcp web.ecs.internal", "example.com", "ANY ecs.internal", "CH TXT a"] {
        demo.dig(question);
    }
    demo.get("/metrics").1
}

/// What promtool (Debian package prometheus) says of a page; empty if it is content.
fn promtool(page: &str) -> String {
    let child =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("promtool must be installed: apt-get install prometheus");
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn promtool_finds_nothing_wrong() {
    let page = page();
    assert_eq!(promtool(&page), "", "{page}");
    let planted = page.replace("# TYPE ecs_resolver_zone_names gauge", "# TYPE ecs_resolver_zone_names counter");
    assert!(promtool(&planted).contains("ecs_resolver_zone_names"), "a planted counter without _total goes unnoticed");
}

#[test]
fn every_metric_of_the_table_is_exported_and_no_other() {
    let page = page();
    let mut exported: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    exported.insert(OF_ENA);
    let mut expected: BTreeSet<&str> = TABLE.iter().map(|metric| metric.name).collect();
    // Those of the controller: tests/it/controller/at_work.rs and tests/it/controller/queues.rs look at them.
    expected.retain(|name| !name.starts_with("ecs_resolver_register_") && !name.starts_with("ecs_resolver_queues_"));
    for name in OF_AWS {
        assert!(expected.remove(name), "{name}");
    }
    assert_eq!(exported, expected);
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = line.split_once('{').unwrap_or((line.split(' ').next().unwrap(), ""));
        let bare = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let known = |metric: &&&ecs_resolver::metrics::table::Metric| metric.name == name || Some(metric.name) == bare;
        let metric = TABLE.iter().find(known).unwrap_or_else(|| panic!("{line}"));
        for label in metric.labels {
            assert!(labels.contains(&format!("{label}=\"")), "{line} lacks {label}");
        }
    }
}

/// The interface is that of the default route, which a machine without a network has not: nothing is asked there then.
#[test]
fn what_the_network_interface_drops_is_read_by_ethtool() {
    let folder = tempfile::tempdir().unwrap();
    let (program, asked) = (folder.path().join("ethtool"), folder.path().join("asked"));
    let script = format!("#!/bin/sh\necho \"$*\" > {}\necho ' linklocal_allowance_exceeded: 4711'\n", asked.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let demo = Daemon::start(&["demo", "--no-churn", "--upstream", "127.0.0.1:9"], &[("PATH", &path)]);
    let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    if routes.lines().any(|line| line.contains("\t00000000\t")) {
        demo.wait("the counter is exported", || demo.metric(OF_ENA) == Some(4711.0));
        assert!(std::fs::read_to_string(&asked).unwrap().starts_with("-S "));
        assert_eq!(promtool(&demo.get("/metrics").1), "");
    } else {
        assert_eq!((demo.metric(OF_ENA), asked.exists()), (None, false));
    }
}
