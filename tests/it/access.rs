//! Who may ask, asked by `dig` and by bare sockets from addresses of 127.0.0.0/8 that stand for strangers.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use crate::daemon::{Daemon, Reply};

/// Time for anything that should happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon with two names, for which only 127.0.0.1 is a client of its own.
struct Guarded {
    daemon: Daemon,
    _folder: tempfile::TempDir,
}

impl Guarded {
    fn start(access: &str) -> Self {
        Self::start_with(access, &[])
    }

    fn start_with(access: &str, flags: &[&str]) -> Self {
        let big: Vec<String> = (1..=60).map(|host| format!("\"10.0.0.{host}\"")).collect();
        let text = format!(
            "[ecs]\nsource = \"off\"\n[route53]\nfallback = \"off\"\n[forward]\nupstreams = \"127.0.0.1:9\"\n\
             [records]\n\"db.ecs.internal\" = \"10.0.0.8\"\n\"web.corp.example\" = \"10.0.0.7\"\n\"big.corp.example\" = [{}]\n\
             [access]\nown_networks = \"127.0.0.1\"\nallow = \"127.0.0.0/28\"\ndeny = \"127.0.0.9\"\n{access}\n",
            big.join(",")
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ecs-resolver.toml");
        std::fs::write(&file, text).unwrap();
        let daemon = Daemon::start(&[&["run", "--config", file.to_str().unwrap()], flags].concat(), &[]);
        Self { daemon, _folder: folder }
    }

    /// What `dig` says when it asks from 127.0.0.`host`.
    fn from(&self, host: u8, arguments: &str) -> String {
        self.daemon.dig(&format!("-b 127.0.0.{host} {arguments}"))
    }

    fn reply_to(&self, host: u8, arguments: &str) -> Reply {
        Reply::parse(&self.from(host, arguments))
    }

    fn metric(&self, name: &str, label: &str) -> f64 {
        self.daemon.metric(&format!("ecs_resolver_dns_{name}_total{{{label}}}")).unwrap()
    }

    /// Sends a query for `web.corp.example` so often from 127.0.0.`host`, over UDP, without a cookie.
    fn flood(&self, host: u8, times: usize) -> UdpSocket {
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
        socket.connect(self.daemon.dns).unwrap();
        for _ in 0..times {
            socket
                .send(b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03web\x04corp\x07example\x00\x00\x01\x00\x01")
                .unwrap();
        }
        socket
    }
}

/// The COOKIE that `dig` shows, and what it says of it.
fn cookie(said: &str) -> Option<(&str, &str)> {
    said.lines()
        .find_map(|line| line.strip_prefix("; COOKIE: "))
        .map(|line| line.split_once(" (").unwrap_or((line, "")))
}

#[test]
fn who_may_not_ask_is_refused_and_told_why() {
    let guarded = Guarded::start("");
    for (host, status) in [(1, "NOERROR"), (2, "NOERROR"), (9, "REFUSED"), (200, "REFUSED")] {
        for transport in ["+notcp", "+tcp"] {
            let reply = guarded.reply_to(host, &format!("{transport} web.corp.example"));
            assert_eq!(reply.status, status, "127.0.0.{host} {transport}");
            assert_eq!(reply.ede.is_some_and(|ede| ede.starts_with("18 (Prohibited)")), status == "REFUSED");
            assert_eq!(reply.answer.is_empty(), status == "REFUSED");
        }
        let any = guarded.reply_to(host, "+notcp ANY web.corp.example");
        assert_eq!(any.status, status, "what is no plain question passes the same door");
    }
    assert!(guarded.metric("turned_away", "how=\"refused\"") >= 6.0);
}

#[test]
fn who_may_not_ask_can_be_told_nothing() {
    let guarded = Guarded::start("denied = \"drop\"");
    assert_eq!(guarded.reply_to(2, "web.corp.example").status, "NOERROR");
    let socket = guarded.flood(9, 5);
    guarded.daemon.wait("the queries to be dropped", || guarded.metric("dropped", "reason=\"denied\"") >= 5.0);
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 512]).is_err(), "not a word");
    let mut connection = connect([127, 0, 0, 9], guarded.daemon.dns);
    assert!(matches!(connection.read(&mut [0; 2]), Ok(0) | Err(_)), "closed without a word");
}

