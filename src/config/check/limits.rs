//! The values of `[limits]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Judge;
use crate::config::file;
use crate::config::settings::Limits;

/// Fewest and most TCP connections: few clients must not keep out all others, and each costs some KiB.
const CONNECTIONS: RangeInclusive<i64> = 16..=100_000;
/// Fewest and most questions under way.
const QUESTIONS: RangeInclusive<i64> = 16..=1_000_000;
/// Fewest and most of either for one client.
const OF_ONE: RangeInclusive<i64> = 1..=1_000_000;
/// Fewest and most services, tasks and container instances.
const RESOURCES: RangeInclusive<i64> = 1000..=10_000_000;
/// Shortest and longest silence.
const IDLE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

impl Judge {
    pub(super) fn limits(&mut self, spec: &file::Limits) -> Limits {
        let connections_of_one = ("limits.tcp_connections_per_client", spec.tcp_connections_per_client);
        let questions_of_one = ("limits.questions_under_way_per_client", spec.questions_under_way_per_client);
        Limits {
            tcp_connections: self.number("limits.tcp_connections", spec.tcp_connections, &CONNECTIONS),
            tcp_connections_per_client: self.number(connections_of_one.0, connections_of_one.1, &OF_ONE),
            tcp_idle: self.interval("limits.tcp_idle", &spec.tcp_idle, &IDLE),
            questions_under_way: self.number("limits.questions_under_way", spec.questions_under_way, &QUESTIONS),
            questions_under_way_per_client: self.number(questions_of_one.0, questions_of_one.1, &OF_ONE),
            inventory: self.number("limits.inventory", spec.inventory, &RESOURCES),
        }
    }
}
