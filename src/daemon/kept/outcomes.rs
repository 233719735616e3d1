//! What became of writing a file, for the log and the metrics.

use std::path::PathBuf;
use std::sync::Arc;

use super::Counts;
use crate::daemon::wording::counted;
use crate::store::Kind;

/// One failure in so many is told of: the first, and then now and then.
const TOLD: u32 = 10;

/// The outcomes of writing one file.
pub(super) struct Outcomes {
    path: PathBuf,
    kind: Kind,
    counts: Arc<Counts>,
    failures: u32,
}

impl Outcomes {
    pub(super) fn of(path: PathBuf, kind: Kind, counts: Arc<Counts>) -> Self {
        Self { path, kind, counts, failures: 0 }
    }

    /// It was written, with this size.
    pub(super) fn saved(&mut self, size: u64) {
        self.counts.saved(self.kind, size);
        if self.failures > 0 {
            let failures = counted(self.failures as usize, "failure");
            tracing::info!("{} is written again, after {failures}", self.path.display());
        }
        self.failures = 0;
    }

    /// It was not.
    pub(super) fn failed(&mut self, error: &str) {
        self.counts.failed(self.kind);
        if self.failures.is_multiple_of(TOLD) {
            tracing::error!(
                "{} cannot be written: {error}; answers go on, but a restart would begin with what was saved before. \
                 Make room or the folder, or name another file in snapshot.path",
                self.path.display()
            );
        }
        self.failures += 1;
    }
}
