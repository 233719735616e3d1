//! Forwarding, the pure half: what is asked upstream, how one exchange goes, and what is kept of the reply.
//!
//! No socket, no clock and no random number: time, numbers and bytes are arguments. The asynchronous half is
//! [`forwarder`](crate::forwarder), the sockets are in [`link`](crate::link).

mod accept;
pub mod entry;
pub mod exchange;
pub mod health;
pub mod hosts;
pub mod key;
pub mod local;
pub mod plan;
pub mod query;
pub mod random;
pub mod reject;
pub mod saved;
#[cfg(test)]
pub(crate) mod testing;
pub mod upstream;
mod wire;

pub use accept::{Caps, Refusal};
pub use entry::{Decoded, Entry};
pub use exchange::{Exchange, Failure, Heard, MAX_DATAGRAM, Tally, Transmit, Transport};
pub use health::{Health, Observation, Turn};
pub use key::{Key, KeyRef};
pub use local::{Blocked, LocalAnswer, LocalNames};
pub use plan::{Candidate, Edns, Plan, Policy, Timing};
pub use random::{MAX_TRIES, Random};
pub use reject::{Reject, Rejects};
pub use upstream::asks_ourselves;
