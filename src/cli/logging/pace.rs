//! How many lines one place in the code may log: who causes warnings from outside cannot fill the disk with them.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use governor::clock::MonotonicClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::lines;

/// Lines that a place may log at once, and how many a second after that.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN;

/// Writes events as `format` does, but for those that are too many. The next one tells how many were left out. Debug and
/// trace, which somebody has asked for, are not counted.
pub(super) struct Paced<E> {
    format: E,
    json: bool,
    places: Mutex<HashMap<Identifier, Place>>,
}

struct Place {
    limit: RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<std::time::Instant>>,
    left_out: u64,
}

impl<E> Paced<E> {
    pub(super) fn new(format: E, json: bool) -> Self {
        Self { format, json, places: Mutex::default() }
    }

    /// How many events of this place were left out since the last that was written; `None` if this one is to be as well.
    fn admit(&self, event: &Event<'_>) -> Option<u64> {
        if *event.metadata().level() > Level::INFO {
            return Some(0);
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(event.metadata().callsite()).or_insert_with(|| Place {
            limit: RateLimiter::direct_with_clock(Quota::per_second(PER_SECOND).allow_burst(BURST), MonotonicClock),
            left_out: 0,
        });
        if place.limit.check().is_ok() {
            return Some(std::mem::take(&mut place.left_out));
        }
        place.left_out += 1;
        None
    }
}

impl<S, N, E> FormatEvent<S, N> for Paced<E>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    E: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(count) = self.admit(event) else { return Ok(()) };
        let left_out = (count > 0).then(|| format!("{count} lines like the next one were left out"));
        if !self.json {
            left_out.map_or(Ok(()), |message| writeln!(writer, "{message}"))?;
            return self.format.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        let line = lines::escape_json(&line);
        left_out.map_or(Ok(()), |message| writeln!(writer, "{}", saying(&line, &message)))?;
        writer.write_str(&line)
    }
}

/// A line of JSON like `line`, of the same time and level, that says nothing but `message`.
fn saying(line: &str, message: &str) -> serde_json::Value {
    let mut line = serde_json::from_str(line).unwrap_or_else(|_| serde_json::json!({}));
    line["fields"] = serde_json::json!({ "message": message });
    line
}
