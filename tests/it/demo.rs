//! The demo, asked with `dig` as its own greeting says.

use crate::daemon::Daemon;

#[test]
fn the_seeds_names_answer_without_aws() {
    let demo = Daemon::start(&["demo", "--no-churn"], &[]);
    let twitch = "internal-twitchapp-1234567890.us-east-1.elb.amazonaws.com.";
    demo.wait("TwitchApp", || demo.short("TwitchApp.ECS.internal").iter().any(|line| line == twitch));
    assert_eq!(demo.short("TwitchApp.ECS.internal").len(), 3, "the alias and the addresses it leads to");
    assert_eq!(demo.short("-x 10.5.10.17"), ["i-0a1b2c3d4e5f60001.host.ecs.internal."]);
    assert!(demo.terminate().success());
}
