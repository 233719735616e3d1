//! A file of the inventory as it is kept over a restart: with an even first byte the whole file, with an odd one what
//! the file holds, which a checksum would keep from being changed at random.

use std::path::PathBuf;
use std::sync::LazyLock;

use ecs_resolver::ecs::Timestamp;
use ecs_resolver::inventory::Saved;
use ecs_resolver::inventory::saved::text::Part;
use ecs_resolver::store::{self, Kind};

use super::rig;

/// Where this process keeps its file.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("ecs-resolver-fuzz-{}", std::process::id())));

/// Reads the file, and makes a zone of what can be understood.
///
/// # Panics
/// When a refusal is not fit for a log, or what was read is another after it was saved again.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    if choice & 1 == 1 {
        return understand(bytes);
    }
    std::fs::write(&*FILE, bytes).expect("a temporary file");
    match store::read(&FILE, Kind::Inventory) {
        Ok(content) => understand(&content.expect("there is a file")),
        Err(refusal) => {
            let text = refusal.to_string();
            assert!(text.len() < 1000 && !text.chars().any(char::is_control), "{text:?}");
        }
    }
}

fn understand(content: &[u8]) {
    let Ok(text) = std::str::from_utf8(content) else { return };
    let read = |text: &str| Saved::read_from(text, |parts| parts.iter().map(Part::decode).collect());
    let Ok(saved) = read(text) else { return };
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    assert!(saved.read().count() <= content.len());
    let inventory = saved.into_inventory(now);
    rig::zone(&inventory);
    let mut again = Vec::new();
    Saved::of(&inventory, &Default::default()).write(&mut again).expect("it can be saved");
    let again = read(std::str::from_utf8(&again).expect("JSON")).expect("what was saved can be read");
    assert_eq!(again.into_inventory(now), inventory);
}
