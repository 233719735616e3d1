//! A packet from anybody: the first byte says how it comes, the rest is the packet.

use ecs_resolver::dns::{Precheck, precheck};

use super::reply::{self, Content};
use super::rig::{self, Fate, Upstream};

/// Has the packet answered, by an upstream that says nothing of use where one is asked.
///
/// # Panics
/// When the reply is not one to this packet, or there is none where there must be one.
pub fn run(data: &[u8]) {
    let Some((choice, packet)) = data.split_first() else { return };
    let tcp = choice & 1 == 1;
    rig::runtime().block_on(async {
        let responder = rig::responder(Upstream { reply: packet.to_vec(), fitting: false });
        match rig::ask(&responder, packet, tcp).await {
            Fate::Answered(reply) => reply::check(packet, &reply, tcp, Content::Ours),
            Fate::Forwarded(reply) => reply::check(packet, &reply, tcp, Content::Foreign),
            Fate::Dropped => assert_eq!(precheck(packet), Precheck::Drop, "dropped without a reason"),
            Fate::Unusual => assert_eq!(precheck(packet), Precheck::Pass, "handed on without a look"),
        }
    });
}
