use std::net::TcpListener as StdTcpListener;
use std::net::UdpSocket as StdUdpSocket;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpStream;

use super::*;

/// A group of UDP sockets with one free port of `ip`, as systemd's `ReusePort=` makes it.
fn group(ip: [u8; 4], size: usize) -> (SocketAddr, Vec<StdUdpSocket>) {
    let mut address = SocketAddr::from((ip, 0));
    let mut sockets: Vec<StdUdpSocket> = Vec::new();
    for _ in 0..size {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&address.into()).unwrap();
        sockets.push(socket.into());
        address = sockets[0].local_addr().unwrap();
    }
    // Somebody may have that port for TCP.
    if StdTcpListener::bind(address).is_ok() { (address, sockets) } else { group(ip, size) }
}

fn inherited(udp: impl IntoIterator<Item = StdUdpSocket>, stored: bool) -> Inherited {
    let mut inherited = Inherited::default();
    udp.into_iter().for_each(|socket| inherited.add_udp(socket, stored).unwrap());
    inherited
}

fn serve_all(sockets: Sockets) -> ServerHandle {
    serve(sockets, responder().0, &Metrics::new("test"), &Limits::default()).unwrap()
}

/// The answers to clients with as many ports, so that the kernel spreads them over a group.
async fn all_are_answered(address: SocketAddr) {
    for id in 0..64 {
        let message = ask(&client(address).await, &query(id, "web.ecs.internal.", RecordType::A, 0)).await;
        assert_eq!((message.metadata.id, message.answers.len()), (id, 3));
    }
}

#[tokio::test]
async fn every_inherited_socket_is_read_whatever_the_number_of_workers() {
    for (sockets, workers) in [(4, 2), (1, 3), (3, 3), (5, 1)] {
        let (address, group) = group([127, 0, 0, 1], sockets);
        let sockets = take_over(inherited(group, false), &[address], workers).unwrap();
        assert_eq!(sockets.bound().map(|bound| bound.protocol).collect::<Vec<_>>(), ["TCP"], "UDP has what it needs");
        assert!(sockets.udp.iter().all(|worker| !worker.is_empty()));
        let handle = serve_all(sockets);
        assert_eq!(handle.addresses(), [address]);
        all_are_answered(address).await;
    }
}

#[tokio::test]
async fn what_is_queued_before_the_start_is_answered() {
    // On one address and on all, plain and as `PassPacketInfo=` and `Timestamping=` of a socket unit have it.
    for (ip, talkative) in [([127, 0, 0, 1], false), ([127, 0, 0, 1], true), ([0; 4], false), ([0; 4], true)] {
        let (address, group) = group(ip, 3);
        for socket in &group {
            setsockopt(socket, sockopt::Ipv4PacketInfo, &talkative).unwrap();
            setsockopt(socket, sockopt::ReceiveTimestampns, &talkative).unwrap();
        }
        let mut clients = Vec::new();
        for id in 0..200 {
            let client = client(SocketAddr::from(([127, 0, 0, 1], address.port()))).await;
            client.send(&query(id, "web.ecs.internal.", RecordType::A, 0)).await.unwrap();
            clients.push(client);
        }
        let _handle = serve_all(take_over(inherited(group, false), &[address], 2).unwrap());
        for (id, client) in (0..).zip(&clients) {
            assert_eq!(receive(client).await.metadata.id, id, "{ip:?} {talkative}");
        }
    }
}

#[tokio::test]
async fn connections_that_wait_at_an_inherited_listener_are_served() {
    let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut early = TcpStream::connect(address).await.unwrap();
    tcp::send(&mut early, &query(1, "web.ecs.internal.", RecordType::A, 0)).await;
    let mut inherited = Inherited::default();
    inherited.add_tcp(listener, true).unwrap();
    let sockets = take_over(inherited, &[address], 2).unwrap();
    assert_eq!(sockets.bound().map(|bound| (bound.protocol, bound.sockets.len())).collect::<Vec<_>>(), [("UDP", 2)]);
    let _handle = serve_all(sockets);
    assert_eq!(tcp::receive(&mut early).await.metadata.id, 1);
    all_are_answered(address).await;
}

