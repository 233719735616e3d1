//! Cutting a list into pages with opaque tokens.

use super::op::Op;

/// How pages are cut. AWS promises only "at most" the size asked for, and a list that changes while it is read may
/// show an item twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageStyle {
    /// As many items as asked for.
    #[default]
    Full,
    /// Half as many, and each third page is empty yet has a token.
    Short,
    /// Each page but the first begins with the last item of the page before.
    Overlapping,
}

/// One page.
#[derive(Debug)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// The token of the next page; none on the last.
    pub next: Option<String>,
}

/// Makes tokens unlike numbers, so that nobody counts with them.
const MASK: u64 = 0x5bd1_e995_c3a5_c85c;

/// Cuts the page that `token` points to (none: the first) out of `all`, of at most `size` items. None: `token` is
/// none of ours, or belongs to another operation.
pub fn cut<T: Clone>(op: Op, all: &[T], token: Option<&str>, size: usize, style: PageStyle) -> Option<Page<T>> {
    let (number, start) = match token {
        Some(token) => decode(op, token)?,
        None => (0, 0),
    };
    let start = start.min(all.len());
    let take = match style {
        PageStyle::Short if number % 3 == 1 => 0,
        PageStyle::Short => (size / 2).max(1),
        PageStyle::Full | PageStyle::Overlapping => size,
    };
    let end = start.saturating_add(take).min(all.len());
    let overlap = usize::from(style == PageStyle::Overlapping && end > start + 1);
    let next = (end < all.len()).then(|| encode(op, number + 1, end - overlap));
    Some(Page { items: all[start..end].to_vec(), next })
}

fn encode(op: Op, number: u16, start: usize) -> String {
    let start = u32::try_from(start).expect("lists of tests are short");
    let value = (op as u64) << 48 | u64::from(number) << 32 | u64::from(start);
    format!("{:016x}", value ^ MASK)
}

fn decode(op: Op, token: &str) -> Option<(u16, usize)> {
    let value = u64::from_str_radix(token, 16).ok()? ^ MASK;
    let number = u16::try_from(value >> 32 & 0xffff).ok()?;
    let start = usize::try_from(value & 0xffff_ffff).ok()?;
    (value >> 48 == op as u64).then_some((number, start))
}
