//! Every event of the fixtures is taken, whatever its shape: none crashes the function.

use std::path::Path;

use serde_json::Value;

use super::runtime_api::Function;
use crate::fake_aws::FakeAws;

#[test]
fn every_event_is_answered_by_the_same_process() {
    let fake = FakeAws::start();
    fake.hosting().add_zone("ecs.internal");
    for cluster in ["prod", "default"] {
        fake.world().cluster(cluster);
    }
    let function = Function::start(&fake, &[("ECS_RESOLVER_ECS_CLUSTERS", "prod")]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let event: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        function.invoke(&event).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        seen += 1;
    }
    assert!(seen > 30, "only {seen} events");
}
