//! The random numbers of one exchange, drawn before it begins.

/// Queries that one question can cost, all upstreams and TCP included.
pub const MAX_TRIES: usize = 10;

/// Numbers from the random source of the operating system (RFC 5452).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random {
    /// Message ids, one a try.
    pub ids: [u16; MAX_TRIES],
    /// Which letters of the name are sent in upper case, one bit a letter.
    pub case: [u8; 32],
    /// Which upstream is first.
    pub order: u32,
}

impl Random {
    /// Bytes that are needed.
    pub const LEN: usize = 2 * MAX_TRIES + 32 + 4;

    /// Takes the numbers from random bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let mut random = Self { ids: [0; MAX_TRIES], case: [0; 32], order: 0 };
        let (pairs, rest) = bytes.split_at(2 * MAX_TRIES);
        for (id, pair) in random.ids.iter_mut().zip(pairs.as_chunks::<2>().0) {
            *id = u16::from_be_bytes(*pair);
        }
        if let Some((case, order)) = rest.split_first_chunk::<32>() {
            random.case = *case;
            random.order = order.first_chunk::<4>().map_or(0, |order| u32::from_be_bytes(*order));
        }
        random
    }

    /// `name` in wire form with some of its letters in upper case, for the try with this number.
    pub(super) fn mix_case(&self, name: &mut [u8], attempt: usize) {
        for (at, byte) in name.iter_mut().enumerate() {
            let bit = at + 7 * attempt;
            // A length byte is at most 63, which is below all letters.
            if self.case[(bit / 8) % 32] >> (bit % 8) & 1 == 1 {
                byte.make_ascii_uppercase();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts() {
        let bytes: [u8; Random::LEN] = std::array::from_fn(|at| at as u8);
        let random = Random::from_bytes(&bytes);
        assert_eq!((random.ids[0], random.ids[MAX_TRIES - 1]), (1, 0x1213));
        assert_eq!((random.case[0], random.case[31], random.order), (20, 51, 0x3435_3637));
    }

    #[test]
    fn mixed_case_is_the_same_name() {
        let random = Random::from_bytes(&std::array::from_fn(|at| (at * 37) as u8));
        let name = b"\x03www\x07example\x00";
        let mixed = |attempt| {
            let mut mixed = *name;
            random.mix_case(&mut mixed, attempt);
            mixed
        };
        assert!(mixed(0) != *name && mixed(0) != mixed(1));
        assert!(mixed(0).eq_ignore_ascii_case(name) && mixed(0)[0] == 3);
    }
}
