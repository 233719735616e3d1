//! How many TCP connections are open, in all and from each client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

/// Limits on open connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) total: usize,
    /// From one address of another host or container.
    pub(super) per_client: usize,
    /// From each loopback address: many programs share it.
    pub(super) per_loopback: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: 512, per_client: 64, per_loopback: 384 }
    }
}

/// The connections that are open.
#[derive(Debug, Default)]
pub(super) struct Admission {
    limits: Limits,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_client: HashMap<IpAddr, usize, RandomState>,
}

/// An open connection's place; dropping it makes room.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    client: IpAddr,
}

impl Admission {
    #[cfg(test)]
    pub(super) fn with(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// A place for a connection from `client`, if there is one.
    pub(super) fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let client = client.to_canonical();
        let limit = if client.is_loopback() { self.limits.per_loopback } else { self.limits.per_client };
        let mut open = self.lock();
        if open.total >= self.limits.total || open.by_client.get(&client).is_some_and(|count| *count >= limit) {
            return None;
        }
        open.total += 1;
        *open.by_client.entry(client).or_default() += 1;
        Some(Place { admission: Arc::clone(self), client })
    }

    /// Connections open now.
    pub(super) fn open(&self) -> usize {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        open.total = open.total.saturating_sub(1);
        let left = open.by_client.get(&self.client).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            open.by_client.remove(&self.client);
        } else {
            open.by_client.insert(self.client, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_and_all_together_are_limited_and_places_come_back() {
        let admission = Arc::new(Admission::with(Limits { total: 4, per_client: 2, per_loopback: 3 }));
        let (one, two, local) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), [127, 0, 0, 1].into());
        let mut places: Vec<Place> = (0..3).filter_map(|_| admission.admit(one)).collect();
        assert_eq!(places.len(), 2);
        places.extend(admission.admit(local));
        places.extend(admission.admit(two));
        assert_eq!((places.len(), admission.open()), (4, 4));
        assert!(admission.admit(local).is_none());
        places.clear();
        assert_eq!(admission.open(), 0);
        assert!(admission.lock().by_client.is_empty());
        places.extend((0..5).filter_map(|_| admission.admit(local)));
        assert_eq!(places.len(), 3);
    }
}
