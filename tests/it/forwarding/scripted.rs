//! Upstreams that misbehave on real sockets: half-open connections, resets, loops.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use crate::daemon::Daemon;
use crate::loopback;

/// Answers everything over UDP with TC set, and hands each connection to `serve`. Lives as long as the test binary.
fn truncating(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let address = SocketAddr::from((loopback::address(), 5300));
    let (udp, tcp) = (UdpSocket::bind(address).unwrap(), TcpListener::bind(address).unwrap());
    thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = udp.recv_from(&mut bytes) {
            let mut reply = bytes[..length].to_vec();
            reply[2] |= 0x82;
            let _ = udp.send_to(&reply, from);
        }
    });
    thread::spawn(move || tcp.incoming().flatten().for_each(serve));
    address
}

fn daemon(upstreams: &[SocketAddr]) -> Daemon {
    let upstreams: Vec<String> = upstreams.iter().map(ToString::to_string).collect();
    let list = upstreams.join(",");
    let arguments = ["run", "--source", "off", "--zone", "elsewhere.test", "--policy", "sequential", "--upstream"];
    Daemon::start(&[&arguments[..], &[&list]].concat(), &[])
}

/// Reads a query from a connection and answers it with one A record.
fn answer(mut stream: TcpStream) {
    let mut length = [0; 2];
    if stream.read_exact(&mut length).is_err() {
        return;
    }
    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut query).unwrap();
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let mut reply = query[..end].to_vec();
    (reply[2], reply[3], reply[7], reply[11]) = (0x81, 0x80, 1, 0);
    reply.extend_from_slice(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x63");
    stream.write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&reply).unwrap();
}

#[test]
fn connections_that_say_nothing_or_break_turn_to_the_next_upstream() {
    let held = std::sync::Mutex::new(Vec::new());
    let half_open = truncating(move |stream| held.lock().unwrap().push(stream));
    let reset = truncating(|stream| {
        // Unread bytes make the close a reset.
        thread::sleep(std::time::Duration::from_millis(50));
        drop(stream);
    });
    let good = truncating(answer);
    let daemon = daemon(&[half_open, reset, good]);
    for name in ["a.example", "b.example"] {
        assert_eq!(daemon.ask(name).data("A"), ["192.0.2.99"], "{name}");
    }
    assert!(daemon.metric("ecs_resolver_forward_failures_total{reason=\"unreachable\"}") >= Some(1.0));
    assert!(daemon.metric("ecs_resolver_forward_failures_total{reason=\"timeout\"}") >= Some(1.0));
}

#[test]
fn an_upstream_that_leads_back_is_given_up_and_said_so() {
    // A relay that sends what it is asked to whom it is told later: to the daemon itself.
    let relay = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = relay.local_addr().unwrap();
    let daemon = daemon(&[address]);
    let target = daemon.dns;
    thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = relay.recv_from(&mut bytes) {
            let (query, relay) = (bytes[..length].to_vec(), relay.try_clone().unwrap());
            thread::spawn(move || {
                let out = UdpSocket::bind("127.0.0.1:0").unwrap();
                out.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
                let mut reply = [0; 2048];
                out.send_to(&query, target).unwrap();
                if let Ok(length) = out.recv(&mut reply) {
                    let _ = relay.send_to(&reply[..length], from);
                }
            });
        }
    });
    assert_eq!(daemon.ask("www.example").status, "SERVFAIL");
    daemon.wait("the loop is found", || {
        daemon.metric("ecs_resolver_forward_upstream_failures_total{kind=\"loop\"}") == Some(1.0)
    });
    daemon.wait("it is logged", || daemon.log().contains(&format!("upstream {address} leads back to this resolver")));
    let refused = daemon.ask("other.example");
    assert!(refused.is_servfail("22 (No Reachable Authority)"), "{refused:?}");
    let said = refused.ede.unwrap_or_default();
    assert!(said.contains("every upstream leads back to this resolver"), "{said}");
}
