//! Networks of the tests' own, in which addresses come and port 53 is free; and an address that comes late.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use crate::daemon::{Daemon, command};

/// Says on the terminal, past the test harness, why something was not tested.
pub fn skipped(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "NOT TESTED: {what}: {why}");
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The beginning of a command that has a network and mounts of its own, or why that cannot be had, or not what else
/// `needs` asks for, as a command of the shell.
pub fn own(needs: &str) -> Result<Command, String> {
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", "--mount"]).args((!is_root()).then_some("--map-root-user"));
        unshare
    };
    let probe = format!("ip link set lo up && mount --bind /etc/resolv.conf /etc/resolv.conf && {needs}");
    let tried = unshare().args(["sh", "-c", &probe]).output();
    let tried = tried.map_err(|error| format!("unshare (Debian package util-linux): {error}"))?;
    if tried.status.success() { Ok(unshare()) } else { Err(String::from_utf8_lossy(&tried.stderr).trim().to_owned()) }
}

/// What a command prints that runs in the network of this daemon.
fn beside(daemon: &Daemon, line: &str) -> String {
    let mut enter = Command::new("nsenter");
    enter.arg(format!("--target={}", daemon.pid)).arg("--net");
    enter.args((!is_root()).then_some(["--user", "--preserve-credentials"]).into_iter().flatten());
    let output = enter.args(line.split(' ')).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}\n{}", daemon.log());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_address_that_comes_late_is_answered_and_the_log_says_when() {
    let mut own = match own("command -v dig nsenter") {
        Ok(own) => own,
        Err(why) => return skipped("an address of dns.listen that comes late", &why),
    };
    let program = command(&[]);
    own.args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]).arg(program.get_program());
    own.args(["run", "--source", "off", "--upstream", "127.0.0.1:1", "--listen", "10.200.0.53:1053"]);
    let daemon = Daemon::start_by(own);
    daemon.wait_log("10.200.0.53:1053: no interface of this host has this address");
    let arrival = "10.200.0.53:1053: this host has the address now";
    assert!(!daemon.log().contains(arrival));
    beside(&daemon, "ip address add 10.200.0.53/32 dev lo");
    daemon.wait_log(arrival);
    for transport in ["+notcp", "+tcp"] {
        let said =
            beside(&daemon, &format!("dig @10.200.0.53 -p 1053 +tries=1 +time=30 +short {transport} SOA ecs.internal"));
        assert!(said.starts_with("ns.dns.ecs.internal."), "{transport}: {said}");
    }
    assert_eq!(daemon.log().matches(arrival).count(), 1, "{}", daemon.log());
    assert!(daemon.terminate().success());
}
