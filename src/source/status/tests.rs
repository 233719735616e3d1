use super::*;
use crate::source::pace::Bucket;
use crate::source::ports::ApiErrorKind;

fn error(kind: ApiErrorKind) -> ApiError {
    ApiError { operation: "ecs:ListTasks", kind, message: "no".to_owned() }
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

/// Feeds a ledger outcomes by minute and returns what it would have logged.
fn heard(outcomes: &[(i64, Option<ApiErrorKind>)]) -> Vec<(i64, &'static str)> {
    let mut ledger = Ledger::default();
    let mut heard = Vec::new();
    for &(at, kind) in outcomes {
        let failure = kind.map(error);
        let outcome = failure.as_ref().map_or(Ok(()), Err);
        match ledger.settle("ecs:ListTasks", Some("prod"), outcome, minute(at)) {
            None => {}
            Some(Notice::Started(_)) => heard.push((at, "started")),
            Some(Notice::Still(_)) => heard.push((at, "still")),
            Some(Notice::Recovered(_)) => heard.push((at, "recovered")),
        }
    }
    heard
}

#[test]
fn a_failure_is_told_when_it_starts_now_and_then_and_when_it_ends() {
    let denied = Some(ApiErrorKind::Denied);
    let outcomes = [(0, None), (1, denied), (2, denied), (10, denied), (11, denied), (12, denied), (13, None)];
    assert_eq!(heard(&outcomes), [(1, "started"), (11, "still"), (13, "recovered")]);
}

#[test]
fn a_failure_that_changes_its_kind_is_told_again() {
    let (denied, throttled) = (Some(ApiErrorKind::Denied), Some(ApiErrorKind::Throttled));
    let outcomes = [(1, denied), (2, throttled), (3, denied), (4, throttled), (5, None)];
    assert_eq!(heard(&outcomes), [(1, "started"), (2, "started"), (5, "recovered")]);
}

#[test]
fn a_call_that_comes_and_goes_is_quiet() {
    let throttled = Some(ApiErrorKind::Throttled);
    let outcomes: Vec<_> = (0..20).map(|at| (at, if at % 2 == 0 { throttled } else { None })).collect();
    assert_eq!(heard(&outcomes), [(0, "started"), (1, "recovered"), (10, "started"), (11, "recovered")]);
}

#[test]
fn the_report_names_call_cluster_reason_permission_and_time() {
    let status = SourceStatus::default();
    let denied = error(ApiErrorKind::Denied);
    status.settle("ecs:ListTasks", Some("prod"), Err(&denied), minute(1));
    status.settle("ecs:ListTasks", Some("prod"), Err(&denied), minute(2));
    status.settle("ecs:ListTasks", Some("test"), Ok(()), minute(2));
    let failing = status.report().failing;
    assert_eq!(failing.len(), 1);
    let text = failing[0].to_string();
    for part in ["cluster prod", "add ecs:ListTasks to the role", "(no)", "since 1970-01-01T00:01:00"] {
        assert!(text.contains(part), "{text}");
    }
    status.settle("ecs:ListTasks", Some("prod"), Ok(()), minute(3));
    assert_eq!(status.report().failing, []);
}

#[test]
fn a_cluster_that_is_forgotten_leaves_nothing() {
    let status = SourceStatus::default();
    let cluster = ClusterArn::parse("arn:aws:ecs:r:1:cluster/prod").unwrap();
    status.complete(&cluster, minute(1));
    status.settle("ecs:ListTasks", Some("prod"), Err(&error(ApiErrorKind::Other)), minute(1));
    status.forget(&cluster);
    assert_eq!(status.report(), StatusReport::default());
}

#[test]
fn counts_add_up() {
    let status = SourceStatus::default();
    status.passed(Duration::from_secs(2), false);
    status.passed(Duration::from_secs(1), true);
    let report = status.report();
    assert_eq!((report.complete_passes, report.incomplete_passes), (1, 1));
    assert_eq!(report.last_pass, Some(Duration::from_secs(1)));
}

#[test]
fn a_stretched_interval_is_told_once() {
    let interval = |seconds, limited_by| Interval {
        configured: Duration::from_secs(30),
        effective: Duration::from_secs(seconds),
        limited_by,
        agents: 9,
    };
    let (plain, at_100) = (interval(30, None), interval(100, Some(Bucket::Service)));
    let table = [
        (None, plain, false),
        (Some(plain), plain, false),
        (None, at_100, true),
        (Some(plain), at_100, true),
        (Some(at_100), interval(120, Some(Bucket::Ec2)), false),
        (Some(at_100), interval(130, Some(Bucket::Service)), true),
        (Some(at_100), interval(60, Some(Bucket::Service)), true),
        (Some(at_100), plain, true),
    ];
    for (told, now, expected) in table {
        assert_eq!(is_news(told.as_ref(), &now), expected, "{told:?} {now:?}");
    }
}
