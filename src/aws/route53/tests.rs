use super::*;
use crate::aws::replay::{Replay, aws, config};
use crate::dns::RecordType;
use crate::route53::{Action, AliasTarget, Content, RecordSet, Routing};

const HEAD: &str = r#"<?xml version="1.0"?>"#;
const NS: &str = r#"xmlns="https://route53.amazonaws.com/doc/2013-04-01/""#;

async fn route53(answers: &[(u16, &str)]) -> (Route53, Replay) {
    let replay = Replay::new(answers);
    (aws(config(replay.clone())).await.0.route53, replay)
}

fn page(sets: &str, rest: &str) -> String {
    format!(
        "{HEAD}<ListResourceRecordSetsResponse {NS}><ResourceRecordSets>{sets}</ResourceRecordSets>\
         <MaxItems>300</MaxItems>{rest}</ListResourceRecordSetsResponse>"
    )
}

fn set(name: &str, kind: &str, rest: &str) -> String {
    format!("<ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type>{rest}</ResourceRecordSet>")
}

fn values(values: &[&str]) -> String {
    let record = |value: &&str| format!("<ResourceRecord><Value>{value}</Value></ResourceRecord>");
    let records: String = values.iter().map(record).collect();
    format!("<TTL>60</TTL><ResourceRecords>{records}</ResourceRecords>")
}

fn zone(id: &str, name: &str, private: bool) -> String {
    format!(
        "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}</Name><CallerReference>r</CallerReference>\
         <Config><PrivateZone>{private}</PrivateZone></Config><ResourceRecordSetCount>7</ResourceRecordSetCount></HostedZone>"
    )
}

