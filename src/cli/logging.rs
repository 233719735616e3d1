//! The log: to standard error, where journald and container runtimes collect it.

mod lines;
mod pace;

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{MakeWriter, format};

use crate::config::settings::{Log, LogFormat};
use crate::config::{Overrides, environment, values};
use pace::Paced;

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
    let (subscriber, relevel) = subscriber(log, std::io::stderr, std::io::stderr().is_terminal());
    // Fails only when there is a subscriber already.
    let _ = tracing::subscriber::set_global_default(subscriber);
    relevel
}

fn subscriber<W>(log: &Log, writer: W, ansi: bool) -> (Box<dyn Subscriber + Send + Sync>, Relevel)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(filter(log)).with_writer(writer).with_ansi(ansi);
    // A line that cannot be written is lost, and nothing else: a complaint would go where it could not be written either.
    let lines = lines.log_internal_errors(false);
    match log.format {
        LogFormat::Text => {
            let format = Paced::new(format().with_ansi(ansi), false);
            let lines = lines.fmt_fields(lines::fields()).event_format(format).with_filter_reloading();
            let handle = lines.reload_handle();
            let relevel = Relevel(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())));
            (Box::new(lines.finish()), relevel)
        }
        LogFormat::Json => {
            let lines = lines.json().map_event_format(|json| Paced::new(json, true)).with_filter_reloading();
            let handle = lines.reload_handle();
            let relevel = Relevel(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())));
            (Box::new(lines.finish()), relevel)
        }
    }
}

fn filter(log: &Log) -> EnvFilter {
    // A text that is none has been refused before. What the filter does not know it would complain of on standard error.
    let level = values::log_filter(&log.level).unwrap_or_else(|_| "info".to_owned());
    EnvFilter::new(format!("{level},{CODEC}"))
}

/// Takes the level from RUST_LOG when neither our flag nor our variable gives one.
pub(super) fn heed_rust_log(overrides: &mut Overrides) {
    if overrides.log_level.as_ref().is_none_or(String::is_empty) {
        overrides.log_level = std::env::var(environment::RUST_LOG).ok();
    }
}

#[cfg(test)]
mod tests;
