//! Pages that end within a group of weighted sets: the identifier says where the next one begins.

use super::{NOBODY, copy_of};
use crate::fake_aws::hosting::RecordSet;
use crate::fake_aws::{FakeAws, Op};

#[test]
fn a_page_may_end_among_sets_of_one_name() {
    let fake = FakeAws::start();
    {
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        hosting.put(&id, "*.x.ecs.internal", "A", 60, &["10.8.0.1"]);
        hosting.put(&id, "a b.ecs.internal", "A", 60, &["10.8.0.2"]);
        for at in 0..20 {
            let mut set = RecordSet::simple("w.ecs.internal", "A", 60, &[&format!("10.7.0.{at}")]);
            set.set_identifier = Some(format!("id {at:02}/x"));
            set.policy = vec![("Weight", "1".to_owned())];
            hosting.zone(&id).sets.push(set);
        }
        hosting.put(&id, "z.ecs.internal", "A", 60, &["10.8.0.3"]);
    }
    fake.knobs().set_page_size(Op::ListResourceRecordSets, 3);
    let daemon = copy_of(&fake, NOBODY);
    assert_eq!(fake.count(Op::ListResourceRecordSets), 9, "25 record sets, 3 a page");
    assert_eq!(daemon.short("any.x.ecs.internal"), ["10.8.0.1"]);
    assert_eq!(daemon.short("a\\032b.ecs.internal"), ["10.8.0.2"], "octal there, decimal here");
    assert_eq!(daemon.short("z.ecs.internal"), ["10.8.0.3"]);
    let seen: std::collections::BTreeSet<_> = (0..100).flat_map(|_| daemon.short("w.ecs.internal")).collect();
    assert_eq!(seen.len(), 20, "none was lost between two pages: {seen:?}");
}
