use super::*;
use crate::register::plan::{Purpose, Refusal, delete_limit};
use crate::register::report;
use crate::route53::{Action, Routing};

/// Plans, applies and returns what was done to which name, in order.
fn done(zone: &mut Model, desired: &Desired, evidence: &Evidence) -> Vec<(Purpose, String)> {
    let plan = planned(zone, desired, evidence);
    assert_eq!(zone.all(&plan.groups), Vec::<String>::new());
    plan.groups.iter().map(|group| (group.purpose, group.name.to_string())).collect()
}

/// One conflict, which says this.
fn conflict(plan: &Plan, what: &str) {
    let [conflict] = plan.conflicts.as_slice() else { panic!("{plan:?}") };
    assert!(conflict.why.contains(what), "{}", conflict.why);
    assert!(plan.groups.is_empty(), "{plan:?}");
}

/// One name is kept, because of this.
fn kept(plan: &Plan, why: &str) {
    let [kept] = plan.kept.as_slice() else { panic!("{plan:?}") };
    assert!(kept.why.contains(why), "{}", kept.why);
    assert!(plan.groups.is_empty(), "{plan:?}");
}

#[test]
fn the_seeds_service_comes_and_goes() {
    let mut zone = Model::default();
    let wants = desired([balanced("TwitchApp")]);
    assert_eq!(done(&mut zone, &wants, &evidence(&[])), [(Purpose::Register, "twitchapp.ecs.internal.".into())]);
    assert_eq!(zone.0, [cname("twitchapp", &balancer("TwitchApp")), owner("twitchapp", "TwitchApp", Kind::Cname)]);
    assert_eq!(done(&mut zone, &wants, &evidence(&[])), []);

    let nothing = desired([]);
    let plan = planned(&zone, &nothing, &evidence(&[]));
    assert!(plan.groups.is_empty() && plan.questions.contains(&key("TwitchApp")), "{plan:?}");
    let deleted = evidence(&[("TwitchApp", Standing::Draining)]);
    assert_eq!(done(&mut zone, &nothing, &deleted), [(Purpose::Deregister, "twitchapp.ecs.internal.".into())]);
    assert_eq!(zone.0, []);
}

#[test]
fn a_name_goes_only_when_ecs_says_that_its_service_is_gone() {
    let zone = Model(vec![cname("web", "x"), owner("web", "web", Kind::Cname)]);
    let nothing = desired([]);
    for (standing, goes) in [
        (Standing::Draining, true),
        (Standing::Inactive, true),
        (Standing::Missing, true),
        (Standing::Active { desired: 0 }, false),
        (Standing::Active { desired: 2 }, false),
    ] {
        let plan = planned(&zone, &nothing, &evidence(&[("web", standing)]));
        assert_eq!((plan.groups.len(), plan.kept.len()), if goes { (1, 0) } else { (0, 1) }, "{standing:?}");
    }
    let mut half = evidence(&[("web", Standing::Inactive)]);
    half.clusters.insert(cluster("prod"), Reading { services: false, tasks: true, listed: 1 });
    kept(&planned(&zone, &nothing, &half), "not been read completely");
    let mut empty = evidence(&[("web", Standing::Missing)]);
    empty.clusters.insert(cluster("prod"), Reading { services: true, tasks: true, listed: 0 });
    kept(&planned(&zone, &nothing, &empty), "lists no service at all");
    let consent = Consent { mass_delete: true, ..Consent::default() };
    assert_eq!(plan(&zone.listing(), &nothing, &empty, consent).groups.len(), 1);
    let mut held = desired([]);
    held.held.insert(key("web"), "its load balancer".into());
    kept(&planned(&zone, &held, &evidence(&[("web", Standing::Inactive)])), "could not be read");
    let other = Evidence { clusters: BTreeMap::from([(cluster("test"), Reading::default())]), ..evidence(&[]) };
    assert_eq!(planned(&zone, &nothing, &other), Plan::default(), "not our cluster");
}

#[test]
fn a_record_that_drifted_is_put_right_by_its_exact_old_value() {
    let drifted = RecordSet { health_check: Some("h".into()), ..cname("web", "Elsewhere.example.") };
    let mut zone = Model(vec![drifted.clone(), owner("web", "web", Kind::Cname)]);
    let plan = planned(&zone, &desired([balanced("web")]), &evidence(&[]));
    assert_eq!(plan.groups[0].changes[0].set, drifted);
    assert_eq!(done(&mut zone, &desired([balanced("web")]), &evidence(&[])).len(), 1);
    assert_eq!(zone.0[1], cname("web", &balancer("web")));
    zone.0.retain(|set| set.kind != RecordType::CNAME);
    assert_eq!(done(&mut zone, &desired([balanced("web")]), &evidence(&[])).len(), 1, "it was deleted by hand");
    zone.0[1] = cname("web", &format!("{}.", balancer("web").to_uppercase()));
    assert_eq!(done(&mut zone, &desired([balanced("web")]), &evidence(&[])), [], "it only looks different");
}

