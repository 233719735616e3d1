//! What the fake was asked.

use super::op::Op;

/// One call, as it was asked and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation.
    pub op: Op,
    /// How many names, ids or ARNs it asked for; 0 for lists and for "all".
    pub batch: usize,
    /// The page size it asked for, if any.
    pub max_results: Option<usize>,
    /// The HTTP status of the answer; 0 if the connection was dropped instead.
    pub status: u16,
    /// The error code of the answer, if it was one.
    pub error: Option<&'static str>,
}
