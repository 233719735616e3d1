//! Placeholder of the branch `config`: the wiring replaces it.

use crate::config::{Config, DemoSettings};

/// Why the daemon ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something outside is missing: a port is taken, a file cannot be read.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of our own.
    #[error("{0}")]
    Internal(String),
}

/// Serves until a signal.
///
/// # Errors
/// [`Error`].
pub fn run(config: Config) -> Result<(), Error> {
    drop(config);
    Err(Error::Internal("the daemon is not wired in this branch".to_owned()))
}

/// Serves a made-up cluster until a signal.
///
/// # Errors
/// [`Error`].
pub fn demo(settings: DemoSettings) -> Result<(), Error> {
    run(settings.config)
}