#[test]
fn what_others_have_is_theirs() {
    let wants = desired([balanced("web")]);
    let check = |sets: Vec<RecordSet>, what: &str| conflict(&planned(&Model(sets), &wants, &evidence(&[])), what);
    check(vec![cname("web", "other.example")], "somebody else's CNAME record");
    check(vec![simple(&name("web"), RecordType::A, 60, vec!["10.0.0.1".into()])], "somebody else's A record");
    check(vec![simple(&name("web"), RecordType::TXT, 60, vec!["\"x\"".into()])], "somebody else's TXT record");
    let theirs = Ownership { service: ServiceKey::new(&cluster("test"), "web"), task: None, kind: Kind::Cname };
    check(vec![theirs.record(&name("web")).unwrap()], "registered for service web of arn:aws:ecs");
    let odd = simple(&name("_ecs-resolver.web"), RecordType::TXT, 300, vec!["\"mine\"".into()]);
    check(vec![odd], "not ours is where our ownership record would be");
    let weighted = RecordSet { routing: Routing::Weighted(1), set_identifier: Some("a".into()), ..cname("web", "x") };
    check(vec![weighted, owner("web", "web", Kind::Cname)], "not ours is there");
}

#[test]
fn what_the_lambda_of_2016_made_is_adopted_when_we_are_told_to() {
    let seed = cname("web", &format!("{}.", balancer("web")));
    let wants = desired([balanced("web")]);
    let adopt = Consent { adopt: true, ..Consent::default() };
    let with = |set: RecordSet, consent| plan(&Model(vec![set]).listing(), &wants, &evidence(&[]), consent);
    conflict(&with(seed.clone(), Consent::default()), "--adopt takes it over");
    let adopted = with(seed.clone(), adopt);
    assert_eq!(adopted.groups[0].purpose, Purpose::Adopt);
    let changed: Vec<_> = adopted.groups[0].changes.iter().map(|change| (change.action, change.set.kind)).collect();
    assert_eq!(changed, [(Action::Create, RecordType::TXT)], "the record itself is as it should be");
    conflict(&with(cname("web", "other.example"), adopt), "somebody else's");
    let health = RecordSet { health_check: Some("h".into()), ..seed.clone() };
    conflict(&with(health, adopt), "somebody else's");
    let slow = simple(&name("web"), RecordType::CNAME, 300, vec![balancer("web")]);
    conflict(&with(slow, adopt), "somebody else's");

    let (at, mut second) = balanced("web");
    second.balancers.push("second.elb.amazonaws.com".into());
    let mut zone = Model(vec![cname("web", "second.elb.amazonaws.com")]);
    let changed = plan(&zone.listing(), &desired([(at, second)]), &evidence(&[]), adopt);
    assert_eq!(zone.all(&changed.groups), Vec::<String>::new());
    assert_eq!(zone.0, [cname("web", &balancer("web")), owner("web", "web", Kind::Cname)]);
}

#[test]
fn a_service_that_gets_a_load_balancer_changes_its_record_in_one_go() {
    let mut zone = Model::default();
    assert_eq!(done(&mut zone, &desired([of_tasks("web", &["a", "b"])]), &evidence(&[])).len(), 1);
    assert_eq!(zone.0.len(), 3);
    assert_eq!(done(&mut zone, &desired([balanced("web")]), &evidence(&[])).len(), 1);
    assert_eq!(zone.0, [cname("web", &balancer("web")), owner("web", "web", Kind::Cname)]);
    assert_eq!(done(&mut zone, &desired([of_tasks("web", &["c"])]), &evidence(&[])).len(), 1);
    assert_eq!(zone.owned(), [(name("web"), ownership("web", Kind::A))]);
}

#[test]
fn tasks_come_and_go_but_never_the_last_one() {
    let mut zone = Model::default();
    done(&mut zone, &desired([of_tasks("web", &["a", "b"])]), &evidence(&[]));
    assert_eq!(done(&mut zone, &desired([of_tasks("web", &["b", "c"])]), &evidence(&[])).len(), 1);
    let named = |zone: &Model| zone.0.iter().filter_map(|set| set.set_identifier.clone()).collect::<Vec<_>>();
    assert_eq!(named(&zone), ["ecs-resolver/b", "ecs-resolver/c"]);

    let none = desired([of_tasks("web", &[])]);
    assert!(planned(&zone, &none, &evidence(&[])).questions.contains(&key("web")));
    kept(&planned(&zone, &none, &evidence(&[("web", Standing::Active { desired: 2 })])), "no task of its service");
    let mut unread = evidence(&[("web", Standing::Active { desired: 0 })]);
    unread.clusters.insert(cluster("prod"), Reading { services: true, tasks: false, listed: 3 });
    kept(&planned(&zone, &none, &unread), "tasks of its cluster have not been read");
    let scaled = evidence(&[("web", Standing::Active { desired: 0 })]);
    done(&mut zone, &none, &scaled);
    assert_eq!(zone.0, [owner("web", "web", Kind::A)], "the name stays ours");
    done(&mut zone, &desired([of_tasks("web", &["d"])]), &evidence(&[]));
    assert_eq!(named(&zone), ["ecs-resolver/d"]);
}

