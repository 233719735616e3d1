//! A message of the host's queue.

use ecs_resolver::ecs::event::parse;

/// Longest error text, in bytes.
const MAX_TEXT: usize = 2000;

/// Reads it. What cannot be read must be told in one short line that is fit for a log.
///
/// # Panics
/// When an error is none of this.
pub fn run(data: &[u8]) {
    if let Err(error) = parse(data) {
        let text = error.to_string();
        assert!(text.len() <= MAX_TEXT, "{} bytes", text.len());
        assert!(!text.chars().any(char::is_control), "{text:?} is not one line");
    }
}
