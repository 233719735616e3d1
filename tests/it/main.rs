//! Whole-program tests: one binary, one module per subject.

mod fake_aws;
mod fake_aws_selftest;
mod moto;
