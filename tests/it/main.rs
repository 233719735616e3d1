//! The one integration binary: one module a promise.

mod fake_aws;
mod fake_aws_selftest;
mod moto;
mod scripts;
