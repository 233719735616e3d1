//! The log: to standard error, where journald and container runtimes collect it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::Overrides;
use crate::config::settings::{Log, LogFormat};

/// What the codec says of packets from outside is for whoever sends them to choose: never more than errors.
const CODEC: &str = "hickory_proto=error,hickory_server=error,hickory_net=error";

/// Starts logging. A second call changes nothing.
pub(crate) fn start(log: &Log) {
    let stderr = std::io::stderr;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("{},{CODEC}", log.level)))
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    // Fails only when there is a subscriber already.
    let _ = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}

/// Takes the level from RUST_LOG when neither our flag nor our variable gives one.
pub(super) fn heed_rust_log(overrides: &mut Overrides) {
    if overrides.log_level.as_ref().is_none_or(String::is_empty) {
        overrides.log_level = std::env::var("RUST_LOG").ok();
    }
}
