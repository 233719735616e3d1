//! A load of DNS queries that costs its own core less than a server costs the other, which dnsperf does not.
//!
//!     cargo run --release --example load -- 127.0.0.1:1053 queries.txt 5 32
//!
//! Keeps 32 queries under way for 5 seconds, drawn at random from the file, whose lines are `NAME TYPE`. Prints queries
//! per second, how many were lost, and percentiles of the time that an answer took. `--help` has what else it can do:
//! a steady rate, several sockets, TCP.

mod pace;
mod tally;
mod tcp;
mod udp;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use pace::Pace;
use tally::{Query, Tally};

/// Sends DNS queries and tells what became of them
#[derive(Debug, Parser)]
struct Arguments {
    /// The server
    #[arg(value_name = "ADDRESS:PORT")]
    server: SocketAddr,
    /// Lines of `NAME TYPE`, drawn from at random
    file: PathBuf,
    /// How long
    seconds: f64,
    /// Queries under way at all times; over TCP, of all connections together
    window: usize,
    /// Evenly spaced queries a second, at most the window under way; times count from when each is due
    #[arg(long, conflicts_with = "tcp")]
    rate: Option<f64>,
    /// UDP sockets, asked from in turns
    #[arg(long, value_name = "N", default_value_t = 1)]
    sockets: usize,
    /// Leave the core to others while there is nothing to send; times are no longer worth much then
    #[arg(long)]
    rest: bool,
    /// Over so many TCP connections, which stay open
    #[arg(long, value_name = "N", conflicts_with = "once")]
    tcp: Option<usize>,
    /// Over TCP, with a connection for each query
    #[arg(long)]
    once: bool,
    /// The same number draws the same queries
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let text = std::fs::read_to_string(&arguments.file).expect("the file of queries");
    let queries: Vec<Query> = text.lines().map(Query::of).collect();
    assert!(!queries.is_empty(), "the file has no queries");
    let length = Duration::from_secs_f64(arguments.seconds);
    let mut tally = Tally::of(&queries, arguments.seed);
    let pace = Pace::of(arguments.rate, arguments.rest);
    if arguments.once {
        tcp::once(arguments.server, arguments.window, pace, length, &mut tally);
    } else if let Some(connections) = arguments.tcp {
        tcp::kept(arguments.server, connections, arguments.window, length, &mut tally);
    } else {
        udp::run(arguments.server, arguments.sockets, arguments.window, pace, length, &mut tally);
    }
    let report = tally.report(length);
    if arguments.json { println!("{}", report.json()) } else { println!("{report}") }
}
