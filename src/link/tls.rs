//! Encrypted connections to upstreams (DNS over TLS, RFC 7858), kept open for the next question.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_net::runtime::iocompat::AsyncIoTokioAsStd;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Framed;

/// Connections to one server that are kept open.
const MAX_IDLE: usize = 8;
/// How long. Servers close idle connections themselves, most of them later than this.
const IDLE: Duration = Duration::from_secs(8);

/// Where a server listens, and the name that its certificate is for: one address may serve several.
type Peer = (SocketAddr, Box<str>);

type Connection = Framed<AsyncIoTokioAsStd<TlsStream<TcpStream>>>;

/// Who may be connected to, and the connections that wait for the next question.
pub(super) struct TlsLink {
    connector: TlsConnector,
    idle: Mutex<HashMap<Peer, Vec<(Connection, Instant)>>>,
}

impl TlsLink {
    /// Trusts the certificates in the file `ca` (PEM), or those that the system trusts.
    pub(super) fn new(ca: Option<&Path>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        match ca {
            Some(file) => {
                for certificate in CertificateDer::pem_reader_iter(BufReader::new(File::open(file)?)) {
                    roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(io::Error::other("there is no certificate of an authority in it"));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), idle: Mutex::default() })
    }

    /// Asks over a connection that is open, or else over a new one.
    pub(super) async fn ask(&self, to: SocketAddr, server_name: &str, query: &[u8]) -> io::Result<Vec<u8>> {
        let peer = (to, Box::from(server_name));
        if let Some(mut open) = self.take(&peer)
            && let Ok(reply) = open.ask(query).await
        {
            self.give_back(peer, open);
            return Ok(reply);
        }
        let mut fresh = self.connect(to, server_name).await?;
        let reply = fresh.ask(query).await?;
        self.give_back(peer, fresh);
        Ok(reply)
    }

    async fn connect(&self, to: SocketAddr, server_name: &str) -> io::Result<Connection> {
        let name = ServerName::try_from(server_name.to_owned()).map_err(io::Error::other)?;
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Framed::new(AsyncIoTokioAsStd(self.connector.connect(name, stream).await?), to))
    }

    /// A connection that is open, after closing all that have been idle for too long.
    fn take(&self, peer: &Peer) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, open| {
            open.retain(|(_, since)| since.elapsed() < IDLE);
            !open.is_empty()
        });
        idle.get_mut(peer)?.pop().map(|(connection, _)| connection)
    }

    fn give_back(&self, peer: Peer, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let open = idle.entry(peer).or_default();
        if open.len() < MAX_IDLE {
            open.push((connection, Instant::now()));
        }
    }
}
