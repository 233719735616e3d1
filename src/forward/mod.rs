//! Forwarding, the pure half: what is asked upstream, how one exchange goes, and what is kept of the reply.
//!
//! No socket, no clock and no random number: time, ids and bytes are arguments. The asynchronous half is
//! [`forwarder`](crate::forwarder), the sockets are in [`link`](crate::link).

mod accept;
pub mod entry;
pub mod exchange;
pub mod key;
pub mod query;
#[cfg(test)]
pub(crate) mod testing;
pub mod upstream;
mod wire;

pub use accept::{Caps, Refusal};
pub use entry::{Decoded, Entry};
pub use exchange::{Exchange, Failure, Heard, MAX_TRIES, Tally, Timing, Transmit, Transport};
pub use key::Key;
pub use upstream::asks_ourselves;
