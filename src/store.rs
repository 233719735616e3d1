//! What is kept on disk over a restart: one file a kind, that is whole or refused.
//!
//! `envelope` is the form of a file: what it is, how long it is, and a checksum over what it holds (against accidents;
//! who may write to the directory may also write a checksum). `file` reads and replaces files. Nothing here knows what
//! is kept, or when.

mod envelope;
mod file;
mod refusal;

pub use envelope::Kind;
pub use file::{MOST, read, sweep, write};
pub use refusal::Refusal;
