//! What is done to the daemon, and how it is undone.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::Stage;
use super::subject::Subject;
use super::upstream::Mood;
use crate::fake_aws::{Bucket, Fault as AwsFault, Op};
use crate::flood::udp;
use crate::fuzz::packets;

/// Connections that a hoarder opens: more than one client may have, and than a low limit of descriptors lets through.
const HOARD: usize = 100;
/// Packets of one flood.
const FLOOD: u64 = 3000;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// AWS closes every connection.
    AwsCut,
    /// AWS lets one call a second through.
    AwsThrottled,
    /// AWS takes two seconds for each call.
    AwsSlow,
    /// AWS says 500.
    AwsFailing,
    /// AWS says that nothing is allowed.
    AwsDenied,
    /// The upstream does not answer.
    UpstreamSilent,
    /// The upstream answers after a second.
    UpstreamSlow,
    /// The upstream says SERVFAIL.
    UpstreamFailing,
    /// The upstream has everything over TCP only.
    UpstreamTruncating,
    /// Forgeries come before each of the upstream's answers.
    UpstreamForged,
    /// Mutated packets as fast as they go.
    Flooded,
    /// A client opens connections, sends half a question over each, and keeps them.
    Hoarded,
    /// The same, with three descriptors left.
    Descriptors,
    /// The wall clock jumps a day forward, and back again.
    ClockAhead,
    /// It jumps an hour back, and forward again.
    ClockBehind,
    /// It jumps forward and back by a second at a time.
    ClockStutters,
    /// New processes: a day ahead, an hour behind, and when the clock is right again.
    ClockRestarted,
    /// There is no room on the disk where the state is kept.
    DiskFull,
    /// SIGHUP with a configuration that is wrong, and two that are not.
    Reloaded,
    /// SIGKILL, and a new process at once.
    Killed,
    /// SIGTERM, and a new process at once.
    Restarted,
}

/// All faults that can be injected here.
pub fn all(subject: &Subject) -> Vec<Fault> {
    use Fault::{
        AwsCut, AwsDenied, AwsFailing, AwsSlow, AwsThrottled, ClockAhead, ClockBehind, ClockRestarted, ClockStutters,
        Descriptors, DiskFull, Flooded, Hoarded, Killed, Reloaded, Restarted, UpstreamFailing, UpstreamForged,
        UpstreamSilent, UpstreamSlow, UpstreamTruncating,
    };
    let aws = [AwsCut, AwsThrottled, AwsSlow, AwsFailing, AwsDenied];
    let upstream = [UpstreamSilent, UpstreamSlow, UpstreamFailing, UpstreamTruncating, UpstreamForged];
    let clients = [Flooded, Hoarded, Descriptors];
    let clocks = [ClockAhead, ClockBehind, ClockStutters, ClockRestarted];
    let clock = clocks.into_iter().filter(|_| subject.has_a_clock());
    let disk = subject.has_a_disk().then_some(DiskFull);
    let process = [Killed, Restarted, Reloaded];
    process.into_iter().chain(aws).chain(upstream).chain(clients).chain(clock).chain(disk).collect()
}

impl Fault {
    /// Whether the daemon cannot see what AWS says meanwhile.
    fn blinds(self) -> bool {
        let aws = matches!(self, Self::AwsCut | Self::AwsThrottled | Self::AwsSlow | Self::AwsFailing);
        let process = matches!(self, Self::Killed | Self::Restarted | Self::ClockRestarted);
        let clock = matches!(self, Self::ClockAhead | Self::ClockBehind | Self::ClockStutters);
        aws || process || clock || matches!(self, Self::AwsDenied | Self::Descriptors)
    }

