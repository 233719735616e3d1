//! The UDP workers: one thread each, with one socket per address, that answers what can be answered at once.
//!
//! A worker waits for nothing but its sockets: what it shares with others is locked, if at all, for as long as one entry is
//! looked at or changed. What takes time goes to a task, which replies by itself. A socket
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
/// A queue in which no more datagrams are found than this is not read in batches.
const SHALLOW: usize = 2;
/// Datagrams that come alone until it is looked whether there is a crowd behind the last of them.
const ALONE: u8 = 8;
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
        let mut worker = Worker::new(epoll, stop, ports, desk, counters);
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
    depth: Depth,
}

impl Inlet {
    fn new(port: Arc<Port>) -> Self {
        Self { headers: Headers::of(&port), port, depth: Depth::default() }
    }
}

/// How deep the queue of a socket was when it was last read, and how it is read therefore.
///
/// After a crowd the next one is likely to be there already, and to look for it is cheaper than to hear of it from epoll.
/// After a datagram that came alone there is mostly nothing, and epoll is what is cheaper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Depth {
    deep: bool,
    /// Datagrams that were taken alone since it was last looked for more.
    alone: u8,
}

impl Depth {
    const DEEP: Self = Self { deep: true, alone: 0 };

    /// Most datagrams to take at once.
    fn most(self) -> usize {
        if self.is_to_be_looked_at() { BATCH } else { 1 }
    }

    /// So many were there of `most`.
    fn found(&mut self, count: usize, most: usize) {
        let alone = if most == 1 && count == 1 { self.alone + 1 } else { 0 };
        *self = Self { deep: count > SHALLOW, alone };
    }

    /// Whether to look for more before the next wait.
    fn is_to_be_looked_at(self) -> bool {
        self.deep || self.alone == ALONE
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
    fn new(epoll: Epoll, stop: Arc<EventFd>, ports: Vec<Arc<Port>>, desk: Arc<Desk>, counters: Arc<Counters>) -> Self {
        let inlets = ports.into_iter().map(Inlet::new).collect();
        let answerer = Answerer { desk, counters, spin: fastrand::u32(..), now: desk::now() };
        Self { epoll, _stop: stop, inlets, batch: Batch::new(), at: 0, answerer }
    }

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
        for _ in 0..BURST {
            let Some(depth) = self.receive(at) else { return false };
            if depth.deep {
                self.answerer.desk.responder.read_ahead(self.batch.messages());
            }
            self.work();
            if !depth.is_to_be_looked_at() {
                return false;
            }
        }
        true
    }

    /// Receives what is in the queue of a socket, and says how deep that was; `None` if there is nothing to be had. A fault
    /// may come at any time from here on: what is in the batch is known to be of this socket.
    fn receive(&mut self, at: usize) -> Option<Depth> {
        let inlet = self.inlets.get_mut(at)?;
        self.at = at;
        let most = inlet.depth.most();
        let received = self.batch.receive(&inlet.port, &mut inlet.headers, most);
        inlet.depth.found(*received.as_ref().unwrap_or(&0), most);
        match received {
            Ok(_) => Some(inlet.depth),
            Err(error) => {
                // What is wrong with a socket for long must not keep the worker from the others.
                if error.kind() != ErrorKind::WouldBlock {
                    self.answerer.counters.dropped(Dropped::Unreceivable);
                    thread::sleep(PAUSE);
                }
                None
            }
        }
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
            if let Some(inlet) = self.inlets.get_mut(at) {
                inlet.depth = Depth::DEEP;
            }
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use tokio::runtime::Handle;
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    use super::super::limits::{Limits, LiveLimits};
    use super::super::room::Room;
    use super::*;
    use crate::dns::RecordType;
    use crate::metrics::Metrics;
    use crate::responder::stub;

    /// What is asked for, when so many are there each time, and whether it is looked again.
    fn reads(depth: &mut Depth, there: &[usize]) -> Vec<(usize, bool)> {
        let read = |there: &usize| {
            let most = depth.most();
            depth.found(most.min(*there), most);
            (most, depth.is_to_be_looked_at())
        };
        there.iter().map(read).collect()
    }

    #[test]
    fn one_by_one_while_they_come_alone_and_now_and_then_a_look() {
        let mut depth = Depth::default();
        for _ in 0..3 {
            assert_eq!(reads(&mut depth, &[1; 7]), [(1, false); 7]);
            // The eighth; and nobody is behind it.
            assert_eq!(reads(&mut depth, &[1, 0]), [(1, true), (BATCH, false)]);
        }
    }

    #[test]
    fn a_crowd_is_found_and_read_in_batches_until_it_is_gone() {
        let mut depth = Depth::default();
        assert_eq!(reads(&mut depth, &[100; 8])[6..], [(1, false), (1, true)]);
        assert_eq!(reads(&mut depth, &[92, 76, 3, 0]), [(BATCH, true), (BATCH, true), (BATCH, true), (BATCH, false)]);
        assert_eq!(depth, Depth::default());
    }

    /// A fault may come between receiving and answering, in reading ahead: the batch is then answered by the next turn,
    /// through the socket that it came by.
    #[tokio::test]
    async fn a_batch_is_answered_through_its_own_socket_whatever_comes_between() {
        let (responder, _gate) = stub::responder();
        let metrics = Metrics::new("test");
        let desk = Desk {
            responder,
            counters: metrics.shared(),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
            hurry: CancellationToken::new(),
            room: Room::new(LiveLimits::new(Limits::default())),
        };
        let sockets = [1, 2].map(|last| UdpSocket::bind((Ipv4Addr::new(127, 0, 0, last), 0)).unwrap());
        let second = sockets[1].local_addr().unwrap();
        let ports = sockets.map(|socket| Arc::new(Port::new(socket).unwrap())).to_vec();
        let (epoll, stop) = (Epoll::new(EpollCreateFlags::empty()).unwrap(), Arc::new(EventFd::new().unwrap()));
        let mut worker = Worker::new(epoll, stop, ports, Arc::new(desk), metrics.worker());
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        client.send_to(&stub::query(7, "web.ecs.internal.", RecordType::A, 0), second).unwrap();
        assert!(worker.receive(1).is_some());
        worker.work();
        let mut reply = [0; 512];
        let (length, from) = client.recv_from(&mut reply).unwrap();
        assert_eq!((from, &reply[..2]), (second, &[0, 7][..]), "{length} bytes");
    }

    #[test]
    fn two_are_no_crowd() {
        let mut depth = Depth::DEEP;
        assert_eq!(reads(&mut depth, &[SHALLOW + 1, SHALLOW, 1]), [(BATCH, true), (BATCH, false), (1, false)]);
    }
}
