use super::*;
use crate::dns::{DomainName, Ede};
use crate::inventory::reduce::samples::{World, apply, at, cluster, cluster_arn, prod, seen, task, task_arn};
use crate::inventory::saved::text::Part;
use crate::inventory::{Change, Resource};
use crate::source::Origin;
use crate::updater::Updater;
use crate::zone::Settings;

/// A daemon that has been started anew with what it knew of the clusters `prod` and `batch`, and keeps it on disk.
struct Started {
    folder: tempfile::TempDir,
    updates: Updates,
    stats: Arc<UpdaterStats>,
    counts: Arc<Counts>,
    status: Arc<SourceStatus>,
    stop: CancellationToken,
    saving: tokio::task::JoinHandle<()>,
}

impl Started {
    fn begin() -> Self {
        let clusters = ["prod", "batch"].map(cluster_arn);
        let known = [
            apply(Resource::Cluster(cluster("prod")), 0),
            apply(Resource::Cluster(cluster("batch")), 0),
            seen(task(1, 1), 0),
            Change::Synced { cluster: clusters[0].clone() },
            Change::Synced { cluster: clusters[1].clone() },
        ];
        let settings = Settings::new(DomainName::from_text("ecs.internal").unwrap(), vec!["prod".to_owned()]);
        let old = Ede::new(Ede::STALE_ANSWER, "old");
        let updater = Updater::new(settings, 1).restored(World::after(known).0, old);
        let (stats, folder, counts) = (updater.stats(), tempfile::tempdir().unwrap(), Arc::<Counts>::default());
        let (updates, messages) = Updates::channel();
        tokio::spawn(updater.run(messages));
        let status = Arc::new(SourceStatus::default());
        status.restored(clusters.into_iter().map(|cluster| (cluster, at(0))).collect());
        let saver = Saver {
            path: folder.path().join("inventory"),
            updates: updates.clone(),
            updated: Arc::clone(&stats),
            status: Arc::clone(&status),
            clock: Clock::at(at(60)),
            counts: Arc::clone(&counts),
            max_age: Some(Duration::from_secs(60)),
        };
        let stop = CancellationToken::new();
        let saving = tokio::spawn(saver.run(stop.clone()));
        Self { folder, updates, stats, counts, status, stop, saving }
    }

    async fn hears(&self, origin: Origin, change: Change) {
        self.updates.serve(origin, vec![change]).await.unwrap();
    }

    /// What is on disk, if anything is.
    fn file(&self) -> Option<String> {
        let bytes = store::read(&self.folder.path().join("inventory"), Kind::Inventory).unwrap()?;
        Some(String::from_utf8(bytes).unwrap())
    }

    fn saves(&self, result: &'static str) -> u64 {
        super::super::lock(&self.counts.saves).get(&("inventory", result)).copied().unwrap_or_default()
    }

    fn has(&self, number: u32) -> bool {
        self.file().is_some_and(|file| file.contains(task_arn(number).id()))
    }
}

fn of_batch(number: u32) -> Change {
    let mut other = task(number, 1);
    (other.cluster, other.group) = (cluster_arn("batch"), Some("service:job".to_owned()));
    seen(other, 30)
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_cannot_be_read_whole_keeps_no_other_from_the_disk() {
    let started = Started::begin();
    started.hears(Origin::Read, of_batch(7)).await;
    started.updates.passed(cluster_arn("batch")).await.unwrap();
    started.hears(Origin::Read, seen(task(2, 1), 30)).await;
    started.updates.passed(prod()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(started.has(1) && started.has(2) && started.has(7), "{:?}", started.file());
    started.hears(Origin::Event, seen(task(3, 1), 40)).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(started.has(3));
}

#[tokio::test(start_paused = true)]
async fn a_save_that_waits_for_the_end_of_a_pass_is_told_of() {
    let started = Started::begin();
    started.hears(Origin::Event, seen(task(2, 1), 30)).await;
    // As if one pass after the other took too long.
    started.stats.held.store(1, Relaxed);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!((started.file(), started.saves("put_off")), (None, 0));
    tokio::time::sleep(Duration::from_secs(3000)).await;
    assert_eq!((started.file(), started.saves("put_off")), (None, 1));
    started.stats.held.store(0, Relaxed);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(started.has(2) && started.saves("saved") == 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_saves_what_has_changed() {
    let started = Started::begin();
    started.hears(Origin::Event, seen(task(2, 1), 30)).await;
    started.stop.cancel();
    started.saving.await.unwrap();
    let path = started.folder.path().join("inventory");
    let bytes = store::read(&path, Kind::Inventory).unwrap().unwrap();
    assert!(String::from_utf8(bytes).unwrap().contains(task_arn(2).id()));
}

/// Reads all again and finds nothing new.
fn reads_again(started: &Started, second: i64) {
    ["prod", "batch"].into_iter().for_each(|name| started.status.complete(&cluster_arn(name), at(second)));
}

#[tokio::test(start_paused = true)]
async fn what_was_only_read_again_is_saved_before_it_is_too_old_and_at_a_stop() {
    let started = Started::begin();
    let read = |file: &str| {
        let saved = Saved::read_from(file, |parts| parts.iter().map(Part::decode).collect());
        saved.unwrap().read().map(|(_, _, at)| at).collect::<Vec<_>>()
    };
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(started.file(), None, "nothing is new");
    reads_again(&started, 30);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(read(&started.file().unwrap()), [at(30); 2]);
    reads_again(&started, 40);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(read(&started.file().unwrap()), [at(30); 2], "not that often");
    started.stop.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(read(&started.file().unwrap()), [at(40); 2]);
    assert_eq!(started.saves("saved"), 2);
}
