//! Sockets to the upstreams. Carries bytes only: what they mean is judged by the exchange.
//!
//! Each datagram leaves from its own connected socket, so that its port is as random as the operating system makes it
//! (RFC 5452), the kernel drops what comes from elsewhere, and a closed port is heard of at once.

mod tls;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::{fmt, io};

use async_trait::async_trait;
use futures_util::StreamExt;
use hickory_net::proto::op::SerialMessage;
use hickory_net::runtime::DnsTcpStream;
use hickory_net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_net::tcp::TcpStream as FramedStream;
use hickory_net::{BufDnsStreamHandle, DnsStreamHandle};
use tokio::net::{TcpStream, UdpSocket};

use self::tls::TlsLink;
use crate::forward::MAX_DATAGRAM;
use crate::forwarder::{Flight, Link};

/// The network of the host.
#[derive(Default)]
pub struct UpstreamLink {
    tls: Option<TlsLink>,
}

impl UpstreamLink {
    /// One that can also ask over TLS, and trusts the authorities in the file `ca` (PEM) or, without one, those that
    /// the system trusts.
    ///
    /// # Errors
    /// When the file cannot be read, or there is no authority at all.
    pub fn with_tls(ca: Option<&Path>) -> io::Result<Self> {
        Ok(Self { tls: Some(TlsLink::new(ca)?) })
    }
}

impl fmt::Debug for UpstreamLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamLink").field("tls", &self.tls.is_some()).finish()
    }
}

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
        Framed::new(AsyncIoTokioAsStd(stream), to).ask(query).await
    }

    async fn tls(&self, to: SocketAddr, server_name: &str, query: &[u8]) -> io::Result<Vec<u8>> {
        match &self.tls {
            Some(tls) => tls.ask(to, server_name, query).await,
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        getrandom::fill(bytes).map_err(io::Error::other)
    }
}

/// A connection that carries messages, one question at a time.
struct Framed<S: DnsTcpStream> {
    stream: FramedStream<S>,
    sender: BufDnsStreamHandle,
    to: SocketAddr,
}

impl<S: DnsTcpStream> Framed<S> {
    fn new(stream: S, to: SocketAddr) -> Self {
        let (stream, sender) = FramedStream::from_stream(stream, to);
        Self { stream, sender, to }
    }

    /// Sends a query and reads one message. After an error the connection must not be used again: it would yield
    /// errors for ever.
    async fn ask(&mut self, query: &[u8]) -> io::Result<Vec<u8>> {
        self.sender.send(SerialMessage::new(query.to_vec(), self.to)).map_err(io::Error::other)?;
        let message = self.stream.next().await.ok_or(io::ErrorKind::UnexpectedEof)??;
        Ok(message.into_parts().0)
    }
}

/// A connected socket that has sent its query.
struct Datagram(UdpSocket);

#[async_trait]
impl Flight for Datagram {
    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        // One more than is taken, so that what is longer does not look like the rest of it.
        let mut bytes = Vec::with_capacity(MAX_DATAGRAM + 1);
        self.0.recv_buf(&mut bytes).await?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
