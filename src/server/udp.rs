//! The UDP workers: one thread each, with one socket per address, that answers what can be answered at once.
//!
//! A worker never waits for anything but its sockets. What takes time goes to a task, which replies by itself. A socket
//! whose queue is deep is read and answered in batches, one that has a datagram now and then without what goes with
//! them. The clock is read twice a batch.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;

use super::batch::{BATCH, Batch, Headers};
use super::desk::{self, Desk, Work};
use super::port::{Port, Sender};
use crate::metrics::{Counters, Dropped, Source};
use crate::responder::{Circumstances, Verdict};

/// Batches that are taken from one socket before the others have their turn.
const BURST: usize = 4;
/// Bursts after which a stopping worker leaves the rest, so that a flood cannot hold it.
const LAST_BURSTS: usize = 16;
/// A queue in which no more datagrams are found than this is not read in batches to begin with.
const SHALLOW: usize = 2;
/// Pause after an error of a socket.
const PAUSE: Duration = Duration::from_millis(1);
/// Events read at once.
const EVENTS: usize = 16;
/// Epoll's name for the event of the stop; sockets are named by their place in the list.
const STOP: u64 = u64::MAX;

/// Starts a thread for these sockets. It ends once `stop` is readable.
pub(super) fn start(
    name: String,
    ports: Vec<Arc<Port>>,
    stop: Arc<EventFd>,
    desk: Arc<Desk>,
    counters: Arc<Counters>,
) -> io::Result<JoinHandle<()>> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&stop, EpollEvent::new(EpollFlags::EPOLLIN, STOP))?;
    for (index, port) in (0..).zip(&ports) {
        epoll.add(port, EpollEvent::new(EpollFlags::EPOLLIN, index))?;
    }
    thread::Builder::new().name(name).spawn(move || {
        let inlets = ports.into_iter().map(Inlet::new).collect();
        let answerer = Answerer { desk, counters, spin: fastrand::u32(..), now: desk::now() };
        let mut worker = Worker { epoll, _stop: stop, inlets, batch: Batch::new(), at: 0, answerer };
        // A fault in answering one packet must not end the service of all others.
        while let Err(_fault) = catch_unwind(AssertUnwindSafe(|| worker.run())) {
            worker.answerer.counters.dropped(Dropped::Fault);
            tracing::error!("a fault while answering a query over UDP; the query is dropped, please report it");
        }
    })
}

/// A socket as one worker sees it.
struct Inlet {
    port: Arc<Port>,
    headers: Headers,
    /// Whether its queue was deep when it was last read.
    deep: bool,
}

impl Inlet {
    fn new(port: Arc<Port>) -> Self {
        Self { headers: Headers::of(&port), port, deep: false }
    }
}

struct Worker {
    epoll: Epoll,
    _stop: Arc<EventFd>,
    inlets: Vec<Inlet>,
    batch: Batch,
    /// The inlet that the batch is of.
    at: usize,
    answerer: Answerer,
}

impl Worker {
    fn run(&mut self) {
        // After a fault, those that were received with the query that it dropped.
        self.work();
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                Err(error) => {
                    tracing::error!(%error, "a UDP worker cannot wait for its sockets and ends");
                    return;
                }
            };
            let ready = events.get(..ready).unwrap_or_default();
            for event in ready.iter().filter(|event| event.data() != STOP) {
                self.burst(usize::try_from(event.data()).unwrap_or(usize::MAX));
            }
            if ready.iter().any(|event| event.data() == STOP) {
                return self.drain();
            }
        }
    }

    /// Answers what is in the queue of a socket, at most [`BURST`] batches; says whether there may be more.
    fn burst(&mut self, at: usize) -> bool {
        for round in 0..BURST {
            let Some(inlet) = self.inlets.get_mut(at) else { return false };
            // The first alone, unless it was in a crowd the last time.
            let most = if inlet.deep || round > 0 { BATCH } else { 1 };
            let count = match self.batch.receive(&inlet.port, &mut inlet.headers, most) {
                Ok(count) => count,
                Err(error) => {
                    inlet.deep = false;
                    // What is wrong with a socket for long must not keep the worker from the others.
                    if error.kind() != ErrorKind::WouldBlock {
                        self.answerer.counters.dropped(Dropped::Unreceivable);
                        thread::sleep(PAUSE);
                    }
                    return false;
                }
            };
            inlet.deep = count > SHALLOW;
            if inlet.deep {
                self.answerer.desk.responder.read_ahead(self.batch.messages());
            }
            self.at = at;
            self.work();
            if most == BATCH && count < BATCH {
                return false;
            }
        }
        true
    }

    /// Answers what was received and has not been answered.
    fn work(&mut self) {
        let Some(inlet) = self.inlets.get_mut(self.at) else { return };
        self.answerer.now = desk::now();
        let mut replies = 0;
        while let Some((message, sender, reply)) = self.batch.next() {
            if self.answerer.answer(message, &inlet.port, sender, reply) {
                let sender = *sender;
                self.batch.is_ready(sender);
                replies += 1;
            }
        }
        let failed = self.batch.send(&inlet.port, &mut inlet.headers);
        let counters = &self.answerer.counters;
        (0..failed).for_each(|_| counters.dropped(Dropped::Unsendable));
        counters.took(replies, desk::elapsed(self.answerer.now));
    }

    /// Answers what came before the stop.
    fn drain(&mut self) {
        for at in 0..self.inlets.len() {
            (0..LAST_BURSTS).take_while(|_| self.burst(at)).for_each(drop);
        }
    }
}

/// What a worker answers with.
struct Answerer {
    desk: Arc<Desk>,
    counters: Arc<Counters>,
    spin: u32,
    /// When the batch was received.
    now: Instant,
}

impl Answerer {
    /// Writes the reply to a message, and counts it; `false` if there is none now.
    fn answer(&mut self, message: &[u8], port: &Arc<Port>, sender: &Sender, reply: &mut Vec<u8>) -> bool {
        self.spin = self.spin.wrapping_add(1);
        let circumstances = Circumstances { tcp: false, client: sender.peer.ip(), spin: self.spin, now: self.now };
        let source = match self.desk.responder.respond(message, circumstances, &self.counters, reply) {
            Verdict::Reply(source) => Some(source),
            Verdict::Drop(reason) => {
                self.counters.dropped(reason);
                None
            }
            Verdict::Await(pending) => self.delegate(Work::Await(pending), port, sender, reply),
            Verdict::Unusual => {
                let (message, peer) = (message.to_vec(), sender.peer);
                let work = Work::Unusual { message, peer, tcp: false, since: self.now };
                self.delegate(work, port, sender, reply)
            }
        };
        if let Some(source) = source {
            desk::count(&self.counters, source, reply);
        }
        source.is_some()
    }

    /// Has a task answer; without room for one, writes what is to be said then.
    fn delegate(&self, work: Work, port: &Arc<Port>, sender: &Sender, reply: &mut Vec<u8>) -> Option<Source> {
        let place = match self.desk.room.place(sender.peer.ip()) {
            Ok(place) => place,
            Err(reason) => {
                self.counters.dropped(reason);
                return Some(self.desk.refuse(&work, reply));
            }
        };
        let (desk, port, sender) = (Arc::clone(&self.desk), Arc::clone(port), *sender);
        let task = async move {
            let mut reply = Vec::new();
            desk.complete(work, &mut reply).await;
            if port.send(&reply, &sender).is_err() {
                desk.counters.dropped(Dropped::Unsendable);
            }
            drop(place);
        };
        self.desk.tasks.spawn_on(task, &self.desk.runtime);
        None
    }
}
