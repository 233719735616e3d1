//! A configuration file.

use ecs_resolver::config::{Overrides, load_text, show};

/// Reads it, and shows it or its faults.
///
/// # Panics
/// When it is refused without a reason, or its settings cannot be shown.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match load_text(text, None, &Overrides::default()) {
        Ok(loaded) => {
            assert!(show::json(&loaded)["config"].is_object());
            assert!(!show::table(&loaded).is_empty());
        }
        Err(faults) => {
            assert!(!faults.faults.is_empty(), "refused without a reason");
            assert!(!faults.to_string().is_empty());
        }
    }
}
