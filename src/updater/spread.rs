//! Rendering of many subjects at a time: at a start and when a whole cluster changes, somebody waits for all of them.

use std::panic::resume_unwind;
use std::thread::{Builder, available_parallelism, scope};

use crate::inventory::Subject;
use crate::zone::block::Block;
use crate::zone::writer::Render;

/// Subjects that are worth a thread.
const PART: usize = 256;
/// Most threads: beyond them it is memory that one waits for.
const MOST: usize = 4;

/// Renders all, a part on each core if there are many. The results are in the order of the subjects.
pub(super) fn over_cores(subjects: &[Subject], render: Render<'_>) -> Vec<Option<Block>> {
    let worth = MOST.min(subjects.len() / PART);
    // How many cores there are takes a dozen system calls to find out.
    let parts = if worth > 1 { available_parallelism().map_or(1, usize::from).min(worth) } else { 1 };
    in_parts(subjects, render, parts)
}

fn in_parts(subjects: &[Subject], render: Render<'_>, parts: usize) -> Vec<Option<Block>> {
    let of = |part: &[Subject]| part.iter().map(render).collect::<Vec<_>>();
    let (own, others) = subjects.split_at(subjects.len().div_ceil(parts.max(1)));
    scope(|scope| {
        let begin = |part| {
            let thread = Builder::new().name("render".to_owned());
            // Where no thread is to be had, the part is rendered here.
            (part, thread.spawn_scoped(scope, move || of(part)))
        };
        let begun: Vec<_> = others.chunks(own.len().max(1)).map(begin).collect();
        let mut blocks = of(own);
        for (part, thread) in begun {
            blocks.extend(match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => of(part),
            });
        }
        blocks
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::dns::DomainName;
    use crate::ecs::{ClusterArn, Timestamp};
    use crate::inventory::ServiceKey;
    use crate::zone::claims::Origin;
    use crate::zone::render::Fragment;

    /// A block without names; none for each third service.
    fn render(subject: &Subject) -> Option<Block> {
        let Subject::Service(key) = subject else { return None };
        let number: usize = key.name.parse().unwrap();
        let subject = Some(subject.clone());
        let origin = Origin { subject, order: 0, leaving: false, created_at: Timestamp::UNIX_EPOCH };
        let fragment =
            Fragment { origin: Arc::new(origin), nodes: BTreeMap::new(), failed_open: false, kept_draining: 0 };
        (!number.is_multiple_of(3)).then(|| Block::pack(&fragment, &DomainName::root()))
    }

    #[test]
    fn the_results_are_in_order_whatever_the_number_of_parts() {
        let cluster = ClusterArn::of("us-east-1", "123456789012", "prod").unwrap();
        for count in [0, 1, 2, 7, 64] {
            let subject = |number: usize| Subject::Service(ServiceKey::new(&cluster, &number.to_string()));
            let subjects: Vec<_> = (0..count).map(subject).collect();
            let wanted: Vec<_> =
                subjects.iter().enumerate().map(|(number, it)| (!number.is_multiple_of(3)).then_some(it)).collect();
            for parts in [0, 1, 2, 3, 8, 100] {
                let blocks = in_parts(&subjects, &render, parts);
                let origins: Vec<_> = blocks.iter().map(|block| block.as_ref()?.origin.subject.as_ref()).collect();
                assert_eq!(origins, wanted, "{count} subjects in {parts} parts");
            }
        }
    }

    #[test]
    #[should_panic(expected = "a fault in a part")]
    fn a_panic_of_a_part_is_one_of_the_whole() {
        let cluster = ClusterArn::of("us-east-1", "123456789012", "prod").unwrap();
        let subjects = ["a", "b", "c"].map(|name| Subject::Service(ServiceKey::new(&cluster, name)));
        in_parts(&subjects, &|subject| if *subject == subjects[2] { panic!("a fault in a part") } else { None }, 3);
    }
}
