//! One TCP connection: what has arrived is answered, and what is answered leaves with one write.
//!
//! Several questions may be under way, and answers leave as they are ready. A client that does not read its answers is
//! not read from either, so what it makes us hold is bounded.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, mem};

use nix::sys::socket::{MsgFlags, recv};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::output::Output;
use crate::dns::framing::{Framing, TooShort};
use crate::metrics::{Dropped, Source};
use crate::responder::{Circumstances, Verdict};
use crate::server::admission::{Seat, Stage};
use crate::server::desk::{self, Desk, Work};
use crate::server::room::Place;
use crate::zone::transfer::Transfer;

/// Questions under way, per connection; no further one is read then.
const UNDER_WAY: usize = 64;
/// Memory, in bytes, that a silent connection keeps for replies.
const KEPT: usize = 1024;
/// Time for the first question of a connection to arrive when we are stopped.
const GRACE: Duration = Duration::from_millis(250);
/// Reads after a stop, so that a flood cannot hold it.
const LAST_READS: usize = 16;
/// Bytes of each of them.
const LAST_READ: usize = 64 * 1024;
/// Bytes that are read as soon as a connection is there.
const FIRST_READ: usize = 512;

/// The connection is to be closed.
#[derive(Debug)]
struct Over;

/// Where questions may still come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// The client.
    Open,
    /// What it had sent when we were stopped: as many reads.
    Last(usize),
    /// Nowhere.
    Done,
}