#[tokio::test]
async fn sockets_that_nobody_configured_are_served_as_well() {
    let (address, group) = group([127, 0, 0, 1], 2);
    let handle = serve_all(take_over(inherited(group, false), &[SocketAddr::from(([127, 0, 0, 1], 0))], 1).unwrap());
    assert_eq!(handle.addresses()[1], address);
    all_are_answered(address).await;
    all_are_answered(handle.addresses()[0]).await;
}

#[tokio::test]
async fn stored_sockets_of_an_address_that_is_gone_are_answered_once_more_and_closed() {
    // An address of its own: no other test may take the port once it is free.
    let (address, group) = group([127, 0, 0, 5], 2);
    let listener = StdTcpListener::bind(address).unwrap();
    let udp = client(address).await;
    udp.send(&query(1, "web.ecs.internal.", RecordType::A, 0)).await.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    tcp::send(&mut stream, &query(2, "web.ecs.internal.", RecordType::A, 0)).await;

    let mut inherited = inherited(group, true);
    inherited.add_tcp(listener, true).unwrap();
    let listen = [SocketAddr::from(([127, 0, 0, 1], 0))];
    assert_eq!(inherited.retired(&listen), [("UDP", address), ("TCP", address)]);
    let handle = serve_all(take_over(inherited, &listen, 2).unwrap());
    assert!(!handle.addresses().contains(&address));
    assert_eq!(receive(&udp).await.metadata.id, 1);
    assert_eq!(tcp::receive(&mut stream).await.metadata.id, 2);
    until(|| bind(&[address], 1).is_ok(), "the sockets to close").await;
    all_are_answered(handle.addresses()[0]).await;
    assert!(handle.liveness()(), "that one worker has ended is as it should be");
    assert_eq!(handle.stop(PATIENCE).await, 0);
}

#[tokio::test]
async fn stored_sockets_make_way_for_all_addresses() {
    let (address, sockets) = group([127, 0, 0, 6], 1);
    let all = SocketAddr::from(([0, 0, 0, 0], address.port()));
    let sockets = take_over(inherited(sockets, true), &[all], 1).unwrap();
    assert!(sockets.retiring.udp.is_empty());
    assert_eq!(sockets.addresses(), [all]);
}

#[tokio::test]
async fn what_can_be_of_no_use_is_refused() {
    let connected = StdUdpSocket::bind("127.0.0.1:0").unwrap();
    connected.connect("127.0.0.1:9").unwrap();
    assert!(Inherited::default().add_udp(connected, false).is_err());
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    assert!(Inherited::default().add_tcp(silent.into(), false).is_err());
}

#[tokio::test]
async fn how_much_a_restart_may_take_is_known() {
    let (address, group) = group([127, 0, 0, 1], 2);
    let bytes: usize = group.iter().map(|socket| SockRef::from(socket).recv_buffer_size().unwrap()).sum();
    let sockets = take_over(inherited(group, false), &[address], 2).unwrap();
    let listening = sockets.listening()[0];
    assert_eq!((listening.sockets, listening.inherited, listening.receive_buffer), (2, true, bytes));
    // As many small queries as that are kept, and answered once there is somebody to read them.
    let one = client(address).await;
    let fit = bytes / 2 / QUERY_COST;
    for id in 0..fit {
        one.send(&query(id as u16, "web.ecs.internal.", RecordType::A, 0)).await.unwrap();
    }
    let metrics = Metrics::new("test");
    let _handle = serve(sockets, responder().0, &metrics, &Limits::default()).unwrap();
    for id in 0..fit {
        assert_eq!(receive(&one).await.metadata.id, id as u16);
    }
    let line = format!("ecs_resolver_dns_receive_buffer_bytes{{address=\"{address}\"}} {bytes}.0");
    assert!(metrics.encode().lines().any(|have| have == line), "{}", metrics.encode());
}
