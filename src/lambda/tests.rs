use super::*;

fn config(text: &str) -> Config {
    config::load_text(text, None, &Overrides::default()).unwrap().config
}

/// What an event of the fixtures asks for.
fn asked(config: &Config, fixture: &str) -> Asked {
    let path = format!("{}/tests/fixtures/events/{fixture}.json", env!("CARGO_MANIFEST_DIR"));
    let payload = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    read(config, &payload).unwrap()
}

#[test]
fn calls_ask_for_their_cluster_whatever_their_shape() {
    let config = config("");
    for fixture in [
        "call-create-service",
        "call-create-service-cluster-arn",
        "call-create-service-default-cluster",
        "call-delete-service",
        "call-delete-service-by-arn",
        "call-update-service",
        "call-update-service-without-answer",
        "call-update-service-default-cluster-without-answer",
        "service-action-steady-state",
        "deployment-completed",
    ] {
        let Asked::Of(cluster, hints) = asked(&config, fixture) else { panic!("{fixture}") };
        assert!(hints.len() == 1 && hints[0].cluster == cluster, "{fixture}: {hints:?}");
    }
    for fixture in ["call-create-service-failed", "call-run-task", "ec2-running", "task-health", "task-awsvpc-running"]
    {
        assert!(matches!(asked(&config, fixture), Asked::Nothing(_)), "{fixture}");
    }
}

#[test]
fn tasks_matter_where_they_are_registered() {
    let config = config("controller.record_types = [\"CNAME\", \"A\"]");
    for fixture in ["task-awsvpc-running", "container-instance-draining"] {
        assert!(matches!(asked(&config, fixture), Asked::Of(_, hints) if hints.is_empty()), "{fixture}");
    }
}

#[test]
fn other_clusters_are_not_our_business() {
    let cluster = ClusterArn::parse("arn:aws:ecs:us-east-1:123456789012:cluster/prod").unwrap();
    let ours = |text: &str| is_among(named(&config(text)).unwrap(), &cluster);
    assert!(ours("ecs.clusters = [\"batch\", \"prod\"]"));
    assert!(ours(&format!("ecs.clusters = [\"{cluster}\"]")));
    assert!(!ours("ecs.clusters = \"test\""));
    assert!(!ours("ecs.clusters = \"arn:aws:ecs:eu-west-1:123456789012:cluster/prod\""), "another region");
}

#[test]
fn the_clusters_must_be_named() {
    for text in ["", "ecs.clusters = \"all\""] {
        assert!(named(&config(text)).unwrap_err().contains("set ECS_RESOLVER_ECS_CLUSTERS"), "{text}");
    }
}

#[test]
fn a_schedule_asks_for_everything_that_is_configured() {
    let schedule = json!({ "detail-type": "Scheduled Event", "source": "aws.events", "detail": {} });
    assert_eq!(read(&config(""), &schedule).unwrap(), Asked::All);
    assert!(read(&config(""), &json!({ "no": "event" })).is_err());
}
