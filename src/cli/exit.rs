//! How the process ends: the codes of sysexits.h, in one place.

use crate::daemon;

/// All is well.
pub const OK: u8 = 0;
/// The command line is wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// Something that is needed is not there: a port is taken, no daemon answers (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// A fault of our own (`EX_SOFTWARE`).
pub const INTERNAL: u8 = 70;
/// Not all could be read or changed: try again (`EX_TEMPFAIL`).
pub const INCOMPLETE: u8 = 75;
/// Deletes were refused because they are too many; `--allow-mass-delete` allows them (`EX_NOPERM`).
pub const REFUSED: u8 = 77;
/// The configuration is wrong (`EX_CONFIG`).
pub const CONFIG: u8 = 78;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One of the codes above.
    pub code: u8,
    /// For standard error; may have several lines.
    pub message: String,
}

impl Failure {
    /// A failure with its code.
    pub fn new(code: u8, message: &impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }
}

impl From<daemon::Error> for Failure {
    fn from(error: daemon::Error) -> Self {
        let code = match &error {
            daemon::Error::Unavailable(_) => UNAVAILABLE,
            daemon::Error::Config(_) => CONFIG,
            daemon::Error::Internal(_) => INTERNAL,
        };
        Self::new(code, &error)
    }
}
