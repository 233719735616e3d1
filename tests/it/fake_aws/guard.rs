//! The world, locked; what was changed under the lock becomes known when it is dropped.

use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;

use super::{Shared, World, lock};

/// A lock of the world. See [`FakeAws::world`](super::FakeAws::world).
#[derive(Debug)]
pub struct WorldGuard<'f> {
    world: MutexGuard<'f, World>,
    shared: &'f Shared,
}

impl<'f> WorldGuard<'f> {
    pub(super) fn new(shared: &'f Shared) -> Self {
        Self { world: lock(&shared.world), shared }
    }
}

impl Deref for WorldGuard<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for WorldGuard<'_> {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Drop for WorldGuard<'_> {
    /// Sends events while the world is still locked, so that their order is that of the changes.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let touched = self.world.take_touched();
        let parcels = lock(&self.shared.emission).as_mut().map(|emission| emission.parcels(&touched, &self.world));
        super::send(self.shared, parcels.unwrap_or_default());
    }
}
