//! The one integration binary: one module a promise.

#![expect(clippy::disallowed_methods, reason = "tests are a shell of their own: they wait for real time")]

mod access;
mod aws_source;
mod chaos;
mod cli;
mod clients;
mod controller;
mod crowd;
mod daemon;
mod demo;
mod docs;
mod events;
mod failing_calls;
mod fake_aws;
mod fake_aws_selftest;
mod flood;
mod floors;
mod forwarding;
mod fuzz;
mod hosted_zone;
#[cfg(feature = "lambda")]
mod lambda;
mod loopback;
mod metrics;
mod ministack;
mod moto;
mod moto_controller;
mod moto_daemon;
mod namespace;
mod notify;
mod policy;
mod propagation;
mod published;
mod queue;
mod readme;
mod reload;
mod restart;
mod scripts;
mod supply;
mod units;
mod upstream;
mod warm_start;
