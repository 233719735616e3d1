//! How others ask for passes, and hear of them.

use tokio::sync::watch;

/// Asks for a pass before the interval is over. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Trigger {
    asked: watch::Sender<()>,
    made: watch::Sender<Made>,
}

/// Passes so far.
#[derive(Debug, Clone, Copy, Default)]
struct Made {
    begun: u64,
    ended: u64,
}

impl Trigger {
    /// Asks for a pass that begins from now on. Several who ask before it begins share it.
    pub fn poke(&self) {
        self.asked.send_replace(());
    }

    /// Asks for a pass and waits until one that began after this call is through, however it went.
    pub async fn fresh_pass(&self) {
        let mut made = self.made.subscribe();
        let next = made.borrow_and_update().begun + 1;
        self.poke();
        // It cannot be closed: we hold a sender ourselves.
        let _ = made.wait_for(|made| made.ended >= next).await;
    }

    /// Whether somebody asks, from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.asked.subscribe()
    }

    pub(super) fn begin(&self) {
        self.made.send_modify(|made| made.begun += 1);
    }

    pub(super) fn end(&self) {
        self.made.send_modify(|made| made.ended += 1);
    }
}
