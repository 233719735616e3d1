//! A file of forwarded answers as it is kept over a restart: with an even first byte the whole file, with an odd one what
//! the file holds, which a checksum would keep from being changed at random.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ecs_resolver::ecs::Timestamp;
use ecs_resolver::forward::saved;
use ecs_resolver::forwarder::{ForwardSettings, Forwarder};
use ecs_resolver::store::{self, Kind};

use super::rig::{self, Upstream};

/// Where this process keeps its file.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("ecs-resolver-fuzz-cache-{}", std::process::id())));

/// Reads the file, and has a forwarder take over what can be understood.
///
/// # Panics
/// When a refusal is not fit for a log, or what was taken over is not taken over again after it was saved.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    if choice & 1 == 1 {
        return understand(bytes);
    }
    std::fs::write(&*FILE, bytes).expect("a temporary file");
    match store::read(&FILE, Kind::Cache) {
        Ok(content) => understand(&content.expect("there is a file")),
        Err(refusal) => {
            let text = refusal.to_string();
            assert!(text.len() < 1000 && !text.chars().any(char::is_control), "{text:?}");
        }
    }
}

fn understand(content: &[u8]) {
    let Ok((head, answers)) = saved::read(content) else { return };
    rig::runtime().block_on(async {
        let forwarder = || {
            let upstream = Arc::new(Upstream { reply: Vec::new(), fitting: true });
            Forwarder::new(ForwardSettings::default(), upstream)
        };
        let first = forwarder();
        // Whose they are is told in words.
        let _ = head.terms.difference(&first.terms());
        for answer in answers {
            first.restore(&answer, Duration::from_secs(5));
        }
        let mut again = Vec::new();
        first.collect(usize::MAX).write(&mut again, Timestamp::UNIX_EPOCH).expect("memory can be written to");
        let (_, answers) = saved::read(&again).expect("what was written can be read");
        let second = forwarder();
        let taken = answers.filter(|answer| second.restore(answer, Duration::ZERO)).count();
        assert_eq!(u64::try_from(taken), Ok(first.entries()));
    });
}
