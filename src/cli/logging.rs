//! The log: to standard error, where journald and container runtimes collect it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::Overrides;
use crate::config::settings::{Log, LogFormat};

/// What the codec says of packets from outside is for whoever sends them to choose: never more than errors.
const CODEC: &str = "hickory_proto=error,hickory_server=error,hickory_net=error";

/// Changes how much is logged.
pub(crate) struct Relevel(Box<dyn Fn(EnvFilter) -> Result<(), String> + Send>);

impl Relevel {
    /// Logs as much as `log` says from now on.
    ///
    /// # Errors
    /// When somebody else has started logging.
    pub(crate) fn to(&self, log: &Log) -> Result<(), String> {
        self.0(filter(log))
    }
}

/// Starts logging. A second call changes nothing.
pub(crate) fn start(log: &Log) -> Relevel {
    let stderr = std::io::stderr;
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter(log)).with_writer(stderr).with_ansi(stderr().is_terminal());
    // It fails only when there is a subscriber already.
    match log.format {
        LogFormat::Text => {
            let lines = lines.with_filter_reloading();
            let handle = lines.reload_handle();
            let _ = lines.try_init();
            Relevel(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())))
        }
        LogFormat::Json => {
            let lines = lines.json().with_filter_reloading();
            let handle = lines.reload_handle();
            let _ = lines.try_init();
            Relevel(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())))
        }
    }
}

fn filter(log: &Log) -> EnvFilter {
    EnvFilter::new(format!("{},{CODEC}", log.level))
}

/// Takes the level from RUST_LOG when neither our flag nor our variable gives one.
pub(super) fn heed_rust_log(overrides: &mut Overrides) {
    if overrides.log_level.as_ref().is_none_or(String::is_empty) {
        overrides.log_level = std::env::var("RUST_LOG").ok();
    }
}
