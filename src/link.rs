//! Sockets to the upstreams. Carries bytes only: what they mean is judged by the exchange.
//!
//! Each datagram leaves from its own connected socket, so that its port is as random as the operating system makes it
//! (RFC 5452), the kernel drops what comes from elsewhere, and a closed port is heard of at once.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use async_trait::async_trait;
use futures_util::StreamExt;
use hickory_net::proto::op::SerialMessage;
use hickory_net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_net::tcp::TcpStream as FramedStream;
use hickory_net::{BufDnsStreamHandle, DnsStreamHandle};
use tokio::net::{TcpStream, UdpSocket};

use crate::forward::MAX_TRIES;
use crate::forwarder::{Flight, Link};

/// Largest datagram that is read whole, in bytes. We announce 1232; some servers do not care.
const MAX_DATAGRAM: usize = 4096;

/// The network of the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct UpstreamLink;

#[async_trait]
impl Link for UpstreamLink {
    async fn udp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Box<dyn Flight>> {
        let from = match to {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(from).await?;
        socket.connect(to).await?;
        socket.send(query).await?;
        Ok(Box::new(Datagram(socket)))
    }

    async fn tcp(&self, to: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (mut framed, mut sender): (_, BufDnsStreamHandle) =
            FramedStream::from_stream(AsyncIoTokioAsStd(stream), to);
        sender.send(SerialMessage::new(query.to_vec(), to)).map_err(io::Error::other)?;
        // One message and no second look: after an error this stream yields errors for ever.
        let message = framed.next().await.ok_or(io::ErrorKind::UnexpectedEof)??;
        Ok(message.into_parts().0)
    }

    fn random_ids(&self) -> io::Result<[u16; MAX_TRIES]> {
        let mut bytes = [0; 2 * MAX_TRIES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let (pairs, _) = bytes.as_chunks::<2>();
        let mut ids = [0; MAX_TRIES];
        for (id, pair) in ids.iter_mut().zip(pairs) {
            *id = u16::from_be_bytes(*pair);
        }
        Ok(ids)
    }
}

/// A connected socket that has sent its query.
struct Datagram(UdpSocket);

#[async_trait]
impl Flight for Datagram {
    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(MAX_DATAGRAM);
        self.0.recv_buf(&mut bytes).await?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
