//! What upstreams send by mistake or somebody else in their name: none of it is believed, kept, or goes uncounted.

use hickory_proto::op::Message;

use super::*;
use crate::forward::{MAX_DATAGRAM, Reject};

type Forge = fn(&[u8]) -> Vec<u8>;

fn good(query: &[u8]) -> Vec<u8> {
    answer(query, [a("www.example", 30, 66)])
}

fn edited(query: &[u8], at: usize, bits: u8) -> Vec<u8> {
    let mut reply = good(query);
    reply[at] ^= bits;
    reply
}

fn referral(query: &[u8]) -> Vec<u8> {
    let server = rdata::NS(Name::from_ascii("ns.example.").unwrap());
    let record = Record::from_rdata(Name::from_ascii("example.").unwrap(), 30, RData::NS(server));
    negative(query, ResponseCode::NoError, [record])
}

/// What may come instead of a reply, and how it is called.
const FORGERIES: &[(Reject, Forge)] = &[
    (Reject::Short, |_| b"garbage".to_vec()),
    (Reject::Short, |_| Vec::new()),
    (Reject::Oversized, |query| [good(query), vec![0; MAX_DATAGRAM]].concat()),
    (Reject::WrongId, |query| edited(query, 0, 1)),
    (Reject::NotAResponse, |query| edited(query, 2, 0x80)),
    (Reject::NotAResponse, |query| query.to_vec()),
    (Reject::WrongQuestion, |query| edited(query, 13, 1)),
    (Reject::WrongQuestion, |query| edited(query, 26, 4)),
    (Reject::Unreadable, |query| {
        let reply = good(query);
        reply[..reply.len() - 3].to_vec()
    }),
    (Reject::CnameLoop, |query| {
        answer(query, [cname("www.example", 30, "b.example."), cname("b.example", 30, "www.example.")])
    }),
    (Reject::Unrelated, |query| answer(query, [a("www.example", 30, 66), a("bank.example", 86_400, 66)])),
    (Reject::Referral, referral),
];

#[tokio::test(start_paused = true)]
async fn nothing_that_is_wrong_is_believed_or_kept_and_all_of_it_is_counted() {
    for (reject, forge) in FORGERIES {
        let (forwarder, _) = play(settings(&[FIRST]), move |_, _, query| Act::Say(vec![(1, forge(query))]));
        assert!(ask(&forwarder, www()).await.is_err(), "{reject:?}");
        assert_eq!(forwarder.store.iter().count(), 0, "{reject:?}");
        let counted: Vec<_> = Reject::ALL
            .iter()
            .zip(&forwarder.stats().rejects)
            .filter(|(_, counter)| count(counter) > 0)
            .map(|(reject, _)| *reject)
            .collect();
        assert_eq!(counted, [*reject]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_true_reply_is_taken_after_any_number_of_forgeries() {
    let (forwarder, link) = play(settings(&[FIRST]), |_, _, query| {
        let foreign = FORGERIES.iter().filter(|(reject, _)| (*reject as usize) < Reject::CnameLoop as usize);
        let mut said: Vec<_> = foreign.cycle().take(1000).map(|(_, forge)| (0, forge(query))).collect();
        said.push((1, answer(query, [a("www.example", 30, 1)])));
        Act::Say(said)
    });
    let entry = ask(&forwarder, www()).await.unwrap();
    assert_eq!(entry.decode(now()).answers[0].data.to_string(), "192.0.2.1");
    assert_eq!(link.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_late_changes_nothing() {
    let (forwarder, _) = play(settings(&[FIRST, SECOND]), |to, _, query| match to {
        FIRST => Act::Say(vec![(3000, good(query))]),
        _ => Act::Say(vec![(1, answer(query, [a("www.example", 30, 1)]))]),
    });
    ask(&forwarder, www()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let kept = forwarder.cached(www().borrow(), now()).unwrap();
    assert_eq!(kept.decode(now()).answers[0].data.to_string(), "192.0.2.1");
}

#[tokio::test(start_paused = true)]
async fn a_client_cannot_speak_through_us() {
    let (forwarder, link) = play(settings(&[FIRST]), says(0, 30));
    // A cookie, a client subnet, and an id of its own.
    let mut query = crate::forward::testing::client_query("www.example", RecordType::A, Some(4096));
    let at = query.len() - 1;
    query[at] = 23;
    query.extend_from_slice(b"\x00\x0a\x00\x08cookie!!\x00\x08\x00\x07\x00\x01\x18\x00\x0a\x00\x00");
    let question = crate::forward::testing::plain(&query);
    ask(&forwarder, Key::of(&question).unwrap()).await.unwrap();
    let asked = link.asked.lock().unwrap();
    let sent = Message::from_vec(&asked[0].2).unwrap();
    assert_ne!(sent.metadata.id, question.id);
    let edns = sent.edns.unwrap();
    assert_eq!((edns.options().as_ref().len(), edns.max_payload()), (0, 1232));
}
