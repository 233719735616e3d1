//! An upstream that says nonsense first, mutations of replies, and then that there is no such name.

use std::net::{SocketAddr, UdpSocket};

use fastrand::Rng;

use crate::fuzz::mutate::one_of;
use crate::fuzz::packets;
use crate::loopback;

/// Below the ports that the kernel chooses.
const PORT: u16 = 5300;
const HEADER: usize = 12;

/// Starts it; it lives as long as the test binary.
pub fn start() -> SocketAddr {
    let address = SocketAddr::from((loopback::address(), PORT));
    let socket = UdpSocket::bind(address).expect("an address of its own");
    let replies = packets("upstream_reply");
    std::thread::spawn(move || {
        let mut rng = Rng::with_seed(3);
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let query = &bytes[..length];
            let mut reply = one_of(&mut rng, &replies);
            if rng.u8(0..4) > 0 {
                fit(&mut reply, query);
            }
            reply.truncate(4096);
            let _ = socket.send_to(&reply, from);
            // Else each question would take as long as the longest exchange.
            let _ = socket.send_to(&denial(query), from);
        }
    });
    address
}

/// NXDOMAIN, without any record.
fn denial(query: &[u8]) -> Vec<u8> {
    let end = query.get(HEADER..).and_then(|rest| rest.iter().position(|byte| *byte == 0)).map_or(HEADER, |at| at + 17);
    let mut reply = query.get(..end).unwrap_or_default().to_vec();
    if let Some(header) = reply.first_chunk_mut::<HEADER>() {
        header[2..].copy_from_slice(&[0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    reply
}

/// Makes id and question those of the query.
fn fit(reply: &mut [u8], query: &[u8]) {
    let name = query.get(HEADER..).and_then(|rest| rest.iter().position(|byte| *byte == 0));
    let Some(question) = name.and_then(|name| query.get(HEADER..HEADER + name + 5)) else { return };
    if reply.len() >= HEADER + question.len() {
        reply[..2].copy_from_slice(&query[..2]);
        (reply[2], reply[4], reply[5]) = (0x80 | (reply[2] & 0x07), 0, 1);
        reply[HEADER..HEADER + question.len()].copy_from_slice(question);
    }
}
