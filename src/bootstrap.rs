//! The binary that AWS Lambda runs: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ecs_resolver::lambda::main()
}
