use std::io;
use std::sync::{Arc, Mutex};

use super::*;
use crate::dns::DomainName;
use crate::ecs::event;

/// Ends the line and begins one that looks like ours, clears the screen, rings, hides, turns, and is not even ASCII.
const HOSTILE: &str =
    "x\n2026-01-01T00:00:00Z  INFO all is well\r\u{1b}[2J\u{1b}]0;t\u{7}\u{0}\u{9b}31m\u{7f}\u{2028}\u{202e}ä\t";

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written when `act` logs.
fn logged(format: LogFormat, act: impl Fn()) -> String {
    let written = Written::default();
    let log = Log { level: "info".to_owned(), format };
    let to = written.clone();
    tracing::subscriber::with_default(subscriber(&log, move || to.clone(), false).0, act);
    String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
}

/// Logs texts of the network as the program does: in a message, as a field, by Display and by Debug.
fn log_what_came() {
    let label = &HOSTILE.as_bytes()[..60];
    let mut wire = vec![60];
    wire.extend_from_slice(label);
    wire.push(0);
    let name = DomainName::from_wire(&wire).expect("any octets are a label");
    tracing::warn!("an answer for {name}");
    tracing::warn!(%name, "an answer");
    let body = format!("{{\"detail-type\": \"{HOSTILE}");
    let error = event::parse(body.as_bytes()).expect_err("cut in the middle");
    tracing::warn!(%error, body, "an event that cannot be read");
    let said = io::Error::other(HOSTILE);
    tracing::error!(error = %said, cause = ?said, "AccessDenied: {HOSTILE}");
    tracing::info_span!("call", operation = HOSTILE).in_scope(|| tracing::warn!("in a span"));
}

#[test]
fn what_comes_from_the_network_stays_in_its_line_and_shows_what_it_is() {
    for (format, lines) in [(LogFormat::Text, 5), (LogFormat::Json, 5)] {
        let log = logged(format, log_what_came);
        assert_eq!(log.lines().count(), lines, "{log}");
        let raw: Vec<char> = log.chars().filter(|letter| *letter != '\n' && letter.is_control()).collect();
        assert!(raw.is_empty(), "{format:?}: {raw:?}");
        assert!(log.contains(r"[2J") && !log.contains('\u{1b}') && log.contains('ä'), "{log}");
        assert!(!log.contains(['\u{2028}', '\u{202e}']) && log.contains(r"\u"), "{log}");
        if format == LogFormat::Text {
            assert!(log.lines().all(|line| line.contains(" WARN ") || line.contains(" ERROR ")), "{log}");
        }
    }
}

#[test]
fn what_cannot_be_written_is_lost_and_nothing_else() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Log { level: "info".to_owned(), format: LogFormat::Text };
    let began = tracing::subscriber::with_default(subscriber(&log, || Full, false).0, || {
        tracing::error!("nobody reads this");
        true
    });
    assert!(began);
}

#[test]
fn a_line_has_an_end() {
    let log = logged(LogFormat::Text, || tracing::warn!(body = "y".repeat(1 << 20), "an event"));
    assert!(log.len() < 5000 && log.ends_with("…\n") && log.contains("an event body="), "{}", log.len());
    let log = logged(LogFormat::Json, || {
        let span = tracing::info_span!("call", operation = "z".repeat(1 << 20));
        span.in_scope(|| tracing::warn!(body = "y\n".repeat(1 << 20), "an event"));
    });
    let line: serde_json::Value = serde_json::from_str(&log).expect("it is JSON still");
    let body = line["fields"]["body"].as_str().unwrap();
    assert!(body.ends_with('…') && body.chars().count() == 4097, "{}", body.len());
    assert_eq!((line["fields"]["message"].as_str(), log.lines().count()), (Some("an event"), 1));
    assert!(log.len() < 50_000, "{}", log.len());
}

#[test]
fn what_was_left_out_has_time_and_level_in_json_too() {
    let forge = || (0..200).for_each(|number| tracing::warn!("forged reply {number}"));
    let log = logged(LogFormat::Json, || {
        forge();
        // The limit goes by the real clock, and a second lets one more through.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        forge();
    });
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"] == "WARN"), "{log}");
    let said = |line: &serde_json::Value| line["fields"]["message"].as_str().unwrap().contains("were left out");
    assert!(lines.iter().any(said), "{log}");
}

#[test]
fn one_place_cannot_fill_the_log_and_others_are_heard() {
    let log = logged(LogFormat::Text, || {
        (0..1000).for_each(|number| tracing::warn!("forged reply {number}"));
        tracing::warn!("something else");
    });
    let forged = log.lines().filter(|line| line.contains("forged reply")).count();
    // A slow machine may let a second or two pass meanwhile.
    assert!((100..200).contains(&forged), "{forged}");
    assert!(log.contains("something else"));
    assert!(forged == 100 || log.contains("lines like the next one were left out"));
}