/// A connection.
pub(super) struct Connection {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    peer: SocketAddr,
    desk: Arc<Desk>,
    seat: Seat,
    input: Framing,
    reading: Reading,
    has_asked: bool,
    /// Scratch space for one reply.
    reply: Vec<u8>,
    output: Output,
    /// Where answers that had to wait come from, where they are sent to, and how many are to come.
    late: Receiver<Answer>,
    later: Sender<Answer>,
    under_way: usize,
    /// A zone on its way: no further question is read before it is sent.
    transfer: Option<Transfer>,
    spin: u32,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, peer: SocketAddr, desk: Arc<Desk>, seat: Seat) -> Self {
        let (later, late) = mpsc::channel(UNDER_WAY);
        let (reader, writer) = stream.into_split();
        Self {
            reader,
            writer,
            peer,
            desk,
            seat,
            input: Framing::default(),
            reading: Reading::Open,
            has_asked: false,
            reply: Vec::new(),
            output: Output::default(),
            late,
            later,
            under_way: 0,
            transfer: None,
            spin: fastrand::u32(..),
        }
    }

    /// Answers what has been sent already, and does not wait for anything. Most clients ask as soon as they are connected:
    /// their answer then leaves before others are let in, and costs no turn of the loop.
    pub(super) fn begin(&mut self) {
        let mut bytes = [0; FIRST_READ];
        if let Ok(length @ 1..) = recv(self.reader.as_ref().as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
            self.input.room().extend_from_slice(bytes.get(..length).unwrap_or_default());
            self.answer_all(desk::now(), &mut false);
            self.output.begin(&self.writer);
        }
    }

    /// Serves until the client has no more questions, is to go, sends what is no question, or `stop`; then until what is
    /// owed is sent.
    pub(super) async fn serve(mut self, stop: CancellationToken) {
        let mut told = pin!(self.seat.told());
        let mut stopped = pin!(stop.cancelled());
        let desk = Arc::clone(&self.desk);
        let mut hurried = pin!(desk.hurry.cancelled());
        while let Ok(starved) = self.work() {
            let reads = starved && self.output.is_empty();
            if reads && matches!(self.reading, Reading::Last(_)) {
                self.read_last();
                continue;
            }
            let next = tokio::select! {
                biased;
                () = &mut told => Err(Over),
                Some(answer) = self.late.recv(), if self.under_way > 0 && !self.output.is_enough() => {
                    self.take(&answer);
                    Ok(())
                }
                ready = self.writer.writable(), if !self.output.is_empty() => ready.map_err(|_| Over),
                // Nobody reads UDP meanwhile, so a client that does not read must not hold up the stop.
                () = &mut hurried, if self.stage() != Stage::Working => Err(Over),
                read = self.reader.read_buf(self.input.room()), if reads && self.reading == Reading::Open => {
                    self.has_read(&read)
                }
                // Others have their turn between two parts of a zone.
                () = yield_now(), if self.transfer.is_some() && self.output.is_empty() => Ok(()),
                () = &mut stopped, if self.reading == Reading::Open => {
                    if !self.has_asked {
                        let _ = timeout(GRACE, self.reader.readable()).await;
                    }
                    self.reading = Reading::Last(LAST_READS);
                    Ok(())
                }
            };
            if next.is_err() {
                return;
            }
        }
    }

    /// Does what can be done without waiting. Says whether only a further question gives more to do; an error if there
    /// is nothing to wait for.
    fn work(&mut self) -> Result<bool, Over> {
        let now = desk::now();
        let mut done = !self.output.is_empty();
        let starved = loop {
            let starved = self.answer_all(now, &mut done);
            self.output.send(&self.writer).map_err(|_| self.gives_up(Dropped::Unsendable))?;
            // Else there was enough to send, and now it is sent. A zone goes on when others have had their turn.
            if starved || self.transfer.is_some() || !self.output.is_empty() || self.under_way >= UNDER_WAY {
                break starved;
            }
        };
        let stage = self.stage();
        self.seat.note(stage, done && stage != Stage::Unread, now);
        if stage == Stage::Idle {
            self.reply.shrink_to(KEPT);
        }
        if stage == Stage::Idle && self.reading == Reading::Done { Err(Over) } else { Ok(starved) }
    }

    /// Answers what has arrived, until nothing is left (true) or there is no room for more.
    fn answer_all(&mut self, now: Instant, done: &mut bool) -> bool {
        self.go_on_with_transfer();
        let mut input = mem::take(&mut self.input);
        let starved = loop {
            if self.transfer.is_some() || self.under_way >= UNDER_WAY || self.output.is_enough() {
                break false;
            }
            let answered = match input.take() {
                Ok(Some(message)) => self.answer(message, now),
                Ok(None) => break true,
                Err(TooShort(_)) => Err(Dropped::Framing),
            };
            *done = true;
            if let Err(reason) = answered {
                // What follows cannot be trusted. What is owed is still sent.
                self.desk.counters.dropped(reason);
                self.reading = Reading::Done;
                input.clear();
            }
        };
        self.input = input;
        starved
    }

    fn stage(&self) -> Stage {
        if !self.output.is_empty() {
            Stage::Unread
        } else if self.under_way > 0 || self.transfer.is_some() {
            Stage::Working
        } else if !self.input.is_empty() {
            Stage::Asking
        } else {
            Stage::Idle
        }
    }

    /// Answers a question now or by a task; the reason if it is none.
    fn answer(&mut self, message: &[u8], now: Instant) -> Result<(), Dropped> {
        self.spin = self.spin.wrapping_add(1);
        self.has_asked = true;
        let (desk, client) = (&self.desk, self.peer.ip());
        let circumstances = Circumstances { tcp: true, client, spin: self.spin, now };
        let work = match desk.responder.respond(message, circumstances, &desk.counters, &mut self.reply) {
            Verdict::Reply(source) => {
                self.put(source, now);
                return Ok(());
            }
            Verdict::Drop(reason) => return Err(reason),
            Verdict::Await(pending) => Work::Await(pending),
            Verdict::Unusual => match desk.responder.transfer(message, client) {
                None => Work::Unusual { message: message.to_vec(), peer: self.peer, tcp: true, since: now },
                Some(transfer) => {
                    desk.counters.answered(Source::Handler, 0, false);
                    self.transfer = Some(transfer);
                    self.go_on_with_transfer();
                    return Ok(());
                }
            },
        };
        match desk.room.place(client) {
            Ok(place) => self.defer(work, place),
            Err(reason) => {
                desk.counters.dropped(reason);
                let source = desk.refuse(&work, &mut self.reply);
                self.put(source, now);
            }
        }
        Ok(())
    }

    /// Puts as much of the zone that is under way as the client should read first where it will be sent.
    fn go_on_with_transfer(&mut self) {
        while let Some(transfer) = self.transfer.as_mut().filter(|_| !self.output.is_enough()) {
            if transfer.next(&mut self.reply) {
                self.output.push(&self.reply);
            } else {
                self.transfer = None;
            }
        }
    }

    /// Has a task answer.
    fn defer(&mut self, work: Work, place: Place) {
        self.under_way += 1;
        let answer = Answer { bytes: Vec::new(), _place: place };
        let (desk, mut late) = (Arc::clone(&self.desk), Late { answer: Some(answer), to: self.later.clone() });
        let task = async move {
            if let Some(answer) = &mut late.answer {
                desk.complete(work, &mut answer.bytes).await;
            }
            drop(late);
        };
        self.desk.tasks.spawn_on(task, &self.desk.runtime);
    }

    /// Puts the reply where it will be sent.
    fn put(&mut self, source: Source, since: Instant) {
        desk::count(&self.desk.counters, source, &self.reply);
        self.desk.counters.took(1, desk::elapsed(since));
        self.output.push(&self.reply);
    }

    /// Puts late answers where they will be sent, as many as the client should read first. The others keep their places.
    fn take(&mut self, first: &Answer) {
        self.put_late(first);
        while !self.output.is_enough()
            && let Ok(answer) = self.late.try_recv()
        {
            self.put_late(&answer);
        }
    }

    fn put_late(&mut self, answer: &Answer) {
        self.under_way -= 1;
        if !answer.bytes.is_empty() {
            self.output.push(&answer.bytes);
        }
    }

    fn has_read(&mut self, read: &io::Result<usize>) -> Result<(), Over> {
        match read {
            Ok(0) => {
                if !self.input.is_empty() {
                    self.desk.counters.dropped(Dropped::Framing);
                    self.input.clear();
                }
                self.reading = Reading::Done;
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(_) => Err(Over),
        }
    }

    /// Reads what had been sent when we were stopped: from the socket itself, as the runtime may not have heard of it yet.
    fn read_last(&mut self) {
        let mut bytes = vec![0; LAST_READ];
        let read = recv(self.reader.as_ref().as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT);
        self.reading = match (self.reading, read) {
            (Reading::Last(left @ 1..), Ok(length @ 1..)) => {
                self.input.room().extend(bytes.drain(..length));
                Reading::Last(left - 1)
            }
            _ => {
                self.input.clear();
                Reading::Done
            }
        };
    }

    fn gives_up(&self, reason: Dropped) -> Over {
        self.desk.counters.dropped(reason);
        Over
    }
}

/// An answer that had to wait. It has its place until the connection takes it, so that answers that nobody reads are as
/// few as questions under way.
struct Answer {
    /// Empty if its task has been dropped.
    bytes: Vec<u8>,
    _place: Place,
}

/// An answer that has to wait. Dropped, it goes to its connection.
struct Late {
    /// There until then.
    answer: Option<Answer>,
    to: Sender<Answer>,
}

impl Drop for Late {
    fn drop(&mut self) {
        // There is room for all that are under way. The client may have gone meanwhile.
        let _ = self.answer.take().map(|answer| self.to.try_send(answer));
    }
}
