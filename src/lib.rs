//! `ecs-resolver`: a local DNS resolver and discovery proxy for Amazon ECS container instances.
//!
//! The table of contents, floor by floor. A floor uses only the floors below it; `tests/it/floors.rs` keeps it so.

// They panic when nobody can read what they print.
#![warn(clippy::print_stdout, clippy::print_stderr)]

// Floor 0, words: values and bytes.
pub mod dns;
pub mod ecs;
pub mod route53;

// Floor 1, core: pure decisions; no async, no clock, no SDK.
pub mod forward;
pub mod inventory;
pub mod register;
pub mod resolve;
pub mod zone;

// Floor 2, workers: async, but no socket and no SDK.
pub mod access;
pub mod forwarder;
pub mod metrics;
pub mod registrar;
pub mod responder;
pub mod snapshot;
pub mod source;
pub mod updater;

// Floor 3, doors: the outside world; each alone may name what it talks to.
pub mod aws;
pub mod config;
pub mod host;
pub mod http;
pub mod link;
pub mod server;
pub mod store;
pub mod systemd;

// Floor 4, roof: wiring and commands.
pub mod cli;
pub mod daemon;
#[cfg(feature = "lambda")]
pub mod lambda;
