//! DNS over TCP (RFC 7766): the thread that accepts connections and serves them all.
//!
//! One thread, so that a connection costs no more than its system calls: nothing is handed from core to core. What must
//! wait for an upstream is waited for elsewhere, on the runtime of the [desk](super::desk).

mod connection;
mod output;

use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use futures_util::FutureExt;
use nix::errno::Errno;
use nix::sys::eventfd::EventFd;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::connection::Connection;
use super::admission::Admission;
use super::desk::{self, Desk};
use crate::metrics::Dropped;

/// Pause when something is lacking that a connection takes, and one of ours was sent away for it.
const BREATH: Duration = Duration::from_millis(10);
/// Pause when nothing can be done about it.
const PAUSE: Duration = Duration::from_millis(100);

/// What a fault of ours costs here.
const CONNECTION: &str = "a TCP connection";

/// A listening socket, non-blocking, and what ends it and its connections.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) stop: CancellationToken,
}

/// Starts the thread. After `stop`, which must end all doors as well, it ends with the last task of the desk; `alive` is
/// held until then.
pub(super) fn start(
    doors: Vec<Door>,
    desk: Arc<Desk>,
    admission: Arc<Admission>,
    stop: CancellationToken,
    alive: Arc<EventFd>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    for Door { listener, stop } in doors {
        // Without it, the second of two answers in a row waits for the client's acknowledgement of the first. Connections
        // have it from the socket that they were accepted by.
        SockRef::from(&listener).set_tcp_nodelay(true)?;
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(entered);
        let (desk, admission) = (Arc::clone(&desk), Arc::clone(&admission));
        let acceptor = Acceptor { listener, desk: Arc::clone(&desk), admission, stop, lacking: false };
        desk.tasks.spawn_on(acceptor.run(), runtime.handle());
    }
    thread::Builder::new().name("tcp".to_owned()).spawn(move || {
        let served = async {
            stop.cancelled().await;
            desk.tasks.wait().await;
        };
        let slow = |count| (0..count).for_each(|_| desk.counters.dropped(Dropped::Slow));
        runtime.block_on(async {
            tokio::select! {
                () = served => {}
                () = admission.watch(slow) => {}
            }
        });
        drop(alive);
    })?;
    Ok(())
}

/// One listening socket.
struct Acceptor {
    listener: tokio::net::TcpListener,
    desk: Arc<Desk>,
    admission: Arc<Admission>,
    stop: CancellationToken,
    /// Whether the last accept failed for want of something.
    lacking: bool,
}

/// What an accept that failed says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// That connection is gone, and no longer in the queue.
    Gone,
    /// There are no file descriptors, or there is no memory. The connection waits.
    Lack,
    /// Something else, which may well last.
    Other,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        match Errno::from_raw(error.raw_os_error().unwrap_or_default()) {
            Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => Self::Lack,
            // Besides those of its own, accept gives the errors that the new connection has had (accept(2)).
            Errno::ECONNABORTED
            | Errno::ECONNRESET
            | Errno::EINTR
            | Errno::EPROTO
            | Errno::ENOPROTOOPT
            | Errno::EOPNOTSUPP
            | Errno::ENETDOWN
            | Errno::ENETUNREACH
            | Errno::EHOSTDOWN
            | Errno::EHOSTUNREACH
            | Errno::ENONET
            | Errno::ETIMEDOUT
            | Errno::EPERM => Self::Gone,
            _ => Self::Other,
        }
    }
}

impl Acceptor {
    async fn run(mut self) {
        let stop = self.stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.welcome(stream, peer),
                Err(error) => self.recover(&error).await,
            }
        }
    }

    fn welcome(&mut self, stream: TcpStream, peer: SocketAddr) {
        self.lacking = false;
        if self.desk.responder.shuts_out(peer.ip()) {
            return self.desk.counters.dropped(Dropped::Denied);
        }
        let (seat, shed) = self.admission.admit(peer.ip(), desk::now());
        if shed {
            self.desk.counters.dropped(Dropped::Connection);
        }
        let mut connection = Connection::new(stream, peer, Arc::clone(&self.desk), seat);
        // A fault in answering one question must not end the service of all others.
        if catch_unwind(AssertUnwindSafe(|| connection.begin())).is_err() {
            return self.desk.note_fault(CONNECTION);
        }
        let (desk, served) = (Arc::clone(&self.desk), AssertUnwindSafe(connection.serve(self.stop.clone())));
        self.desk.tasks.spawn(async move {
            if served.catch_unwind().await.is_err() {
                desk.note_fault(CONNECTION);
            }
        });
    }

    /// Makes sure that an accept that fails again and again does not keep the thread from its connections.
    async fn recover(&mut self, error: &io::Error) {
        let pause = match Failure::of(error) {
            Failure::Gone => return,
            Failure::Lack => {
                self.desk.counters.dropped(Dropped::Descriptors);
                if self.admission.make_room() {
                    self.desk.counters.dropped(Dropped::Connection);
                    BREATH
                } else {
                    PAUSE
                }
            }
            Failure::Other => PAUSE,
        };
        if !std::mem::replace(&mut self.lacking, true) {
            tracing::warn!(%error, "a TCP connection of a client cannot be accepted; the longest idle ones are closed");
        }
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accept_that_fails_is_told_apart() {
        let of = |errno: Errno| Failure::of(&io::Error::from_raw_os_error(errno as i32));
        for lack in [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM] {
            assert_eq!(of(lack), Failure::Lack);
        }
        for gone in [Errno::ECONNABORTED, Errno::EPROTO, Errno::EINTR, Errno::EHOSTUNREACH, Errno::EPERM] {
            assert_eq!(of(gone), Failure::Gone);
        }
        for other in [Errno::EINVAL, Errno::EBADF, Errno::ENOTSOCK] {
            assert_eq!(of(other), Failure::Other);
        }
        assert_eq!(Failure::of(&io::Error::other("?")), Failure::Other);
    }
}