#[test]
fn the_name_of_a_task_goes_when_another_has_taken_its_place() {
    let of = |task: &str| {
        let name = name(&format!("{task}.web.prod.task"));
        let ownership = Ownership { task: Some(task.into()), ..ownership("web", Kind::A) };
        let sets = vec![simple(&name, RecordType::A, 5, vec!["10.0.0.9".into()])];
        (name, Wanted { ownership, sets, balancers: vec![] })
    };
    let mut zone = Model::default();
    done(&mut zone, &desired([of("a"), of("b")]), &evidence(&[]));
    assert_eq!(planned(&zone, &desired([]), &evidence(&[])).questions.len(), 1);
    kept(
        &plan(
            &Model(zone.0[..2].to_vec()).listing(),
            &desired([]),
            &evidence(&[("web", Standing::Active { desired: 1 })]),
            Consent::default(),
        ),
        "ACTIVE",
    );
    let replaced = done(&mut zone, &desired([of("b"), of("c")]), &evidence(&[]));
    let names: Vec<_> = replaced.iter().map(|(purpose, name)| (*purpose, name.split('.').next().unwrap())).collect();
    assert_eq!(names, [(Purpose::Register, "c"), (Purpose::Deregister, "a")]);
    assert_eq!(done(&mut zone, &desired([]), &evidence(&[("web", Standing::Inactive)])).len(), 2);
    assert_eq!(zone.0, []);
}

#[test]
fn many_deletes_at_once_need_consent() {
    let services: Vec<String> = (0..30).map(|number| format!("s{number:02}")).collect();
    let mut zone = Model::default();
    let all = desired(services.iter().map(|service| balanced(service)));
    assert_eq!(zone.all(&planned(&zone, &all, &evidence(&[])).groups), Vec::<String>::new());
    assert_eq!((delete_limit(30), delete_limit(3), delete_limit(100)), (6, 5, 20));
    let gone = |count: usize| {
        let standings: Vec<_> = services[..count].iter().map(|it| (it.as_str(), Standing::Inactive)).collect();
        (desired(services[count..].iter().map(|service| balanced(service))), evidence(&standings))
    };
    let (left, six) = gone(6);
    assert_eq!(planned(&zone, &left, &six).groups.len(), 6);
    let (left, seven) = gone(7);
    let refused = planned(&zone, &left, &seven);
    assert_eq!(refused.refused, Some(Refusal { deletes: 7, owned: 30, limit: 6 }));
    assert!(refused.groups.is_empty());
    let told = report::table(&refused, &left, true);
    assert!(told.contains("Refused: 7 of 30 names would go, and more than 6"), "{told}");
    let consent = Consent { mass_delete: true, ..Consent::default() };
    let allowed = plan(&zone.listing(), &left, &seven, consent);
    assert_eq!((allowed.groups.len(), allowed.refused), (7, None));
}

#[test]
fn the_plan_is_a_table_and_json() {
    let zone = Model(vec![cname("api", "other.example")]);
    let wants = desired([balanced("web"), balanced("api")]);
    let plan = planned(&zone, &wants, &evidence(&[]));
    let table = report::table(&plan, &wants, true);
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.contains("CREATE  web.ecs.internal.") && table.contains("register web"), "{table}");
    assert!(table.contains("\nConflict: api.ecs.internal. (service api): somebody else's CNAME"), "{table}");
    let json = report::json(&plan, &wants, true);
    assert_eq!(json["groups"][0]["changes"][0]["values"][0], balancer("web"));
    assert_eq!(json["conflicts"][0]["name"], "api.ecs.internal.");
    let nothing = |complete| report::table(&Plan::default(), &Desired::default(), complete);
    assert_eq!(nothing(true), "Nothing to change.\n");
    assert!(nothing(false).starts_with("This plan is not complete: ") && nothing(false).lines().count() == 1);
    assert!(report::table(&plan, &wants, false).contains("\nThis plan is not complete: "));
    assert_eq!((&json["complete"], &report::json(&plan, &wants, false)["complete"]), (&true.into(), &false.into()));
}
