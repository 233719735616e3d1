use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;
use crate::dns::RecordType;

fn filled() -> Metrics {
    let metrics = Metrics::new("1.2.3");
    let (worker, other, shared) = (metrics.worker(), metrics.worker(), metrics.shared());
    for counters in [&worker, &other, &shared] {
        counters.asked(Proto::Udp, RecordType::A);
        counters.answered(Source::Zone, 0, false);
        counters.took(1, Duration::from_micros(10));
    }
    shared.asked(Proto::Tcp, RecordType::Unknown(65_280));
    shared.answered(Source::Error, 16, true);
    shared.took(1, Duration::from_secs(60));
    shared.dropped(Dropped::Busy);
    metrics.aws_request("ecs:ListServices", "throttled");
    metrics.provide(&table::SOURCE_AGE, |samples| samples.labelled(&["desc\"ribe\n"], 1.5));
    metrics.provide(&table::ZONE_SERIAL, |samples| samples.value(42.0));
    metrics
}

#[test]
fn the_sets_of_all_workers_are_summed() {
    let page = filled().encode();
    for line in [
        "ecs_resolver_build_info{version=\"1.2.3\"} 1.0",
        "ecs_resolver_dns_requests_total{proto=\"udp\",type=\"A\"} 3.0",
        "ecs_resolver_dns_requests_total{proto=\"tcp\",type=\"other\"} 1.0",
        "ecs_resolver_dns_responses_total{rcode=\"NOERROR\"} 3.0",
        "ecs_resolver_dns_responses_total{rcode=\"BADVERS\"} 1.0",
        "ecs_resolver_dns_answers_total{source=\"zone\"} 3.0",
        "ecs_resolver_dns_truncated_total 1.0",
        "ecs_resolver_dns_dropped_total{reason=\"busy\"} 1.0",
        "ecs_resolver_dns_request_duration_seconds_count 4",
        "ecs_resolver_dns_request_duration_seconds_bucket{le=\"0.000016\"} 3",
        "ecs_resolver_dns_request_duration_seconds_bucket{le=\"5.0\"} 3",
        "ecs_resolver_dns_request_duration_seconds_bucket{le=\"+Inf\"} 4",
        "ecs_resolver_aws_requests_total{operation=\"ecs:ListServices\",result=\"throttled\"} 1.0",
        "ecs_resolver_source_age_seconds{source=\"desc\\\"ribe\\n\"} 1.5",
        "ecs_resolver_zone_serial 42.0",
    ] {
        assert!(page.lines().any(|have| have == line), "{line} is not in\n{page}");
    }
}

#[test]
fn only_what_is_in_the_table_is_exported_and_only_once_provided() {
    let page = filled().encode();
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let metric = table::TABLE.iter().find(|metric| metric.name == name).unwrap();
        assert_eq!(kind, format!("{:?}", metric.kind).to_lowercase(), "{name}");
    }
    assert!(!page.contains(table::CACHE_HITS.name) && page.contains(table::DNS_REQUESTS.name));
}

#[test]
fn names_follow_the_conventions() {
    let mut names: Vec<&str> = table::TABLE.iter().map(|metric| metric.name).collect();
    for metric in table::TABLE {
        assert!(metric.name.starts_with("ecs_resolver_"), "{}", metric.name);
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), table::TABLE.len());
}

#[test]
fn promtool_has_nothing_to_say() {
    let metrics = filled();
    for metric in table::TABLE.iter().filter(|metric| metric.kind != Kind::Histogram) {
        metrics.provide(metric, |samples| samples.labelled(&vec!["x"; metric.labels.len()], 1.0));
    }
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = spawned else {
        eprintln!("promtool is not installed: its opinion is skipped");
        return;
    };
    promtool.stdin.take().unwrap().write_all(metrics.encode().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
