//! The one integration binary: one module a promise.

mod cli;
mod fake_aws;
mod fake_aws_selftest;
mod floors;
mod moto;
mod scripts;
mod units;