    /// Lets it happen, for so long, and undoes it.
    pub fn happen(self, stage: &Stage, hold: Duration) {
        let wait = || std::thread::sleep(hold);
        if self.blinds() {
            stage.cluster.is_blind();
        }
        match self {
            Self::AwsCut => aws(stage, AwsFault::Drop, hold),
            Self::AwsFailing => aws(stage, AwsFault::InternalFailure, hold),
            Self::AwsDenied => aws(stage, AwsFault::AccessDenied, hold),
            Self::AwsThrottled => throttle(stage, hold),
            Self::AwsSlow => {
                stage.cluster.fake.knobs().set_latency(Duration::from_secs(2));
                wait();
                stage.cluster.fake.knobs().set_latency(Duration::ZERO);
            }
            Self::UpstreamSilent => upstream(stage, Mood::Silent, hold),
            Self::UpstreamSlow => upstream(stage, Mood::Slow, hold),
            Self::UpstreamFailing => upstream(stage, Mood::Failing, hold),
            Self::UpstreamTruncating => upstream(stage, Mood::Truncating, hold),
            Self::UpstreamForged => upstream(stage, Mood::Forged, hold),
            Self::Flooded => {
                udp::send(stage.subject.dns, &packets("packet"), FLOOD, 1);
            }
            Self::Hoarded => {
                let _hoard = hoard(stage.subject.dns);
                wait();
            }
            Self::Descriptors => {
                stage.subject.limit_descriptors(Some(3));
                let _hoard = hoard(stage.subject.dns);
                wait();
                stage.subject.limit_descriptors(None);
            }
            Self::ClockAhead => jump(stage, &["+1d", "+0"], hold),
            Self::ClockBehind => jump(stage, &["-1h", "+0"], hold),
            Self::ClockStutters => {
                let offsets = ["+1", "+2", "+3", "+2", "+1", "+0", "-1", "-2", "-3", "-2", "-1", "+0"];
                jump(stage, &offsets, hold / 6);
            }
            Self::ClockRestarted => {
                for offset in ["+1d", "-1h", "+0"] {
                    jump(stage, &[offset], hold / 3);
                    stage.subject.replace(Signal::SIGTERM);
                }
            }
            Self::DiskFull => {
                stage.subject.fill_the_disk();
                wait();
                stage.subject.clear_the_disk();
            }
            Self::Reloaded => stage.subject.reload(hold / 3),
            Self::Killed => stage.subject.replace(Signal::SIGKILL),
            Self::Restarted => stage.subject.replace(Signal::SIGTERM),
        }
        if self.blinds() {
            stage.cluster.sees();
        }
    }
}

fn aws(stage: &Stage, fault: AwsFault, hold: Duration) {
    stage.cluster.fake.knobs().fail_all(fault);
    std::thread::sleep(hold);
    stage.cluster.fake.knobs().heal_all();
}

/// Sets the wall clock to the true time and these offsets, one after the other, and leaves it so for so long. AWS is asked
/// too often before, once: from then on the SDK paces its calls by a clock.
fn jump(stage: &Stage, offsets: &[&str], hold: Duration) {
    stage.cluster.fake.knobs().fail_times(Op::ListTasks, AwsFault::Throttled, 1);
    std::thread::sleep(hold / 2);
    for offset in offsets {
        stage.subject.set_clock(offset);
        std::thread::sleep(hold / 2);
    }
}

fn throttle(stage: &Stage, hold: Duration) {
    for bucket in Bucket::ALL {
        stage.cluster.fake.knobs().throttle(bucket, 1, 1.0);
    }
    std::thread::sleep(hold);
    stage.cluster.fake.knobs().unthrottle();
}

fn upstream(stage: &Stage, mood: Mood, hold: Duration) {
    stage.upstream.is(mood);
    std::thread::sleep(hold);
    stage.upstream.is(Mood::Good);
}

/// Connections with half a length each. What is not let in is no error.
fn hoard(to: SocketAddr) -> Vec<TcpStream> {
    use std::io::Write;
    let connect = |_| TcpStream::connect_timeout(&to, Duration::from_secs(1)).ok();
    let mut hoard: Vec<TcpStream> = (0..HOARD).filter_map(connect).collect();
    for stream in &mut hoard {
        let _ = stream.write_all(&[0]);
    }
    hoard
}
