//! Many of a kind at a time: at a start and when a whole cluster changes, somebody waits for all subjects to be decoded
//! and rendered.

use std::panic::resume_unwind;
use std::thread::{Builder, available_parallelism, scope};

/// Most threads: beyond them it is memory that one waits for.
const MOST: usize = 4;

/// Does this for all of them, a part on each core if there are many: `worth` says how many are worth a thread. The results
/// are in their order.
pub(crate) fn over_cores<T: Sync, R: Send>(all: &[T], worth: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let most = MOST.min(all.len() / worth);
    // How many cores there are takes a dozen system calls to find out.
    let parts = if most > 1 { available_parallelism().map_or(1, usize::from).min(most) } else { 1 };
    in_parts(all, work, parts)
}

fn in_parts<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync, parts: usize) -> Vec<R> {
    let of = |part: &[T]| part.iter().map(&work).collect::<Vec<_>>();
    let (own, others) = all.split_at(all.len().div_ceil(parts.max(1)));
    scope(|scope| {
        let begin = |part| {
            let thread = Builder::new().name("spread".to_owned());
            // Where no thread is to be had, the part is done here.
            (part, thread.spawn_scoped(scope, move || of(part)))
        };
        let begun: Vec<_> = others.chunks(own.len().max(1)).map(begin).collect();
        let mut results = of(own);
        for (part, thread) in begun {
            results.extend(match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => of(part),
            });
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_in_order_whatever_the_number_of_parts() {
        for count in [0, 1, 2, 7, 64] {
            let all: Vec<u32> = (0..count).collect();
            let wanted: Vec<String> = all.iter().map(ToString::to_string).collect();
            for parts in [0, 1, 2, 3, 8, 100] {
                assert_eq!(in_parts(&all, ToString::to_string, parts), wanted, "{count} in {parts} parts");
            }
        }
    }

    #[test]
    #[should_panic(expected = "a fault in a part")]
    fn a_panic_of_a_part_is_one_of_the_whole() {
        in_parts(&[1, 2, 3], |number| assert_ne!(*number, 3, "a fault in a part"), 3);
    }
}
