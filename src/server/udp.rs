//! The UDP workers: one thread each, with one socket per address, that answers what can be answered at once.
//!
//! A worker never waits for anything but its sockets. What takes time goes to a task, which replies by itself. One
//! datagram is received and sent at a time: [`Worker::burst`] is where batches would go.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::{io, mem};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;

use super::desk::{self, Desk, Work};
use super::port::{Port, Sender};
use crate::metrics::{Counters, Dropped, Source};
use crate::responder::{self, Circumstances, Verdict};

/// Datagrams that are taken from one socket before the others have their turn.
const BURST: usize = 64;
/// Bursts after which a stopping worker leaves the rest, so that a flood cannot hold it.
const LAST_BURSTS: usize = 16;
/// Largest datagram.
const MAX_DATAGRAM: usize = 65_535;
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
    let packet = vec![0; MAX_DATAGRAM];
    let reply = Vec::with_capacity(4096);
    let mut worker = Worker { epoll, _stop: stop, ports, desk, counters, packet, reply, spin: fastrand::u32(..) };
    thread::Builder::new().name(name).spawn(move || {
        // A fault in answering one packet must not end the service of all others.
        while let Err(_fault) = catch_unwind(AssertUnwindSafe(|| worker.run())) {
            worker.counters.dropped(Dropped::Fault);
            tracing::error!("a fault while answering a query over UDP; the query is dropped, please report it");
        }
    })
}

struct Worker {
    epoll: Epoll,
    _stop: Arc<EventFd>,
    ports: Vec<Arc<Port>>,
    desk: Arc<Desk>,
    counters: Arc<Counters>,
    packet: Vec<u8>,
    reply: Vec<u8>,
    spin: u32,
}

impl Worker {
    fn run(&mut self) {
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
                self.burst(event.data());
            }
            if ready.iter().any(|event| event.data() == STOP) {
                return self.drain();
            }
        }
    }

    /// Answers what is in the queue of a socket, at most [`BURST`]; says whether there may be more.
    fn burst(&mut self, index: u64) -> bool {
        let Some(port) = usize::try_from(index).ok().and_then(|index| self.ports.get(index)).map(Arc::clone) else {
            return false;
        };
        // Taken out so that the packet can be read while the rest of the worker is written; comes back below. After a
        // fault there is a new one.
        let mut packet = mem::take(&mut self.packet);
        packet.resize(MAX_DATAGRAM, 0);
        let mut more = true;
        for _ in 0..BURST {
            let Ok((length, sender)) = port.receive(&mut packet) else {
                more = false;
                break;
            };
            self.answer(packet.get(..length).unwrap_or_default(), &port, &sender);
        }
        self.packet = packet;
        more
    }

    /// Answers what came before the stop.
    fn drain(&mut self) {
        for index in (0..).take(self.ports.len()) {
            (0..LAST_BURSTS).take_while(|_| self.burst(index)).for_each(drop);
        }
    }

    fn answer(&mut self, message: &[u8], port: &Arc<Port>, sender: &Sender) {
        let now = desk::now();
        self.spin = self.spin.wrapping_add(1);
        let circumstances = Circumstances { tcp: false, client: sender.peer.ip(), spin: self.spin, now };
        let verdict = self.desk.responder.respond(message, circumstances, &self.counters, &mut self.reply);
        let work = match verdict {
            Verdict::Reply(source) => return self.send(source, port, sender, now),
            Verdict::Drop(reason) => return self.counters.dropped(reason),
            Verdict::Await(pending) => Work::Await(pending),
            Verdict::Unusual => Work::Unusual { message: message.to_vec(), peer: sender.peer, tcp: false, since: now },
        };
        let Ok(place) = Arc::clone(&self.desk.room).try_acquire_owned() else {
            self.counters.dropped(Dropped::Busy);
            let source = match work {
                Work::Await(pending) => self.desk.responder.refuse_for_room(&pending, &mut self.reply),
                Work::Unusual { message, .. } => responder::refuse(&message, &mut self.reply),
            };
            return self.send(source, port, sender, now);
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
    }

    fn send(&self, source: Source, port: &Port, sender: &Sender, since: std::time::Instant) {
        if port.send(&self.reply, sender).is_err() {
            self.counters.dropped(Dropped::Unsendable);
        }
        desk::count(&self.counters, source, &self.reply, desk::elapsed(since));
    }
}