/// A TCP connection from this address.
fn connect(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn dig_finds_our_cookies_good_and_others_are_replaced() {
    let guarded = Guarded::start("");
    for host in [1, 2] {
        let said = guarded.from(host, "web.corp.example");
        let (ours, judged) = cookie(&said).expect("a cookie");
        assert_eq!((ours.len(), judged), (48, "good)"), "{said}");
        let again = guarded.from(host, &format!("+cookie={ours} web.corp.example"));
        assert_eq!(cookie(&again), Some((ours, "good)")), "a fresh one stays");
        let forged = format!("{}0123456789abcdef0123456789abcdef", &ours[..16]);
        let other = guarded.from(host, &format!("+cookie={forged} web.corp.example"));
        assert!(other.contains("10.0.0.7") && cookie(&other).is_some_and(|(new, _)| new != forged), "{other}");
    }
    let tcp = guarded.from(1, "+tcp web.corp.example");
    assert_eq!(cookie(&tcp).map(|(_, judged)| judged), Some("good)"));
    assert_eq!(cookie(&guarded.from(1, "+nocookie web.corp.example")), None);
    assert!(guarded.metric("cookies", "cookie=\"valid\"") >= 2.0 && guarded.metric("cookies", "cookie=\"bad\"") >= 2.0);
    let off = Guarded::start("cookies = false");
    assert_eq!(cookie(&off.from(1, "web.corp.example")).map(|(cookie, _)| cookie.len()), None);
}

#[test]
fn hosts_with_one_secret_take_each_others_cookies_and_never_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let secret = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    std::fs::write(&file, secret).unwrap();
    let access = format!("cookie_secret = {:?}", file.to_str().unwrap());
    let [one, two] = [Guarded::start(&access), Guarded::start(&access)];
    let said = one.from(2, "web.corp.example");
    let (ours, _) = cookie(&said).unwrap();
    assert_eq!(cookie(&two.from(2, &format!("+cookie={ours} web.corp.example"))), Some((ours, "good)")));
    assert_eq!(two.metric("cookies", "cookie=\"valid\""), 1.0);
    for shown in [one.daemon.log(), one.daemon.get("/metrics").1] {
        assert!(!shown.contains(&secret[..8]), "{shown}");
    }
}

#[test]
fn a_flood_is_answered_up_to_its_rate_and_a_cookie_or_tcp_gets_through() {
    let guarded = Guarded::start("rate_limit = 5\nslip = 2");
    let socket = guarded.flood(2, 400);
    guarded.daemon.wait("the flood to be limited", || {
        guarded.metric("dropped", "reason=\"rate\"") + guarded.metric("turned_away", "how=\"truncated\"") >= 100.0
    });
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let (mut answers, mut truncated, mut reply) = (0, 0, [0; 512]);
    while let Ok(length) = socket.recv(&mut reply) {
        match reply[2] & 2 {
            0 => answers += 1,
            _ => {
                assert_eq!((length, reply[7]), (34, 0), "no larger than the query");
                truncated += 1;
            }
        }
    }
    assert!(answers >= 5 && truncated > 10 && answers + truncated < 390, "{answers} {truncated}");
    // Whoever comes properly is answered amid it all: by TCP, or by the cookie that BADCOOKIE brings.
    guarded.flood(2, 200);
    assert_eq!(guarded.reply_to(2, "+tcp web.corp.example").status, "NOERROR");
    guarded.daemon.wait("an answer by a cookie", || {
        guarded.flood(2, 50);
        guarded.reply_to(2, "+tries=5 +timeout=1 +badcookie web.corp.example").status == "NOERROR"
            && guarded.metric("turned_away", "how=\"bad_cookie\"") >= 1.0
    });
    let own = guarded.flood(1, 100);
    own.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..100 {
        let length = own.recv(&mut reply).expect("our own clients have no limit");
        assert_eq!((length, reply[2] & 2), (50, 0));
    }
}

#[test]
fn a_stranger_gets_no_large_reply_before_it_has_a_cookie() {
    let guarded = Guarded::start("");
    let ask =
        |host: u8, more: &str| guarded.reply_to(host, &format!("+ignore +notcp +bufsize=1232 {more} big.corp.example"));
    let own = ask(1, "+nocookie");
    assert_eq!((own.answer.len(), own.flags.contains("tc")), (60, false));
    for more in ["+nocookie", "+cookie=0011223344556677"] {
        let stranger = ask(2, more);
        assert!(stranger.flags.contains("tc") && (20..32).contains(&stranger.answer.len()), "{stranger:?}");
    }
    let said = guarded.from(2, "web.corp.example");
    let known = ask(2, &format!("+cookie={}", cookie(&said).unwrap().0));
    assert_eq!((known.answer.len(), known.flags.contains("tc")), (60, false));
    assert_eq!(guarded.reply_to(2, "+nocookie big.corp.example").answer.len(), 60, "dig asks again over TCP");
}

#[test]
fn the_zone_is_transferred_to_this_host_if_that_is_wanted() {
    let open = Guarded::start_with("", &["--transfer", "true"]);
    let said = open.from(1, "AXFR ecs.internal");
    let records: Vec<&str> = said.lines().filter(|line| !line.is_empty() && !line.starts_with(';')).collect();
    assert!(records.iter().any(|line| line.starts_with("db.ecs.internal.") && line.ends_with("10.0.0.8")), "{said}");
    let is_soa = |line: Option<&&str>| line.is_some_and(|line| line.contains("SOA"));
    assert!(is_soa(records.first()) && is_soa(records.last()), "{said}");
    assert!(open.from(1, "AXFR corp.example").contains("Transfer failed"), "only our zone");
    assert!(open.from(9, "AXFR ecs.internal").contains("Transfer failed"), "only those that may ask");
    assert!(Guarded::start("").from(1, "AXFR ecs.internal").contains("Transfer failed"), "only if it is wanted");
}
