use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::dns::RecordType;
use crate::forward::Timing;
use crate::forward::testing::{a, answer, key};
use crate::forwarder::{ForwardError, ForwardSettings, Forwarder};

const PATIENCE: Duration = Duration::from_secs(60);
const CLIENT: std::net::IpAddr = std::net::IpAddr::V4(Ipv4Addr::LOCALHOST);

fn link() -> UpstreamLink {
    UpstreamLink::default()
}

async fn upstream() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test]
async fn each_datagram_has_a_port_of_its_own_and_hears_its_upstream_only() {
    let (socket, to) = upstream().await;
    let mut ports = HashSet::new();
    for _ in 0..8 {
        let mut flight = link().udp(to, b"query").await.unwrap();
        let mut bytes = [0; 64];
        let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
        assert_eq!(&bytes[..length], b"query");
        let (stranger, _) = upstream().await;
        stranger.send_to(b"forged", from).await.unwrap();
        socket.send_to(&[7; 3000], from).await.unwrap();
        assert_eq!(timeout(PATIENCE, flight.receive()).await.unwrap().unwrap(), [7; 3000]);
        ports.insert(from.port());
    }
    assert!(ports.len() > 1, "{ports:?}");
}

#[tokio::test]
async fn a_closed_port_is_heard_of_at_once() {
    let (socket, to) = upstream().await;
    drop(socket);
    let error = match link().udp(to, b"query").await {
        Ok(mut flight) => timeout(PATIENCE, flight.receive()).await.unwrap().unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(link().tcp(to, b"query").await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn tcp_carries_one_message_of_any_length() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let to = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        for reply in [&[9; 65_535][..], &[9; 10]] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut query = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut query).await.unwrap();
            assert_eq!(query, b"query");
            stream.write_u16(65_535).await.unwrap();
            stream.write_all(reply).await.unwrap();
        }
    });
    let whole = timeout(PATIENCE, link().tcp(to, b"query")).await.unwrap().unwrap();
    assert_eq!(whole, [9; 65_535]);
    // The second one closes in the middle of its message.
    assert!(timeout(PATIENCE, link().tcp(to, b"query")).await.unwrap().is_err());
    serving.await.unwrap();
}

#[test]
fn random_numbers_differ() {
    let draw = || {
        let mut bytes = [0; 8];
        link().random(&mut bytes).unwrap();
        bytes
    };
    let drawn: HashSet<_> = (0..8).map(|_| draw()).collect();
    assert_eq!(drawn.len(), 8, "{drawn:?}");
}

/// Serves one truncated reply over UDP and the whole one over TCP, on one port.
async fn serve_over_both(udp: UdpSocket, tcp: TcpListener) {
    let mut bytes = [0; 512];
    let (length, from) = loop {
        let (length, from) = udp.recv_from(&mut bytes).await.unwrap();
        // Not the question whether anybody is there.
        if bytes[13..16] == *b"www" {
            break (length, from);
        }
    };
    let mut truncated = answer(&bytes[..length], []);
    truncated[2] |= 0x02;
    udp.send_to(&truncated, from).await.unwrap();
    let (mut stream, _) = tcp.accept().await.unwrap();
    let mut query = vec![0; usize::from(stream.read_u16().await.unwrap())];
    stream.read_exact(&mut query).await.unwrap();
    let reply = answer(&query, (0..250).map(|host| a("www.example", 30, host)));
    stream.write_u16(reply.len() as u16).await.unwrap();
    stream.write_all(&reply).await.unwrap();
}

#[tokio::test]
async fn the_forwarder_resolves_over_real_sockets() {
    // A port that is free for UDP may be taken for TCP: look for one that is free for both.
    let (udp, tcp) = loop {
        let (udp, address) = upstream().await;
        if let Ok(tcp) = TcpListener::bind(address).await {
            break (udp, tcp);
        }
    };
    let to = udp.local_addr().unwrap();
    let timing = Timing { budget: PATIENCE, stale_wait: PATIENCE };
    let settings = ForwardSettings { timing, ..ForwardSettings::with_upstreams([to]) };
    let forwarder = Forwarder::new(settings, Arc::new(link()));
    let serving = tokio::spawn(serve_over_both(udp, tcp));
    let key = key("www.example", RecordType::A);
    let entry = timeout(PATIENCE, forwarder.resolve(key.clone(), CLIENT)).await.unwrap().unwrap();
    assert_eq!(entry.answer_count(), 250);
    serving.await.unwrap();
    // Both sockets are closed now: what is cached is answered, and what is not fails at once.
    assert!(forwarder.resolve(key.clone(), CLIENT).await.is_ok());
    forwarder.flush_name(&key.name);
    // Had it waited for a reply, it would say so.
    let refused = timeout(PATIENCE, forwarder.resolve(key, CLIENT)).await.unwrap();
    assert_eq!(refused.unwrap_err(), ForwardError::Unreachable);
}
