//! How the fake misbehaves: throttling, latency, errors, stale reads, odd pages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::limits::{Bucket, Tokens};
use super::op::Op;
use super::page::PageStyle;
use super::world::World;

/// A way to fail a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller lacks the permission.
    AccessDenied,
    /// Throttled, whatever the buckets say.
    Throttled,
    /// HTTP 500.
    InternalFailure,
    /// The connection is closed without an answer.
    Drop,
}

/// A fault that waits for calls.
#[derive(Clone, Debug)]
struct Armed {
    /// None: any operation.
    op: Option<Op>,
    fault: Fault,
    /// How many calls go well before.
    spare: u32,
    /// How many calls it will still fail; none: until healed.
    left: Option<u32>,
}

/// How an answer of one operation is to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// No `version` in tasks and container instances.
    pub omit_versions: bool,
    /// How pages are cut.
    pub page_style: PageStyle,
    /// The most items of a page, whatever the caller asks for.
    pub page_size: Option<usize>,
}

impl Manner {
    /// The size of a page for which `asked` items were asked.
    pub fn page_size(&self, asked: usize) -> usize {
        self.page_size.map_or(asked, |most| most.min(asked))
    }
}

/// All knobs. The default is a well-behaved AWS without limits on the request rate.
#[derive(Debug, Default)]
pub struct Knobs {
    /// Leaves `version` out of tasks and container instances, as moto does.
    pub omit_versions: bool,
    /// How pages are cut.
    pub page_style: PageStyle,
    page_sizes: BTreeMap<Op, usize>,
    latency: Duration,
    latencies: BTreeMap<Op, Duration>,
    armed: Vec<Armed>,
    buckets: BTreeMap<Bucket, Tokens>,
    stale: BTreeMap<Op, Arc<World>>,
}

impl Knobs {
    /// Pages of `op` hold at most `items`, whatever the caller asks for. EC2 and ELB then page unasked.
    pub fn set_page_size(&mut self, op: Op, items: usize) {
        self.page_sizes.insert(op, items.max(1));
    }

    /// Delays every answer.
    pub fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// Delays the answers of one operation, instead of the general delay.
    pub fn set_latency_of(&mut self, op: Op, latency: Duration) {
        self.latencies.insert(op, latency);
    }

    /// Fails every call of `op` until [`Knobs::heal`].
    pub fn fail(&mut self, op: Op, fault: Fault) {
        self.armed.push(Armed { op: Some(op), fault, spare: 0, left: None });
    }

    /// Fails the next `times` calls of `op`.
    pub fn fail_times(&mut self, op: Op, fault: Fault, times: u32) {
        self.armed.push(Armed { op: Some(op), fault, spare: 0, left: Some(times) });
    }

    /// Lets `spare` calls of `op` go well, then fails every one until [`Knobs::heal`].
    pub fn fail_after(&mut self, op: Op, fault: Fault, spare: u32) {
        self.armed.push(Armed { op: Some(op), fault, spare, left: None });
    }

    /// Fails every call of every operation, IMDS included, until [`Knobs::heal_all`].
    pub fn fail_all(&mut self, fault: Fault) {
        self.armed.push(Armed { op: None, fault, spare: 0, left: None });
    }

    /// Takes back the faults of `op`; those of all operations stay.
    pub fn heal(&mut self, op: Op) {
        self.armed.retain(|armed| armed.op != Some(op));
    }

    /// Takes back every fault.
    pub fn heal_all(&mut self) {
        self.armed.clear();
    }

    /// Limits every bucket as AWS documents; the buckets are full now.
    pub fn throttle_like_aws(&mut self) {
        for bucket in Bucket::ALL {
            let (burst, per_second) = bucket.aws_rate();
            self.throttle(bucket, burst, per_second);
        }
    }

    /// Limits one bucket: `burst` tokens now and at most, `per_second` more each second.
    pub fn throttle(&mut self, bucket: Bucket, burst: u32, per_second: f64) {
        self.buckets.insert(bucket, Tokens::full(burst, per_second, Instant::now()));
    }

    /// Lifts every limit.
    pub fn unthrottle(&mut self) {
        self.buckets.clear();
    }

    /// `op` answers out of `world` from now on.
    pub(super) fn freeze(&mut self, op: Op, world: World) {
        self.stale.insert(op, Arc::new(world));
    }

    /// `op` answers out of the current world again.
    pub fn thaw(&mut self, op: Op) {
        self.stale.remove(&op);
    }

    pub(super) fn stale_world(&self, op: Op) -> Option<Arc<World>> {
        self.stale.get(&op).cloned()
    }

    pub(super) fn manner(&self, op: Op) -> Manner {
        Manner {
            omit_versions: self.omit_versions,
            page_style: self.page_style,
            page_size: self.page_sizes.get(&op).copied(),
        }
    }

    pub(super) fn latency(&self, op: Op) -> Duration {
        self.latencies.get(&op).copied().unwrap_or(self.latency)
    }

    /// The fault that this call of `op` meets, if any: the first armed one that is not used up.
    pub(super) fn next_fault(&mut self, op: Op) -> Option<Fault> {
        let at = self.armed.iter().position(|armed| armed.op.is_none_or(|of| of == op))?;
        let armed = &mut self.armed[at];
        if armed.spare > 0 {
            armed.spare -= 1;
            return None;
        }
        let fault = armed.fault;
        if let Some(left) = &mut armed.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.armed.remove(at);
            }
        }
        Some(fault)
    }

    /// Takes a token for a call of `op`; false: over the limit.
    pub(super) fn take_token(&mut self, op: Op, narrowed: bool) -> bool {
        Bucket::of(op, narrowed)
            .and_then(|bucket| self.buckets.get_mut(&bucket))
            .is_none_or(|tokens| tokens.take(Instant::now()))
    }
}
