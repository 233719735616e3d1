//! What is wrong with a message, in one short line whatever is in it.

use super::MAX_BYTES;

/// Longest piece of a message that an error repeats, in characters.
const SHOWN: usize = 200;

/// Why a message cannot be read. Its text is one line and short: it may be logged whatever the message holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// More bytes than any event has.
    #[error("the message has {0} bytes, more than any event: at most {MAX_BYTES} are read")]
    TooLong(usize),
    /// Not JSON, or not of an event's outermost shape.
    #[error("the message is no JSON of an event: {0}")]
    Json(String),
    /// JSON of something else.
    #[error("the message is no event: {0}")]
    NoEvent(String),
    /// An event whose `detail` lacks what its type must have.
    #[error("the event `{kind}` cannot be read: {why}")]
    Detail {
        /// Its `detail-type`.
        kind: String,
        /// What is wrong.
        why: String,
    },
}

impl EventError {
    /// Something else than an event, `what` says.
    pub(super) fn no_event(what: &str) -> Self {
        Self::NoEvent(one_line(what))
    }

    /// A detail of which serde or a type of ours says what is wrong.
    pub(super) fn detail(kind: &str, why: &impl ToString) -> Self {
        // Line and column would count from the beginning of `detail`, which nobody sees.
        let why = why.to_string();
        let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
        Self::Detail { kind: one_line(kind), why: one_line(why) }
    }
}

impl From<serde_json::Error> for EventError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(one_line(&error.to_string()))
    }
}

/// `text` without control characters and of bounded length, fit for a log.
pub(super) fn one_line(text: &str) -> String {
    let plain = |one: char| if one.is_control() || is_invisible(one) { '\u{fffd}' } else { one };
    let mut shown: String = text.chars().take(SHOWN).map(plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Separators of lines, and marks that turn the direction of what follows.
fn is_invisible(one: char) -> bool {
    matches!(one, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_short_line_whatever_it_tells_of() {
        let nasty = format!("a\nb\u{1b}[31m\u{2028}\u{202e}{}", "ü".repeat(1_000_000));
        for error in [
            EventError::no_event(&nasty),
            EventError::detail(&nasty, &nasty),
            serde_json::from_str::<u8>(&format!("{:?}", "x".repeat(1_000_000))).unwrap_err().into(),
        ] {
            let told = error.to_string();
            assert!(told.len() < 1000, "{} bytes", told.len());
            assert!(!told.chars().any(char::is_control) && !told.contains(['\u{2028}', '\u{202e}']), "{told:?}");
        }
        assert_eq!(one_line("as it is"), "as it is");
    }

    #[test]
    fn where_in_the_detail_is_not_told() {
        let error = serde_json::from_str::<u8>("\"x\"").unwrap_err();
        let told = EventError::detail("ECS Service Action", &error).to_string();
        assert_eq!(told, "the event `ECS Service Action` cannot be read: invalid type: string \"x\", expected u8");
    }
}
