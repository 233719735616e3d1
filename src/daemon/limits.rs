//! From the settings of `[limits]`, and what the operating system lets us have, to the limits of the server.

use crate::config::settings;
use crate::server::{self, Limits};

/// The limits; raises that of the operating system on file descriptors as far as it goes. TCP connections may have half
/// of those: the others are for sockets to upstreams and to AWS.
pub(super) fn of(config: &settings::Limits) -> Limits {
    let descriptors = server::raise_descriptors();
    let half = usize::try_from(descriptors / 2).unwrap_or(usize::MAX).max(1);
    if half < config.tcp_connections {
        tracing::warn!(
            "limits.tcp_connections is {}, but of {descriptors} file descriptors TCP connections may have only {half}: \
             raise LimitNOFILE= (ulimit -n)",
            config.tcp_connections,
        );
    }
    Limits {
        tcp_connections: config.tcp_connections.min(half),
        tcp_connections_per_client: config.tcp_connections_per_client,
        tcp_idle: config.tcp_idle,
        questions_under_way: config.questions_under_way,
        questions_under_way_per_client: config.questions_under_way_per_client,
    }
}
