//! Who is connected, and who goes when one more comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio_util::sync::CancellationToken;

/// The open connections, the oldest first.
pub(super) struct Guests {
    most: usize,
    open: Vec<Guest>,
}

/// One of them. It has left when all its other clones are gone.
#[derive(Clone)]
pub(super) struct Guest {
    /// Cancelled when it is to go.
    pub(super) told: CancellationToken,
    asked: Arc<AtomicBool>,
}

impl Guest {
    /// Notes that its question has arrived.
    pub(super) fn has_asked(&self) {
        self.asked.store(true, Relaxed);
    }

    fn has_left(&self) -> bool {
        Arc::strong_count(&self.asked) == 1
    }
}

impl Guests {
    pub(super) fn with_room_for(most: usize) -> Self {
        Self { most, open: Vec::with_capacity(most) }
    }

    /// Takes in one more; if there is no room for it, the oldest goes that has asked nothing yet, or else the oldest.
    pub(super) fn admit(&mut self) -> Guest {
        self.open.retain(|guest| !guest.has_left());
        if self.open.len() >= self.most && !self.open.is_empty() {
            let first = self.open.iter().position(|guest| !guest.asked.load(Relaxed)).unwrap_or_default();
            self.open.remove(first).told.cancel();
        }
        let guest = Guest { told: CancellationToken::new(), asked: Arc::default() };
        self.open.push(guest.clone());
        guest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_go_first_that_have_asked_nothing() {
        let mut guests = Guests::with_room_for(3);
        let (busy, idle, left) = (guests.admit(), guests.admit(), guests.admit());
        busy.has_asked();
        drop(left);
        let _second = guests.admit();
        assert!(!busy.told.is_cancelled() && !idle.told.is_cancelled(), "one has left by itself");
        let third = guests.admit();
        assert!(!busy.told.is_cancelled() && idle.told.is_cancelled());
        third.has_asked();
        _second.has_asked();
        let _fourth = guests.admit();
        assert!(busy.told.is_cancelled(), "all have asked, and it is the oldest");
        assert!(!third.told.is_cancelled());
    }
}