#[tokio::test]
async fn a_page_of_record_sets_says_where_it_goes_on() {
    let weighted = format!("<SetIdentifier>a</SetIdentifier><Weight>3</Weight>{}", values(&["10.0.0.1"]));
    let alias = "<AliasTarget><HostedZoneId>Z35SXDOTRQ7X7K</HostedZoneId><DNSName>Lb-1.elb.amazonaws.com.</DNSName>\
                 <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>";
    let sets = [
        set("\\052.ecs.internal.", "TXT", &values(&["&quot;a b&quot; &quot;c&quot;"])),
        set("w.ecs.internal.", "A", &weighted),
        set("lb.ecs.internal.", "A", alias),
        set(
            "x.ecs.internal.",
            "A",
            &format!("<SetIdentifier>1</SetIdentifier><Failover>PRIMARY</Failover>{}", values(&["1.2.3.4"])),
        ),
        set("a..ecs.internal.", "A", &values(&["1.2.3.4"])),
    ]
    .concat();
    let next = "<IsTruncated>true</IsTruncated><NextRecordName>w.ecs.internal.</NextRecordName>\
                <NextRecordType>A</NextRecordType><NextRecordIdentifier>b/c</NextRecordIdentifier>";
    let last = page("", "<IsTruncated>false</IsTruncated>");
    let (route53, replay) = route53(&[(200, &page(&sets, next)), (200, &last)]).await;
    let id = HostedZoneId::new("/hostedzone/Z1");
    let first = route53.list_record_sets(&id, None).await.unwrap();
    let [star, w, lb, x] = first.sets.as_slice() else { panic!("{:?}", first.sets) };
    assert_eq!(star.name.to_string(), "*.ecs.internal.");
    assert_eq!(star.content, Content::Values { ttl: 60, values: vec![r#""a b" "c""#.to_owned()] });
    assert_eq!((w.routing.clone(), w.set_identifier.as_deref()), (Routing::Weighted(3), Some("a")));
    let Content::Alias(target) = &lb.content else { panic!("{lb:?}") };
    assert_eq!((target.name.to_string().as_str(), target.evaluates_health), ("lb-1.elb.amazonaws.com.", true));
    assert_eq!(x.routing, Routing::Failover { primary: true });
    assert_eq!(first.unreadable, ["a..ecs.internal. A: the name is no domain name"]);
    let second = route53.list_record_sets(&id, first.next.as_ref()).await.unwrap();
    assert_eq!(second, RecordPage::default());
    let sent = replay.sent();
    assert!(
        sent[0].url.contains("/2013-04-01/hostedzone/Z1/rrset?") && sent[0].url.contains("maxitems=300"),
        "{sent:?}"
    );
    assert!(sent[1].url.contains("name=w.ecs.internal.&type=A&identifier=b%2Fc"), "{sent:?}");
}

#[tokio::test]
async fn zones_are_found_by_name_and_by_id() {
    let found = [zone("Z1", "ecs.internal.", true), zone("Z2", "ecs.internal.", false)].concat();
    let list = |zones: &str, rest: &str| {
        format!(
            "{HEAD}<ListHostedZonesByNameResponse {NS}><HostedZones>{zones}</HostedZones>{rest}<MaxItems>100</MaxItems>\
             </ListHostedZonesByNameResponse>"
        )
    };
    let more = "<IsTruncated>true</IsTruncated><NextDNSName>ecs.internal.</NextDNSName><NextHostedZoneId>Z3</NextHostedZoneId>";
    let second = list(&zone("Z9", "eds.internal.", true), more);
    let by_id = format!(
        "{HEAD}<GetHostedZoneResponse {NS}>{}<VPCs><VPC><VPCRegion>eu-central-1</VPCRegion><VPCId>vpc-1</VPCId></VPC></VPCs>\
         </GetHostedZoneResponse>",
        zone("Z1", "ecs.internal.", true)
    );
    let gone = format!(
        "{HEAD}<ErrorResponse {NS}><Error><Code>NoSuchHostedZone</Code><Message>none</Message></Error></ErrorResponse>"
    );
    let (route53, replay) = route53(&[(200, &list(&found, more)), (200, &second), (200, &by_id), (404, &gone)]).await;
    let zones = route53.hosted_zones_named(&DomainName::from_text("ecs.internal").unwrap()).await.unwrap();
    let ids: Vec<_> = zones.iter().map(|zone| (zone.id.as_str(), zone.private)).collect();
    assert_eq!(ids, [("Z1", true), ("Z2", false)]);
    assert!(replay.sent()[1].url.contains("hostedzoneid=Z3"), "{:?}", replay.sent());
    let zone = route53.hosted_zone(&HostedZoneId::new("Z1")).await.unwrap();
    assert_eq!((zone.vpcs, zone.record_sets), (vec!["vpc-1".to_owned()], Some(7)));
    let failed = route53.hosted_zone(&HostedZoneId::new("Z2")).await.unwrap_err();
    assert_eq!((failed.kind, failed.operation), (ApiErrorKind::NotFound, HOSTED_ZONE));
}

#[tokio::test]
async fn a_change_says_what_was_listed() {
    let info = |status: &str| {
        format!(
            "<ChangeInfo><Id>/change/C1</Id><Status>{status}</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo>"
        )
    };
    let changed =
        format!("{HEAD}<ChangeResourceRecordSetsResponse {NS}>{}</ChangeResourceRecordSetsResponse>", info("PENDING"));
    let synced = format!("{HEAD}<GetChangeResponse {NS}>{}</GetChangeResponse>", info("INSYNC"));
    let (route53, replay) = route53(&[(200, &changed), (200, &synced)]).await;
    let alias = AliasTarget {
        zone: HostedZoneId::new("Z1"),
        name: DomainName::from_text("b.ecs.internal").unwrap(),
        evaluates_health: false,
    };
    let content = [Content::Values { ttl: 60, values: vec!["x.".to_owned()] }, Content::Alias(alias)];
    let change = |content: &Content| RecordChange {
        action: Action::Delete,
        set: RecordSet {
            name: DomainName::from_text("*.ecs.internal").unwrap(),
            kind: RecordType::CNAME,
            content: content.clone(),
            routing: Routing::Weighted(7),
            set_identifier: Some("a".to_owned()),
            health_check: None,
        },
    };
    let changes = content.each_ref().map(change);
    let id = route53.change_record_sets(&HostedZoneId::new("Z1"), &changes).await.unwrap();
    assert_eq!(route53.change_status(&id).await, Ok(ChangeStatus::InSync));
    let body = &replay.bodies()[0];
    for part in [
        "<Action>DELETE</Action>",
        "<Name>\\052.ecs.internal.</Name>",
        "<Type>CNAME</Type>",
        "<Weight>7</Weight>",
        "<TTL>60</TTL>",
        "<Value>x.</Value>",
        "<DNSName>b.ecs.internal.</DNSName>",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
}

#[tokio::test]
async fn a_refused_change_is_told_from_other_failures() {
    let bare = format!(
        "{HEAD}<InvalidChangeBatch {NS}><Messages><Message>it exists</Message></Messages></InvalidChangeBatch>"
    );
    let wrapped = |code: &str| {
        format!(
            "{HEAD}<ErrorResponse {NS}><Error><Code>{code}</Code><Message>it exists</Message></Error></ErrorResponse>"
        )
    };
    let (batch, busy) = (wrapped("InvalidChangeBatch"), wrapped("PriorRequestNotComplete"));
    let (route53, _) = route53(&[(400, &bare), (400, &batch), (400, &busy)]).await;
    for kind in [ApiErrorKind::Rejected, ApiErrorKind::Rejected, ApiErrorKind::Throttled] {
        let failed = route53.change_record_sets(&HostedZoneId::new("Z1"), &[]).await.unwrap_err();
        assert_eq!((failed.kind, failed.operation), (kind, CHANGE), "{failed}");
        assert!(failed.message.contains(": it exists"), "{failed}");
    }
}
