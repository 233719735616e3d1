use super::*;

fn calls(counts: &[(Bucket, u32)]) -> Calls {
    let mut calls = Calls::default();
    for &(bucket, count) in counts {
        calls.add(bucket, count);
    }
    calls
}

/// What all agents together may make in passes.
fn rate(bucket: Bucket) -> f64 {
    Budget::default().common_rate(Lane::Pass, bucket, Duration::ZERO)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_interval_keeps_all_agents_within_the_share() {
    use Bucket::{ClusterResource, Ec2, LoadBalancer, Service};
    // (configured, calls of a pass, agents) → (effective, the bucket that limits)
    let table = [
        (30, vec![], 1, 30, None),
        (30, vec![(Service, 2), (ClusterResource, 4)], 1, 30, None),
        // 200 services, 2,000 tasks, 50 hosts: 42 calls × 50 agents against 5/s.
        (30, vec![(Service, 22), (ClusterResource, 42), (Ec2, 1)], 50, 420, Some(ClusterResource)),
        (600, vec![(Service, 22), (ClusterResource, 42)], 50, 600, None),
        // Load balancers have half the refill.
        (30, vec![(Service, 20), (LoadBalancer, 20)], 10, 80, Some(LoadBalancer)),
        (30, vec![(Service, 150)], 0, 30, None),
        (30, vec![(Service, 155)], 0, 31, Some(Service)),
        (30, vec![(ClusterResource, u32::MAX)], usize::MAX, 86_400, Some(ClusterResource)),
    ];
    for (configured, made, agents, effective, limited_by) in table {
        let interval = interval(seconds(configured), &calls(&made), agents, rate);
        assert_eq!((interval.effective, interval.limited_by), (seconds(effective), limited_by), "{made:?} × {agents}");
        assert_eq!(interval.configured, seconds(configured));
    }
}

#[test]
fn task_definitions_can_be_left_out_of_the_interval() {
    let made = calls(&[(Bucket::TaskDefinition, 500), (Bucket::Service, 1)]);
    assert_eq!(interval(seconds(30), &made, 1, rate).limited_by, Some(Bucket::TaskDefinition));
    assert_eq!(interval(seconds(30), &made.without(Bucket::TaskDefinition), 1, rate).limited_by, None);
}

#[test]
fn jitter_stays_within_a_tenth() {
    let table = [(0.0, 27_000), (0.5, 30_000), (1.0, 33_000), (-4.0, 27_000), (9.0, 33_000)];
    for (random, milliseconds) in table {
        let off = jittered(seconds(30), random).as_secs_f64() - f64::from(milliseconds) / 1_000.0;
        assert!(off.abs() < 1e-6, "{random}");
    }
}

#[test]
fn the_start_is_delayed_by_a_few_seconds_at_most() {
    let table = [(30, 1.0, 3_000), (30, 0.0, 0), (10, 0.5, 500), (1_000_000, 1.0, 3_000), (0, 1.0, 0)];
    for (interval, random, milliseconds) in table {
        assert_eq!(start_delay(seconds(interval), random), Duration::from_millis(milliseconds));
    }
}

#[test]
fn backoff_doubles_up_to_the_interval() {
    let table = [(0, 1), (1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (32, 30), (33, 30), (u32::MAX, 30)];
    for (failures, expected) in table {
        assert_eq!(backoff(failures, seconds(30)), seconds(expected), "{failures}");
    }
    assert_eq!(backoff(1, Duration::from_millis(200)), Duration::from_millis(200));
}

#[test]
fn calls_beyond_the_burst_wait_for_the_share_of_the_refill() {
    let mut budget = Budget::default();
    let now = seconds(5);
    for _ in 0..25 {
        assert_eq!(budget.take(Lane::Pass, Bucket::Service, 1, now), Duration::ZERO);
    }
    assert_eq!(budget.take(Lane::Pass, Bucket::Service, 1, now), Duration::from_millis(200));
    assert_eq!(budget.take(Lane::Pass, Bucket::Service, 1, now), Duration::from_millis(400));
    // Another bucket is not touched, and time refills this one: 2 owed, 10 refilled.
    assert_eq!(budget.wait(Lane::Pass, Bucket::Ec2, now), Duration::ZERO);
    assert_eq!(budget.wait(Lane::Pass, Bucket::Service, now + seconds(2)), Duration::ZERO);
    assert_eq!(budget.drain().of(Bucket::Service), 27);
    assert_eq!(budget.drain(), Calls::default());
}

#[test]
fn pages_that_a_list_turned_out_to_have_are_paid_afterwards() {
    let mut budget = Budget::default();
    assert_eq!(budget.take(Lane::Pass, Bucket::ClusterResource, 100, Duration::ZERO), Duration::ZERO);
    assert_eq!(budget.wait(Lane::Pass, Bucket::ClusterResource, Duration::ZERO), Duration::from_millis(15_200));
}

#[test]
fn only_the_rate_of_task_definitions_is_divided_by_the_agents() {
    let mut budget = Budget::default();
    budget.set_agents(50);
    for (bucket, burst, pause) in [(Bucket::TaskDefinition, 12, 5_000), (Bucket::Service, 25, 200)] {
        let waits: Vec<_> = (0..=burst).map(|_| budget.take(Lane::Pass, bucket, 1, Duration::ZERO)).collect();
        assert!(waits.iter().take(burst).all(Duration::is_zero), "{bucket:?}: {waits:?}");
        assert_eq!(waits[burst], Duration::from_millis(pause), "{bucket:?}");
    }
}

#[test]
fn what_events_ask_for_is_divided_by_the_agents_and_leaves_passes_their_half() {
    let mut budget = Budget::default();
    budget.set_events(true);
    budget.set_agents(5);
    let bucket = Bucket::ClusterResource;
    // Of half of a quarter of 100 at once and of 20 a second, what health leaves; a fifth of it is ours.
    let waits: Vec<_> = (0..4).map(|_| budget.take(Lane::Event, bucket, 1, Duration::ZERO)).collect();
    let waits: Vec<_> = waits.iter().map(Duration::as_millis).collect();
    assert_eq!(waits, [0, 1_666, 5_000, 8_333]);
    let waits: Vec<_> = (0..14).map(|_| budget.take(Lane::Pass, bucket, 1, Duration::ZERO)).collect();
    assert!(waits.iter().take(12).all(Duration::is_zero), "{waits:?}");
    assert_eq!(waits[13], Duration::from_millis(600));
    assert_eq!(budget.drain().of(bucket), 14, "an interval is stretched by what repeats");
    let all = |lane| budget.common_rate(lane, bucket, Duration::ZERO);
    assert!((all(Lane::Event) + all(Lane::Health) + all(Lane::Pass) - 5.0).abs() < 1e-9);
}

#[test]
fn urgent_calls_go_into_debt_and_the_others_pay() {
    let mut budget = Budget::default();
    budget.set_events(true);
    budget.set_agents(5);
    let bucket = Bucket::ClusterResource;
    // Half of the 100 that AWS's bucket holds, a fifth of it ours; and what we had.
    for _ in 0..11 {
        assert_eq!(budget.take(Lane::Urgent, bucket, 1, Duration::ZERO), Duration::ZERO);
    }
    assert_eq!(budget.wait(Lane::Event, bucket, Duration::ZERO), seconds(35), "10.5 calls at 0.3 a second");
    assert!(!budget.take(Lane::Urgent, bucket, 1, Duration::ZERO).is_zero(), "but not without end");
    assert_eq!(budget.wait(Lane::Pass, bucket, Duration::ZERO), Duration::ZERO);
}

#[test]
fn steady_looks_at_health_delay_nothing_that_happens() {
    let mut budget = Budget::default();
    budget.set_events(true);
    let bucket = Bucket::ClusterResource;
    for _ in 0..50 {
        budget.take(Lane::Health, bucket, 1, Duration::ZERO);
    }
    assert!(budget.wait(Lane::Health, bucket, Duration::ZERO) > seconds(40));
    assert_eq!(budget.wait(Lane::Event, bucket, Duration::ZERO), Duration::ZERO);
    assert_eq!(budget.wait(Lane::Urgent, bucket, Duration::ZERO), Duration::ZERO);
}

#[test]
fn what_all_agents_ask_at_once_is_spread_when_they_are_many() {
    let mut budget = Budget::default();
    budget.set_events(true);
    // A share of 7.5 at once, then 1.5 a second.
    for (agents, expected) in [(1, 0), (7, 0), (9, 1), (30, 15), (1_000, 30)] {
        budget.set_agents(agents);
        assert_eq!(budget.spread(Lane::Event, Bucket::ClusterResource, Duration::ZERO), seconds(expected), "{agents}");
    }
}

#[test]
fn throttling_slows_down_its_bucket_for_a_while() {
    let mut budget = Budget::default();
    let rate = |budget: &Budget, bucket, now| budget.common_rate(Lane::Pass, bucket, seconds(now));
    for (now, expected) in [(10, 2.5), (10, 1.25), (10, 0.625), (10, 0.3125), (10, 0.3125), (40, 0.3125)] {
        budget.throttled(Bucket::Service, seconds(now));
        assert!((rate(&budget, Bucket::Service, now) - expected).abs() < 1e-9, "{now}");
    }
    assert!((rate(&budget, Bucket::Service, 70) - 0.625).abs() < 1e-9);
    assert!((rate(&budget, Bucket::Service, 1_000) - 5.0).abs() < 1e-9);
    assert!((rate(&budget, Bucket::Ec2, 40) - 5.0).abs() < 1e-9);
}
