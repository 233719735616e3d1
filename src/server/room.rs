//! Places for questions that wait for an upstream, in all and for each client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::limits::LiveLimits;
use crate::access::Client;
use crate::metrics::Dropped;

/// The places.
#[derive(Debug)]
pub(super) struct Room {
    limits: LiveLimits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_client: HashMap<Client, usize, RandomState>,
}

/// A question's place; dropping it makes room.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    client: Client,
}

impl Room {
    pub(super) fn new(limits: LiveLimits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    /// A place for a question of `client`, or why there is none.
    pub(super) fn place(self: &Arc<Self>, client: impl Into<Client>) -> Result<Place, Dropped> {
        let (client, limits) = (client.into(), self.limits.get());
        let mut taken = self.lock();
        if taken.total >= limits.questions_under_way {
            return Err(Dropped::Busy);
        }
        let of_client = taken.by_client.entry(client).or_default();
        if *of_client >= limits.questions_of(client) {
            return Err(Dropped::Share);
        }
        *of_client += 1;
        taken.total += 1;
        Ok(Place { room: Arc::clone(self), client })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        taken.total = taken.total.saturating_sub(1);
        let left = taken.by_client.get(&self.client).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            taken.by_client.remove(&self.client);
        } else {
            taken.by_client.insert(self.client, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::limits::Limits;
    use super::*;

    #[test]
    fn each_client_and_all_together_are_limited_and_places_come_back() {
        let few = Limits { questions_under_way: 4, questions_under_way_per_client: 2, ..Limits::default() };
        let limits = LiveLimits::new(few.clone());
        let room = Room::new(limits.clone());
        let clients: [IpAddr; 3] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into(), [127, 0, 0, 1].into()];
        let mut places = vec![room.place(clients[0]).unwrap(), room.place(clients[0]).unwrap()];
        assert_eq!(room.place(clients[0]).unwrap_err(), Dropped::Share);
        places.extend([room.place(clients[1]).unwrap(), room.place(clients[2]).unwrap()]);
        assert_eq!(room.place(clients[1]).unwrap_err(), Dropped::Busy);
        places.clear();
        assert!(room.lock().total == 0 && room.lock().by_client.is_empty());
        places.extend((0..3).map(|_| room.place(clients[2]).unwrap()));
        assert_eq!(room.place(clients[2]).unwrap_err(), Dropped::Share);
        limits.set(Limits { questions_under_way: 3, ..few });
        assert_eq!(room.place(clients[0]).unwrap_err(), Dropped::Busy, "limits may change at any time");
    }
}
