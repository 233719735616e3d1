//! What a line of the log looks like: one line, whatever the network put into it.
//!
//! Names, events and error texts come from outside. In text, what could end a line, move the cursor or turn the reading
//! direction is written as an escape. JSON escapes most of that itself. A long value is cut, in either.

use std::fmt::{self, Write};

use serde_json::Value;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{self, Writer};

/// Longest value, in characters.
const LONGEST: usize = 4096;

/// Writes the fields of an event or span as `message name=value`.
pub(super) fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    format::debug_fn(|writer, field, value| write_field(writer, field, value)).delimited(" ")
}

fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name())?;
    }
    let mut escaping = Escaping { inner: &mut *writer, left: LONGEST };
    // An error of ours only tells that it was cut.
    let cut = write!(escaping, "{value:?}").is_err() && escaping.left == 0;
    if cut { writer.write_str("…") } else { Ok(()) }
}

/// Escapes what is written through it.
struct Escaping<'w, W> {
    inner: &'w mut W,
    left: usize,
}

impl<W: Write> Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            if is_harmful(letter) {
                write!(self.inner, "{}", letter.escape_default())?;
            } else {
                self.inner.write_char(letter)?;
            }
        }
        Ok(())
    }
}

/// A line of JSON with what it may contain as it is, and we would not, as escapes; long values are cut.
pub(super) fn escape_json(line: &str) -> String {
    let cut = if line.len() > LONGEST { cut_json(line) } else { None };
    let line = cut.as_deref().unwrap_or(line);
    line.chars().fold(String::with_capacity(line.len()), |mut escaped, letter| {
        // Writing into a String does not fail.
        let _ = match letter {
            '\n' => escaped.write_char(letter),
            letter if is_harmful(letter) => write!(escaped, "\\u{:04x}", u32::from(letter)),
            letter => escaped.write_char(letter),
        };
        escaped
    })
}

/// A line of JSON with its texts cut; `None` if it is none.
fn cut_json(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(format!("{}\n", cut_texts(line)))
}

fn cut_texts(value: Value) -> Value {
    match value {
        Value::String(mut text) => {
            if let Some((end, _)) = text.char_indices().nth(LONGEST) {
                text.truncate(end);
                text.push('…');
            }
            Value::String(text)
        }
        Value::Array(list) => list.into_iter().map(cut_texts).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, cut_texts(value))).collect(),
        other => other,
    }
}

/// Control characters, line and paragraph separators, and what turns the direction of what follows.
fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
