//! The cache: answers by question, bounded by bytes; and for a short while, questions that have failed (RFC 9520).

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use moka::sync::Cache;
use quick_cache::sync::{Cache as AnswerCache, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};

use super::ForwardError;
use crate::dns::{DomainName, RecordType};
use crate::forward::{Entry, Key, KeyRef};

/// Uses that make an answer popular; more are not counted.
const POPULAR: u32 = 3;
/// The most that an answer inherits.
const WARMEST: u8 = 8;
/// Failed questions that are remembered.
const MAX_FAILURES: u64 = 10_000;
/// Longest time that a question is not asked again because it has failed (RFC 9520 3.2: at most 5 minutes).
const LONGEST_HOLD: Duration = Duration::from_secs(5);
/// How long a failure is remembered, so that the next one holds longer.
const FAILURE_MEMORY: Duration = Duration::from_secs(15);
/// Parts that the answers are kept in, each with a lock of its own: most of them, and the least room of one in bytes.
const MOST_PARTS: usize = 16;
const SMALLEST_PART: usize = 512 << 10;
/// What an answer takes, in bytes: a guess at their number is made of it.
const TYPICAL_ANSWER: usize = 512;

/// The types that names of a service are asked for.
const USUAL: [RecordType; 8] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CNAME,
    RecordType::HTTPS,
    RecordType::PTR,
    RecordType::SRV,
    RecordType::SVCB,
    RecordType::TXT,
];
/// DO and CD, in every combination.
const FLAGS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

/// An answer as it is kept: the entry, and how much it is asked for.
#[derive(Debug)]
pub struct Answer {
    entry: Entry,
    uses: AtomicU32,
    renewing: AtomicBool,
    /// What it has of those that it renews.
    inherited: AtomicU8,
}

impl From<Entry> for Answer {
    fn from(entry: Entry) -> Self {
        Self::with_warmth(entry, 0)
    }
}

impl Deref for Answer {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

impl Answer {
    /// An answer that others like it were asked for so much.
    pub(super) fn with_warmth(entry: Entry, warmth: u8) -> Self {
        let inherited = AtomicU8::new(warmth.min(WARMEST));
        Self { entry, uses: AtomicU32::new(0), renewing: AtomicBool::new(false), inherited }
    }

    /// How much it is asked for, and those before it were: each life counts for half of the next one.
    pub(super) fn warmth(&self) -> u8 {
        let uses = u8::try_from(self.uses.load(Relaxed)).unwrap_or(u8::MAX);
        uses.saturating_add(self.inherited.load(Relaxed))
    }

    /// Counts a use; says whether this is the one that should have the answer renewed: once in its life, when it is
    /// popular and its time is nearly over. If that comes to nothing, whoever asks after its time asks for all.
    pub(super) fn used(&self, now: Instant) -> bool {
        // Once popular, it is only read: workers share the line of memory.
        if self.uses.load(Relaxed) < POPULAR {
            self.uses.fetch_add(1, Relaxed);
            return false;
        }
        self.is_fading(now) && !self.renewing.swap(true, Relaxed)
    }
}

/// A question that has failed.
#[derive(Debug, Clone)]
struct Failed {
    error: ForwardError,
    until: Instant,
    hold: Duration,
}

/// Answers, and failures.
///
/// Both caches are bounded. That of the answers is read by every forwarded question, and there `quick_cache` takes a
/// quarter of the time that `moka` does (docs/performance.md); it knows no time, and need not: whether an answer is
/// fresh, stale or of no use is decided by its [`Entry`].
#[derive(Debug)]
pub(super) struct Store {
    answers: AnswerCache<Key, Arc<Answer>, Weight, RandomState>,
    failures: Cache<Key, Failed, RandomState>,
    /// Bytes that there is room for.
    room: AtomicU64,
    /// Answers put in so far.
    kept: AtomicU64,
}

/// What an answer takes of the room, in bytes.
#[derive(Debug, Clone)]
struct Weight;

impl Weighter<Key, Arc<Answer>> for Weight {
    fn weight(&self, key: &Key, answer: &Arc<Answer>) -> u64 {
        (answer.memory() + key.name.as_wire().len()) as u64
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.borrow()
    }
}

impl Store {
    /// An empty cache for `bytes` of answers.
    pub(super) fn new(bytes: u64) -> Self {
        let room = usize::try_from(bytes).unwrap_or(usize::MAX);
        // Each part keeps its own bound, and must have room for the largest answers.
        let parts = (room / SMALLEST_PART).clamp(1, MOST_PARTS);
        let options = OptionsBuilder::new()
            .weight_capacity(bytes)
            .estimated_items_capacity(room / TYPICAL_ANSWER)
            .shards(parts)
            .build();
        let lifecycle = DefaultLifecycle::default();
        let failures = Cache::builder()
            .name("failures")
            .max_capacity(MAX_FAILURES)
            .time_to_live(FAILURE_MEMORY)
            .build_with_hasher(RandomState::default());
        let answers = match options {
            Ok(options) => AnswerCache::with_options(options, Weight, RandomState::default(), lifecycle),
            Err(_) => AnswerCache::with(room / TYPICAL_ANSWER, bytes, Weight, RandomState::default(), lifecycle),
        };
        Self { answers, failures, room: AtomicU64::new(bytes), kept: AtomicU64::new(0) }
    }

