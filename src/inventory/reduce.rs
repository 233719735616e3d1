//! One change applied to the inventory: pure, total, deterministic.

use super::{Change, Inventory, Outcome};

/// Applies `change`.
#[must_use]
pub fn reduce(inventory: Inventory, _change: Change) -> (Inventory, Outcome) {
    (inventory, Outcome::Unchanged)
}
