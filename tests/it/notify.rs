//! What systemd hears: ready once the sockets are bound, signs of life, and the end.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::daemon::Daemon;

/// Everything that is said until `wanted` is.
fn hear(socket: &UnixDatagram, wanted: &str) -> Vec<String> {
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).unwrap_or_else(|_| panic!("{wanted} was not said, only {heard:?}"));
        heard.extend(String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned));
        if heard.iter().any(|line| line == wanted) {
            return heard;
        }
    }
}

#[test]
fn systemd_hears_ready_life_and_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "2000000")];
    let demo = Daemon::start(&["demo", "--no-churn"], &environment);
    hear(&socket, "READY=1");
    assert_eq!(demo.short("dns-version.ecs.internal TXT"), ["\"1.0.0\""], "ready means that the sockets are bound");
    let heard = [hear(&socket, "WATCHDOG=1"), hear(&socket, "WATCHDOG=1")].concat();
    assert!(heard.iter().any(|line| line.starts_with("STATUS=") && line.contains("services")), "{heard:?}");
    assert!(demo.terminate().success());
    hear(&socket, "STOPPING=1");
}
