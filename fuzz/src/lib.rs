//! What the fuzz targets do with their bytes, one module a target. Each panics when something is not as it must be.
//!
//! On nightly Rust `cargo fuzz run <target>` calls them; on stable Rust `tests/it/fuzz.rs` of the main package includes
//! this file and runs the corpora and some mutations of them.

pub mod cache;
pub mod config;
pub mod event;
pub mod packet;
pub mod reply;
mod rig;
pub mod snapshot;
pub mod tcp_stream;
pub mod upstream_reply;
