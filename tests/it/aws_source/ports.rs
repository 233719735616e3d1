//! Ports that somebody else has.

use std::process::Output;

use crate::aws_source::{NOBODY, follow_prod};
use crate::daemon::{self, Daemon};
use crate::fake_aws::FakeAws;

fn run(dns: &str, http: &str) -> Output {
    let arguments =
        ["run", "--config", "/dev/null", "--source", "off", "--upstream", NOBODY, "--listen", dns, "--http", http];
    daemon::command(&arguments).output().unwrap()
}

fn is_refused(output: &Output, daemon: &Daemon, address: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains(address), "{said}");
    assert!(!said.contains("answering DNS"), "{said}");
    assert_eq!(daemon.get("/health").0, 200, "the first goes on");
}

#[test]
fn a_second_daemon_on_the_same_port_says_which() {
    let fake = FakeAws::start();
    fake.world().service("prod", "web").fargate_tasks(1);
    let daemon = follow_prod(&fake);
    let (dns, http) = (daemon.dns.to_string(), daemon.http.to_string());
    is_refused(&run(&dns, "127.0.0.1:0"), &daemon, &dns);
    is_refused(&run("127.0.0.1:0", &http), &daemon, &http);
    assert_eq!(daemon.short("web.ecs.internal").len(), 1, "questions still go to the first");
}
