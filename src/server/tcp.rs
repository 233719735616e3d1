//! DNS over TCP (RFC 7766): accepting, and one connection.
//!
//! A connection may have several questions under way, and answers leave as they are ready. A place is taken before
//! a question is read and given back when its answer is written, so a client that does not read its answers is not
//! read from either.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{io, pin};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::admission::{Admission, Place};
use super::desk::{self, Desk, Work};
use crate::dns::HEADER_LEN;
use crate::metrics::Dropped;
use crate::responder::{Circumstances, Verdict};

/// How long a connection may be silent, and how long one question may take to arrive.
const IDLE: Duration = Duration::from_secs(10);
/// How long the client may take to accept an answer.
const WRITE: Duration = Duration::from_secs(5);
/// Pause after an accept that failed, lest a lack of file descriptors makes it fail without end.
const PAUSE: Duration = Duration::from_millis(50);
/// Questions under way and answers not yet written, per connection.
const UNDER_WAY: usize = 16;

/// Accepts connections until `stop`.
pub(super) async fn accept(listener: TcpListener, desk: Arc<Desk>, admission: Arc<Admission>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((_, peer)) if desk.responder.shuts_out(peer.ip()) => desk.counters.dropped(Dropped::Denied),
            Ok((stream, peer)) => match admission.admit(peer.ip()) {
                Some(place) => {
                    let connection = Connection { peer, desk: Arc::clone(&desk), stop: stop.clone(), _place: place };
                    desk.tasks.spawn(connection.serve(stream));
                }
                None => desk.counters.dropped(Dropped::Connection),
            },
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// An answer, and the place that it takes until it is written.
struct Answer {
    bytes: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

struct Connection {
    peer: SocketAddr,
    desk: Arc<Desk>,
    stop: CancellationToken,
    _place: Place,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        // Without it, the second of two answers in a row waits for the client's acknowledgement of the first.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        let (answers, queue) = mpsc::channel(UNDER_WAY);
        let mut writing = pin::pin!(self.write(writer, queue));
        tokio::select! {
            () = &mut writing => return,
            () = self.read(reader, answers) => {}
        }
        writing.await;
    }

    /// Reads questions until the client has no more, is silent for too long, sends what is no question, or `stop`.
    async fn read(&self, reader: impl AsyncRead + Unpin, answers: Sender<Answer>) {
        let mut reader = BufReader::new(reader);
        let room = Arc::new(Semaphore::new(UNDER_WAY));
        let mut message = Vec::new();
        let mut spin = fastrand::u32(..);
        while let Ok(place) = Arc::clone(&room).acquire_owned().await {
            let read = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                read = timeout(IDLE, read_message(&mut reader, &mut message)) => read,
            };
            match read {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) | Err(_) => return,
                Ok(Err(_)) => return self.desk.counters.dropped(Dropped::Framing),
            }
            spin = spin.wrapping_add(1);
            if self.answer(&message, spin, &answers, place).await.is_err() {
                return;
            }
        }
    }

    /// Answers a question now or by a task; an error ends the connection.
    async fn answer(
        &self,
        message: &[u8],
        spin: u32,
        answers: &Sender<Answer>,
        place: OwnedSemaphorePermit,
    ) -> Result<(), ()> {
        let now = desk::now();
        let counters = &self.desk.counters;
        let mut bytes = Vec::new();
        let circumstances = Circumstances { tcp: true, client: self.peer.ip(), spin, now };
        let work = match self.desk.responder.respond(message, circumstances, counters, &mut bytes) {
            Verdict::Reply(source) => {
                desk::count(counters, source, &bytes, desk::elapsed(now));
                return answers.send(Answer { bytes, _place: place }).await.map_err(drop);
            }
            Verdict::Drop(reason) => {
                counters.dropped(reason);
                return Err(());
            }
            Verdict::Await(pending) => Work::Await(pending),
            Verdict::Unusual => Work::Unusual { message: message.to_vec(), peer: self.peer, tcp: true, since: now },
        };
        let (desk, answers) = (Arc::clone(&self.desk), answers.clone());
        self.desk.tasks.spawn(async move {
            desk.complete(work, &mut bytes).await;
            // The client may have gone meanwhile.
            let _ = answers.send(Answer { bytes, _place: place }).await;
        });
        Ok(())
    }

    /// Writes answers until no question is under way any more, or the client does not take them.
    async fn write(&self, writer: impl AsyncWrite + Unpin, mut queue: Receiver<Answer>) {
        let mut writer = BufWriter::new(writer);
        while let Some(answer) = queue.recv().await {
            let last = queue.is_empty();
            match timeout(WRITE, write_message(&mut writer, &answer.bytes, last)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return self.desk.counters.dropped(Dropped::Unsendable),
            }
        }
        let _ = timeout(WRITE, writer.shutdown()).await;
    }
}

/// Reads a message with its length in front; `false` if the connection ended before one.
async fn read_message(reader: &mut (impl AsyncRead + Unpin), message: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 2];
    if reader.read(&mut length[..1]).await? == 0 {
        return Ok(false);
    }
    reader.read_exact(&mut length[1..]).await?;
    let length = usize::from(u16::from_be_bytes(length));
    if length < HEADER_LEN {
        return Err(io::ErrorKind::InvalidData.into());
    }
    message.resize(length, 0);
    reader.read_exact(message).await?;
    Ok(true)
}

async fn write_message(writer: &mut (impl AsyncWrite + Unpin), message: &[u8], flush: bool) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    writer.write_u16(length).await?;
    writer.write_all(message).await?;
    if flush {
        writer.flush().await?;
    }
    Ok(())
}
