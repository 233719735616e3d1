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
    shared: Arc<Shared>,
    asking: JoinHandle<Tally>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    is_under_way: AtomicBool,
}

/// What became of the questions. Each was answered.
#[derive(Debug, Default)]
pub struct Tally {
    /// All.
    pub asked: usize,
    /// Asked again, since a connection was closed before its answer.
    pub again: usize,
}

impl Connections {
    /// Begins to ask.
    pub fn start(server: SocketAddr, query: Vec<u8>) -> Self {
        let shared = Arc::new(Shared::default());
        let here = Arc::clone(&shared);
        let asking = thread::spawn(move || {
            let mut tally = Tally::default();
            while !here.is_over.load(Ordering::Relaxed) {
                here.is_under_way.store(true, Ordering::SeqCst);
                // A connection that is closed before its answer is made again (RFC 7766 6.2.4): it may have been
                // accepted just before a stop.
                let answered = ask(server, &query).or_else(|_| {
                    tally.again += 1;
                    ask(server, &query)
                });
                answered.unwrap_or_else(|error| panic!("after {} answers: {error}", tally.asked));
                tally.asked += 1;
                here.is_under_way.store(false, Ordering::SeqCst);
                thread::sleep(PAUSE);
            }
            tally
        });
        Self { shared, asking }
    }

    /// Whether a question has no answer yet.
    pub fn is_under_way(&self) -> bool {
        self.shared.is_under_way.load(Ordering::SeqCst)
    }

    /// Ends, and tells what became of the questions.
    pub fn finish(self) -> Tally {
        self.shared.is_over.store(true, Ordering::Relaxed);
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
