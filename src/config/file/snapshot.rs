//! `[snapshot]` as it is in the file.

use serde::Deserialize;

/// What is kept on disk over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Snapshot {
    /// The file of the inventory, or `off`; none: in the folder that systemd gives.
    pub path: Option<String>,
    /// How old what is known of a cluster may become.
    pub max_age: String,
    /// Bytes of forwarded answers that are kept beside it, or `off`.
    pub cache: String,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { path: None, max_age: "168h".to_owned(), cache: "off".to_owned() }
    }
}
