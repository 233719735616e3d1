//! How the log counts things.

use std::fmt::Display;

/// `1 key`, `2 keys`, `0 keys`.
pub(super) fn counted(count: usize, thing: impl Display) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_said_in_the_singular() {
        let said = [0, 1, 2].map(|count| counted(count, "key"));
        assert_eq!(said, ["0 keys", "1 key", "2 keys"]);
    }
}
