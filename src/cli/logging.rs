//! The log: to standard error, where journald and container runtimes collect it.

mod lines;
mod pace;

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{MakeWriter, format};

use crate::config::Overrides;
use crate::config::settings::{Log, LogFormat};
use pace::Paced;

/// What the codec says of packets from outside is for whoever sends them to choose: never more than errors.
const CODEC: &str = "hickory_proto=error,hickory_server=error,hickory_net=error";

/// Starts logging. A second call changes nothing.
pub(crate) fn start(log: &Log) {
    // Fails only when there is a subscriber already.
    let _ = tracing::subscriber::set_global_default(subscriber(log, std::io::stderr, std::io::stderr().is_terminal()));
}

fn subscriber<W>(log: &Log, writer: W, ansi: bool) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::new(format!("{},{CODEC}", log.level));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(ansi);
    match log.format {
        LogFormat::Text => Box::new(
            lines.fmt_fields(lines::fields()).event_format(Paced::new(format().with_ansi(ansi), false)).finish(),
        ),
        LogFormat::Json => Box::new(lines.json().map_event_format(|json| Paced::new(json, true)).finish()),
    }
}

/// Takes the level from RUST_LOG when neither our flag nor our variable gives one.
pub(super) fn heed_rust_log(overrides: &mut Overrides) {
    if overrides.log_level.as_ref().is_none_or(String::is_empty) {
        overrides.log_level = std::env::var("RUST_LOG").ok();
    }
}

#[cfg(test)]
mod tests;