    pub(super) fn get(&self, key: KeyRef<'_>) -> Option<Arc<Answer>> {
        self.answers.get(&key)
    }

    /// Keeps an answer in place of an older one; one that is for the question at hand only just ends the older.
    pub(super) fn keep(&self, key: Key, answer: &Arc<Answer>) {
        self.failures.invalidate(&key);
        if answer.ttl() > 0 {
            if let Some(before) = self.answers.peek(&key) {
                answer.inherited.store((before.warmth() / 2 + 1).min(WARMEST), Relaxed);
            }
            self.kept.fetch_add(1, Relaxed);
            self.answers.insert(key, Arc::clone(answer));
        } else {
            self.answers.remove(&key);
        }
    }

    /// Puts in an answer of before the start, unless there is a newer one.
    pub(super) fn restore(&self, key: Key, answer: &Arc<Answer>) {
        if self.answers.peek(&key).is_none() {
            self.answers.insert(key, Arc::clone(answer));
        }
    }

    /// Answers put in so far, those of before the start not counted.
    pub(super) fn kept_so_far(&self) -> u64 {
        self.kept.load(Relaxed)
    }

    /// Has room for so many bytes from now on; what is too much goes at once. The number of parts stays: with little room
    /// left, the largest answers are not kept.
    pub(super) fn resize(&self, bytes: u64) {
        if bytes != self.room.swap(bytes, Relaxed) {
            self.answers.set_capacity(bytes);
        }
    }

    /// Removes this answer if it is still the one to `key`.
    pub(super) fn drop_if_same(&self, key: &Key, answer: &Arc<Answer>) {
        self.answers.remove_if(key, |there| Arc::ptr_eq(there, answer));
    }

    /// Removes the answers that `goes` says, and says how many they were. Looks at everything.
    pub(super) fn weed(&self, goes: impl Fn(&Key, &Answer) -> bool) -> usize {
        let before = self.answers.len();
        self.answers.retain(|key, answer| !goes(key, answer));
        before.saturating_sub(self.answers.len())
    }

    /// Why the question is not to be asked now, if it has just failed.
    pub(super) fn failure(&self, key: &Key, now: Instant) -> Option<ForwardError> {
        self.failures.get(key).filter(|failed| now < failed.until).map(|failed| failed.error)
    }

    /// Remembers that the question has failed: for a second, and twice as long each time it fails again.
    pub(super) fn fail(&self, key: Key, error: ForwardError, now: Instant) {
        let hold = self.failures.get(&key).map_or(Duration::from_secs(1), |failed| (2 * failed.hold).min(LONGEST_HOLD));
        self.failures.insert(key, Failed { error, until: now + hold, hold });
    }

    /// An upstream is there again: what failed without it may be asked.
    pub(super) fn forgive(&self) {
        self.failures.invalidate_all();
    }

    /// Forgets all answers and failures of the names that `matches`, and says how many answers they were. Looks at
    /// everything.
    pub(super) fn flush(&self, matches: impl Fn(&Key) -> bool) -> usize {
        let failed: Vec<_> = self.failures.iter().map(|(key, _)| key).filter(|key| matches(key)).collect();
        failed.iter().for_each(|key| self.failures.invalidate(&**key));
        self.weed(|key, _| matches(key))
    }

    /// Forgets what is known of `names`, at a cost that follows their number and not that of the answers. An answer to
    /// a question of an unusual type may be left to the end of its life.
    pub(super) fn forget(&self, names: &BTreeSet<DomainName>) {
        let probes = names.len().saturating_mul(USUAL.len() * FLAGS.len());
        if u64::try_from(probes).unwrap_or(u64::MAX) >= self.len() {
            self.flush(|key| names.contains(&key.name));
            return;
        }
        for (name, qtype) in names.iter().flat_map(|name| USUAL.map(|qtype| (name, qtype))) {
            for (dnssec_ok, checking_disabled) in FLAGS {
                let key = Key { name: name.clone(), qtype, dnssec_ok, checking_disabled };
                self.answers.remove(&key);
                self.failures.invalidate(&key);
            }
        }
    }

    /// All answers, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, Arc<Answer>)> {
        self.answers.iter()
    }

    /// Number of answers.
    pub(super) fn len(&self) -> u64 {
        self.answers.len() as u64
    }

    /// Bytes that they hold.
    pub(super) fn bytes(&self) -> u64 {
        self.answers.weight()
    }
}
