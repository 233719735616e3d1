//! What UDP and TCP have in common: where queries are answered that cannot be answered at once.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::handler;
use super::room::Room;
use crate::dns::Cookie;
use crate::metrics::{Counters, Dropped, Source};
use crate::responder::{self, Pending, Responder};

/// The time, from the clock of tokio, which tests can hold.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A query that a task answers.
#[derive(Debug)]
pub(super) enum Work {
    /// An upstream must be asked.
    Await(Pending),
    /// It is not a plain question of class IN.
    Unusual { message: Vec<u8>, peer: SocketAddr, tcp: bool, since: Instant },
}

impl Work {
    /// When the query was received.
    fn since(&self) -> Instant {
        match self {
            Self::Await(pending) => pending.since(),
            Self::Unusual { since, .. } => *since,
        }
    }
}

/// Shared by all workers and connections.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) responder: Arc<Responder>,
    /// Counters of everything that is not a UDP worker.
    pub(super) counters: Arc<Counters>,
    /// All tasks, so that a stop can wait for them.
    pub(super) tasks: TaskTracker,
    pub(super) runtime: Handle,
    /// No upstream is waited for any more: what there is must do.
    pub(super) hurry: CancellationToken,
    /// Places for questions that wait for an upstream.
    pub(super) room: Arc<Room>,
}

impl Desk {
    /// Writes the reply to `work` into `out` and counts it. A fault of ours costs this one answer: it is SERVFAIL then.
    pub(super) async fn complete(&self, work: Work, out: &mut Vec<u8>) {
        if AssertUnwindSafe(self.answer(&work, out)).catch_unwind().await.is_err() {
            self.note_fault("the answer to a query, which is SERVFAIL");
            let source = match &work {
                Work::Await(pending) => responder::refuse_for_fault(pending, out),
                Work::Unusual { message, .. } => responder::refuse(message, out),
            };
            count(&self.counters, source, out);
        }
        self.counters.took(1, elapsed(work.since()));
    }

    /// Takes note of a fault of ours and of what it has cost.
    pub(super) fn note_fault(&self, cost: &str) {
        self.counters.dropped(Dropped::Fault);
        tracing::error!("a fault of ours has cost {cost}; please report it");
    }

    async fn answer(&self, work: &Work, out: &mut Vec<u8>) {
        match work {
            Work::Await(pending) => {
                let finished = self.hurry.run_until_cancelled(self.responder.finish(pending, out)).await;
                let source = finished.unwrap_or_else(|| self.responder.refuse_for_room(pending, out));
                count(&self.counters, source, out);
            }
            Work::Unusual { message, peer, tcp, since } => {
                let bake = |cookie: Cookie<'_>| self.responder.cookie(cookie, peer.ip(), *tcp, *since);
                let rcode = handler::answer(message, *peer, *tcp, &bake, out).await;
                self.counters.answered(Source::Handler, rcode, false);
            }
        }
    }

    /// Writes the reply to `work` for which there is no place into `out`.
    pub(super) fn refuse(&self, work: &Work, out: &mut Vec<u8>) -> Source {
        match work {
            Work::Await(pending) => self.responder.refuse_for_room(pending, out),
            Work::Unusual { message, .. } => responder::refuse(message, out),
        }
    }
}

pub(super) fn elapsed(since: Instant) -> Duration {
    now().saturating_duration_since(since)
}

/// Counts a reply by what its header says.
pub(super) fn count(counters: &Counters, source: Source, reply: &[u8]) {
    if let Some(header) = reply.first_chunk::<4>() {
        counters.answered(source, u16::from(header[3] & 0x0f), header[2] & 0x02 != 0);
    }
}
