//! What of the cache outlives the process: its hot part, and what of that may be taken over.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Answer, Forwarder, now};
use crate::ecs::Timestamp;
use crate::forward::Key;
use crate::forward::saved::{self, Head, SavedAnswer, Terms};

/// The hottest answers of a cache, the hottest first, and whose they are.
#[derive(Debug)]
pub struct Collected {
    terms: Terms,
    answers: Vec<(Key, Arc<Answer>)>,
    now: Instant,
}

impl Collected {
    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Writes them as [`saved::read`] reads them; `at` is the time by the wall clock.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, at: Timestamp) -> io::Result<()> {
        saved::write_head(out, &Head { at, terms: self.terms.clone() })?;
        let mut answers = self.answers.iter();
        answers.try_for_each(|(key, answer)| saved::write_answer(out, key, answer, answer.warmth(), self.now))
    }
}

impl Forwarder {
    /// The answers that are worth `most` bytes on a disk: those that are asked for most, and of those the newest. Names of
    /// our own zones are not among them. Looks at the whole cache, twice, and takes no more memory than `most`.
    #[must_use]
    pub fn collect(&self, most: usize) -> Collected {
        let (now, rules) = (now(), self.rules.load_full());
        let worth = |key: &Key, answer: &Answer| {
            let usable = answer.is_fresh(now) || answer.is_usable(now, rules.settings.serve_stale);
            usable && !rules.is_ours(&key.name)
        };
        let all = || self.store.iter().filter(|(key, answer)| worth(key, answer));
        let mut sizes: BTreeMap<u8, usize> = BTreeMap::new();
        all().for_each(|(_, answer)| *sizes.entry(answer.warmth()).or_default() += saved::answer_len(&answer));
        let (mut room, mut edge) = (most, None);
        for (warmth, size) in sizes.into_iter().rev() {
            if size > room {
                // Of those that are as warm as this, some fit.
                edge = Some(warmth);
                break;
            }
            room -= size;
        }
        let mut fits = |answer: &Answer| {
            let size = saved::answer_len(answer);
            let at_edge = Some(answer.warmth()) == edge;
            let fits = Some(answer.warmth()) >= edge && (!at_edge || size <= room);
            room -= if fits && at_edge { size } else { 0 };
            fits
        };
        let mut answers: Vec<_> = all().filter(|(_, answer)| fits(answer)).collect();
        answers.sort_by_cached_key(|(_, answer)| (std::cmp::Reverse(answer.warmth()), answer.age(now)));
        Collected { terms: rules.terms(), answers, now }
    }

    /// Whose answers the cache holds.
    #[must_use]
    pub fn terms(&self) -> Terms {
        self.rules.load().terms()
    }

    /// How often an answer was put into the cache: if it is as before, there is nothing new to save.
    #[must_use]
    pub fn kept_so_far(&self) -> u64 {
        self.store.kept_so_far()
    }

    /// Takes over the answer as it is `elapsed` after it was saved, if it would be taken from an upstream and is of use
    /// still; says whether it was.
    pub fn restore(&self, saved: &SavedAnswer<'_>, elapsed: Duration) -> bool {
        let (now, rules) = (now(), self.rules.load());
        let caps = rules.settings.caps;
        let Some((key, entry)) = saved.restore(elapsed, caps, now) else { return false };
        let usable = entry.is_fresh(now) || entry.is_usable(now, rules.settings.serve_stale);
        if !usable || rules.is_ours(&key.name) || rules.withholds(&key, &entry, now) {
            return false;
        }
        self.store.restore(key, &Arc::new(Answer::with_warmth(entry, saved.warmth)));
        true
    }
}
