//! What systemd hears: ready once the sockets are bound, signs of life, and the end.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::daemon::Daemon;

/// What is said on a socket, and what of it was heard already.
struct Ear {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Ear {
    /// Listens until, from the beginning, `times` lines begin so.
    fn hear(&mut self, wanted: &str, times: usize) {
        let mut buffer = [0; 4096];
        while self.heard.iter().filter(|line| line.starts_with(wanted)).count() < times {
            let received = self.socket.recv(&mut buffer);
            let length = received.unwrap_or_else(|_| panic!("{wanted} was not said, only {:?}", self.heard));
            self.heard.extend(String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned));
        }
    }
}

#[test]
fn systemd_hears_ready_life_and_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "2000000")];
    let demo = Daemon::start(&["demo", "--no-churn"], &environment);
    let mut ear = Ear { socket, heard: Vec::new() };
    ear.hear("READY=1", 1);
    assert_eq!(demo.short("dns-version.ecs.internal TXT"), ["\"1.0.0\""], "ready means that the sockets are bound");
    ear.hear("WATCHDOG=1", 2);
    ear.hear("STATUS=", 1);
    assert!(ear.heard.iter().any(|line| line.starts_with("STATUS=") && line.contains("services")), "{:?}", ear.heard);
    assert!(demo.terminate().success());
    ear.hear("STOPPING=1", 1);
}
