use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const ROUTES: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                      ens5\t00000000\t0100000A\t0003\t0\t0\t512\t00000000\n";
const NAME: &str = "ecs_resolver_host_linklocal_allowance_exceeded_total";
/// Time for a script on a busy machine.
const LONG: Duration = Duration::from_secs(300);

/// A host with this `ethtool`.
struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new(script: &str) -> Self {
        let host = Self { folder: tempfile::tempdir().unwrap() };
        host.write("route", ROUTES);
        host.write("ethtool", &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(host.path("ethtool"), fs::Permissions::from_mode(0o755)).unwrap();
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn drops(&self, patience: Duration) -> Arc<LinkLocalDrops> {
        Arc::new(LinkLocalDrops::with(self.path("route"), self.path("ethtool").into(), patience))
    }

    async fn read(&self, patience: Duration) -> Result<u64, Unreadable> {
        loop {
            // While another test forks, our script may still be open for writing in its child.
            match self.drops(patience).read().await {
                Err(Unreadable::Now("ethtool could not be run")) => tokio::task::yield_now().await,
                read => return read,
            }
        }
    }
}

#[tokio::test]
async fn the_interface_of_the_default_route_is_asked() {
    let host = Host::new("[ \"$*\" = \"-S ens5\" ] && echo '     linklocal_allowance_exceeded: 7'");
    assert_eq!(host.read(LONG).await, Ok(7));
    host.write("route", "Iface\n");
    assert_eq!(host.read(LONG).await, Err(Unreadable::Now("there is no default route")));
}

#[tokio::test]
async fn whatever_ethtool_does_it_ends() {
    let hangs = Host::new("exec sleep 3600").read(Duration::from_millis(50)).await;
    assert_eq!(hangs, Err(Unreadable::Now("ethtool took too long")));
    let endless = Host::new("echo linklocal_allowance_exceeded: 1; exec yes").read(LONG).await;
    assert_eq!(endless, Err(Unreadable::Now("ethtool failed")), "its pipe was closed");
    assert_eq!(Host::new("exit 1").read(LONG).await, Err(Unreadable::Now("ethtool failed")));
}

#[tokio::test]
async fn where_the_number_is_not_to_be_had_nobody_asks_again() {
    let other = Host::new("echo 'NIC statistics:'; echo '     peer_ifindex: 5'");
    assert!(matches!(other.read(LONG).await, Err(Unreadable::Here(_))));
    fs::remove_file(other.path("ethtool")).unwrap();
    let drops = other.drops(LONG);
    drops.clone().follow().await;
    let metrics = Metrics::new("test");
    drops.export(&metrics);
    assert!(!metrics.encode().contains(NAME));
}

#[tokio::test]
async fn the_number_is_exported() {
    let host = Host::new("echo linklocal_allowance_exceeded: 12");
    let _ = host.read(LONG).await;
    let (drops, metrics) = (host.drops(LONG), Metrics::new("test"));
    drops.export(&metrics);
    let mut last = drops.last.subscribe();
    let following = tokio::spawn(drops.clone().follow());
    last.wait_for(Option::is_some).await.unwrap();
    assert!(metrics.encode().contains(&format!("\n{NAME} 12.0\n")), "{}", metrics.encode());
    following.abort();
}
