//! How many file descriptors the process may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What is supposed where the operating system does not say: the least that it gives.
const LEAST: u64 = 1024;

/// Raises the limit to the highest that we may have, and returns what it is then.
pub fn raise() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return LEAST };
    if soft >= hard {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            tracing::debug!(%error, "the limit on file descriptors stays at {soft} of {hard}");
            soft
        }
    }
}
