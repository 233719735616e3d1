//! Questions over TCP, each on a connection of its own, one after the other.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// Connections that are being made.
pub struct Connections {
    over: Arc<AtomicBool>,
    asking: JoinHandle<usize>,
}

impl Connections {
    /// Begins to ask.
    pub fn start(server: SocketAddr, query: Vec<u8>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&over);
        let asking = thread::spawn(move || {
            let mut asked = 0;
            while !end.load(Ordering::Relaxed) {
                // A connection that is closed before its answer is made again (RFC 7766 6.2.4): it may have been
                // accepted just before a stop.
                let answered = ask(server, &query).or_else(|_| ask(server, &query));
                answered.unwrap_or_else(|error| panic!("after {asked} answers: {error}"));
                asked += 1;
                thread::sleep(PAUSE);
            }
            asked
        });
        Self { over, asking }
    }

    /// Ends, and tells how many questions were asked. Each was answered.
    pub fn finish(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.asking.join().unwrap()
    }
}

fn ask(server: SocketAddr, query: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&[&u16::try_from(query.len()).unwrap().to_be_bytes(), query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut reply)?;
    let fine = reply[..2] == query[..2] && reply[2] & 0x80 != 0 && reply[3] & 0x0f == 0 && reply[7] > 0;
    if fine { Ok(()) } else { Err(io::Error::other(format!("a wrong reply: {reply:02x?}"))) }
}
