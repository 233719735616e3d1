//! Mutations of bytes, from a seed: the same on every run.

use fastrand::Rng;

/// Values at the edges of what a byte, a length or a count can be.
const EDGES: [u8; 10] = [0, 1, 0x0c, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff];
/// Most mutations at once.
const MOST: usize = 4;

/// One of `inputs`, mutated.
pub fn one_of(rng: &mut Rng, inputs: &[Vec<u8>]) -> Vec<u8> {
    let (input, other) = (rng.usize(..inputs.len()), rng.usize(..inputs.len()));
    mutated(rng, &inputs[input], &inputs[other])
}

/// `input`, changed in a few places; sometimes with a piece of `other` in it.
pub fn mutated(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.usize(1..=MOST) {
        mutate(rng, &mut bytes, other);
    }
    bytes
}

fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = rng.usize(0..=bytes.len());
    let (from, to) = piece(rng, other.len());
    match (rng.u8(0..8), bytes.get_mut(at)) {
        (0, Some(byte)) => *byte ^= 1 << rng.u8(0..8),
        (1, Some(byte)) => *byte = rng.choice(EDGES).unwrap_or_default(),
        (2, Some(byte)) => *byte = byte.wrapping_add(rng.u8(..3)).wrapping_sub(1),
        (3, Some(_)) => {
            bytes.remove(at);
        }
        (4, _) => bytes.truncate(at),
        (5, _) => bytes.insert(at, rng.u8(..)),
        (6, _) => {
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        _ => {
            let (from, to) = piece(rng, bytes.len());
            let own = bytes[from..to].to_vec();
            bytes.splice(at..at, own);
        }
    }
}

/// Where a piece of something of this length begins and ends.
fn piece(rng: &mut Rng, length: usize) -> (usize, usize) {
    let from = rng.usize(0..=length);
    (from, rng.usize(from..=length))
}
