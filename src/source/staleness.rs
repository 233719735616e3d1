//! When what is known of a cluster is older than it should be: pure. `/ready`, and the remark with every answer (EDE 3,
//! RFC 8914), say the same.

use std::time::Duration;

use super::status::StatusReport;
use crate::dns::Ede;
use crate::ecs::{ClusterArn, Timestamp};

/// Passes that may fail in a row, and the time that one may take, before what was read is too old.
const PASSES_BOUND: (u32, Duration) = (3, Duration::from_secs(60));

/// A cluster that should have been read since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Which one.
    pub cluster: ClusterArn,
    /// When the last complete pass over it began.
    pub as_of: Timestamp,
    /// Whether that was before the restart.
    pub restored: bool,
}

impl Stale {
    /// How old that is.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        age(self.as_of, now)
    }
}

/// Time since `then`; zero if a clock says that it is still to come.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// The clusters of which too little has been heard, those of before the restart first.
#[must_use]
pub fn of(report: &StatusReport, now: Timestamp) -> Vec<Stale> {
    let stale = |restored: bool| {
        move |(cluster, as_of): (&ClusterArn, &Timestamp)| Stale { cluster: cluster.clone(), as_of: *as_of, restored }
    };
    let (passes, pass) = PASSES_BOUND;
    let bound = report.interval.map(|interval| interval.effective * passes + pass);
    let too_old = |(_, read): &(&ClusterArn, &Timestamp)| bound.is_some_and(|bound| age(**read, now) > bound);
    let old = report.complete.iter().filter(too_old).map(stale(false));
    report.restored.iter().map(stale(true)).chain(old).collect()
}

/// What to say with every answer while clusters are stale: how old the answers are, and of which clusters. `None`: none
/// is. It says a time and no age, so that it holds for as long as the state does.
#[must_use]
pub fn remark(stale: &[Stale]) -> Option<Ede> {
    let oldest = stale.iter().map(|stale| stale.as_of).min()?;
    let names: Vec<_> = stale.iter().map(|stale| stale.cluster.id()).collect();
    let noun = if names.len() == 1 { "cluster" } else { "clusters" };
    let text = format!("inventory as of {}, not read since: {noun} {}", seconds(oldest), names.join(", "));
    Some(Ede::new(Ede::STALE_ANSWER, &text))
}

/// A time for people: nobody asks for its fractions of a second.
#[must_use]
pub fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::pace::Interval;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn cluster(name: &str) -> ClusterArn {
        ClusterArn::parse(&format!("arn:aws:ecs:us-east-1:123456789012:cluster/{name}")).unwrap()
    }

    /// `prod` was read at 0 s, and is read every 30 s.
    fn report() -> StatusReport {
        let every = Duration::from_secs(30);
        let interval = Interval { configured: every, effective: every, limited_by: None, agents: 1 };
        StatusReport { complete: [(cluster("prod"), at(0))].into(), interval: Some(interval), ..Default::default() }
    }

    #[test]
    fn a_cluster_is_stale_when_several_passes_have_failed() {
        assert_eq!(of(&report(), at(150)), []);
        let stale = of(&report(), at(86_400));
        assert_eq!(stale, [Stale { cluster: cluster("prod"), as_of: at(0), restored: false }]);
        assert_eq!(remark(&stale).unwrap().code(), 3);
        assert_eq!(
            remark(&stale).unwrap().text(),
            "inventory as of 1970-01-12T13:46:40Z, not read since: cluster prod"
        );
    }

    #[test]
    fn a_cluster_is_stale_from_a_restart_until_it_is_read() {
        let restored = StatusReport { restored: [(cluster("old"), at(-60))].into(), ..report() };
        let stale = of(&restored, at(0));
        assert_eq!(stale, [Stale { cluster: cluster("old"), as_of: at(-60), restored: true }]);
        assert_eq!(stale[0].age(at(0)), Duration::from_secs(60));
        assert_eq!(stale[0].age(at(-90)), Duration::ZERO, "a clock that was ahead");
        let both = remark(&of(&restored, at(900))).unwrap();
        assert!(both.text().ends_with("clusters old, prod"), "{}", both.text());
        assert_eq!(remark(&[]), None);
    }
}
