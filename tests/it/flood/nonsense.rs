//! An upstream that answers with mutations of replies, and some of the time with what was asked for.

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
        }
    });
    address
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
