//! The private hosted zone, read through the API of Route 53.

mod paced;

pub use paced::Paced;
