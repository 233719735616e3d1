//! Runs what the README shows, and tells what must be the same from what differs every time.

use crate::daemon::{self, Daemon};

/// Where the README's demo answers.
const DIG: &str = "dig @127.0.0.1 -p 1053 ";
const CURL: &str = "curl -s http://127.0.0.1:9153";

/// What the command says, with the running demo in place of the one that it names.
pub fn run(demo: &Daemon, command: &str) -> String {
    if let Some(arguments) = command.strip_prefix(DIG) {
        demo.dig(arguments)
    } else if let Some(path) = command.strip_prefix(CURL) {
        demo.get(path).1
    } else if let Some(arguments) = command.strip_prefix("ecs-resolver ") {
        let output = daemon::command(&arguments.split(' ').collect::<Vec<_>>()).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    } else {
        panic!("do not know how to run: {command}")
    }
}

/// The lines that matter, sorted, because answers rotate: single spaces, and N for ids, serials, times, and the TTLs
/// that count down.
pub fn normal(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("; <<>> DiG") && *line != ";; Got answer:");
    let mut lines: Vec<String> = lines
        .map(|line| {
            let line = masked(&line, ", id: ", "");
            let line = masked(&line, "hostmaster.ecs.internal. ", " ");
            let line = masked(&line, "\"since=", "\"");
            let line = masked(&line, "; COOKIE: ", " ");
            if line.contains(".amazonaws.com. ") && line.contains(" IN A ") {
                masked(&line, ".amazonaws.com. ", " ")
            } else {
                line
            }
        })
        .collect();
    lines.sort();
    lines
}

/// `line` with N for what stands between `before` and `after`; an empty `after` is the end of the line.
fn masked(line: &str, before: &str, after: &str) -> String {
    let Some((head, rest)) = line.split_once(before) else { return line.to_owned() };
    let tail = if after.is_empty() { "" } else { rest.find(after).map_or("", |at| &rest[at..]) };
    format!("{head}{before}N{tail}")
}

#[test]
fn only_what_differs_every_time_is_masked() {
    let text = "b.ecs.internal.  5\tIN A 10.0.0.2\n\n;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 45385\n\
                x.elb.amazonaws.com. 59 IN A 10.5.10.1\na. 5 IN SOA ns. hostmaster.ecs.internal. 17 7200 5\n\
                \"service=a\" \"since=2026-10-24T19:23:41Z\" \"x=1\"\n";
    assert_eq!(
        normal(text),
        [
            "\"service=a\" \"since=N\" \"x=1\"",
            ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: N",
            "a. 5 IN SOA ns. hostmaster.ecs.internal. N 7200 5",
            "b.ecs.internal. 5 IN A 10.0.0.2",
            "x.elb.amazonaws.com. N IN A 10.5.10.1",
        ]
    );
}
