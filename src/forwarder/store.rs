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
/// The most bytes that go at once when there is to be less room: some 128 answers of a part.
const STEP: u64 = (MOST_PARTS as u64) << 16;
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

    /// Has room for so many bytes from now on; what is too much goes, a little at a time, as each part is locked meanwhile.
    /// The number of parts stays: with little room left, the largest answers are not kept. One caller at a time.
    pub(super) fn resize(&self, bytes: u64) {
        let mut room = self.room.swap(bytes, Relaxed);
        while room != bytes {
            room = bytes.max(room.saturating_sub(STEP));
            self.answers.set_capacity(room);
        }
    }

    /// Removes this answer if it is still the one to `key`; says whether it was.
    pub(super) fn drop_if_same(&self, key: &Key, answer: &Arc<Answer>) -> bool {
        self.answers.remove_if(key, |there| Arc::ptr_eq(there, answer)).is_some()
    }

    /// Removes the answers that `goes` says, and says how many they were. Looks at everything, one after the other, and at
    /// each while nothing is locked: workers read here, and must not wait for what it takes to judge.
    pub(super) fn weed(&self, goes: impl Fn(&Key, &Answer) -> bool) -> usize {
        let judged = self.answers.iter().filter(|(key, answer)| goes(key, answer));
        judged.filter(|(key, answer)| self.drop_if_same(key, answer)).count()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::testing::{a, answer, key, moment};
    use crate::forward::{Caps, query};

    /// The answer to `key`, with this address.
    fn to(key: &Key, host: u8) -> Arc<Answer> {
        let query = query::build(key, &query::question(key), 7, false);
        let reply = answer(&query, [a(&key.name.to_string(), 30, host)]);
        Arc::new(Answer::from(Entry::accept(key, &reply, Caps::default(), moment()).unwrap()))
    }

    #[test]
    fn nothing_is_locked_while_an_answer_is_judged() {
        // All in one part.
        let store = Store::new(SMALLEST_PART as u64);
        let keys = ["a.example", "b.example", "c.example"].map(|name| key(name, RecordType::A));
        keys.iter().for_each(|key| store.keep(key.clone(), &to(key, 1)));
        let late = key("late.example", RecordType::A);
        let gone = store.weed(|judged, _| {
            assert!(keys.iter().all(|key| store.answers.try_get(key).is_ok()), "nobody can read");
            assert!(store.answers.try_insert(late.clone(), to(&late, 1)).is_ok(), "nobody can write");
            *judged == keys[0]
        });
        assert_eq!((gone, store.get(keys[0].borrow()).is_none(), store.len()), (1, true, 3));
    }

    #[test]
    fn an_answer_that_comes_while_the_older_is_judged_stays() {
        let store = Store::new(SMALLEST_PART as u64);
        let key = key("www.example", RecordType::A);
        let (old, new) = (to(&key, 1), to(&key, 2));
        store.keep(key.clone(), &old);
        let gone = store.weed(|key, judged| {
            let is_old = std::ptr::eq(judged, &*old);
            if is_old {
                store.answers.try_insert(key.clone(), Arc::clone(&new)).expect("it is locked");
            }
            is_old
        });
        assert_eq!(gone, 0);
        assert!(store.get(key.borrow()).is_some_and(|kept| Arc::ptr_eq(&kept, &new)));
    }

    #[test]
    fn room_that_is_taken_away_step_by_step_ends_as_at_once() {
        let store = Store::new(4 * STEP);
        for host in 0..2_000 {
            let key = key(&format!("h{host}.example"), RecordType::A);
            store.keep(key.clone(), &to(&key, 1));
        }
        let all = store.len();
        store.resize(100_000);
        assert!(store.bytes() <= 100_000 + MOST_PARTS as u64 && store.len() < all, "{} bytes", store.bytes());
        store.resize(8 * STEP);
        let key = key("last.example", RecordType::A);
        store.keep(key.clone(), &to(&key, 1));
        assert!(store.get(key.borrow()).is_some() && store.answers.capacity() >= 8 * STEP);
    }
}
