//! What tells the variants of one URL apart: the values of the fields that `Vary` names, normalised where values
//! that differ mean the same (RFC 9111 section 4.1). The origin is sent what the visitor sent, so nothing is left out
//! that an origin could tell apart by meaning.

use std::cmp::Reverse;

use rempart_flow::{Known, RequestHead};

use super::build::{Element, Elements, Item, values};
use crate::plan::VaryAction;

/// A list of preferences with more entries is kept as it came.
const PREFERENCES_MAX: usize = 64;

/// Adds a field. `None`: responses that vary by it are not stored.
pub(super) fn push(
    bytes: &mut Elements,
    scratch: &mut Vec<Item>,
    head: &RequestHead,
    name: &[u8],
    action: VaryAction,
) -> Option<()> {
    match action {
        VaryAction::Bypass => return None,
        VaryAction::Ignore => return Some(()),
        VaryAction::Normalize | VaryAction::Passthrough => {}
    }
    bytes.push(Element::VaryName, name);
    if values(head, name).next().is_none() {
        return Some(());
    }
    if action == VaryAction::Passthrough {
        values(head, name).for_each(|value| bytes.push(Element::VaryValue, value));
        return Some(());
    }
    let begins = bytes.begin(Element::VaryValue);
    let known = Known::from_name(name);
    // Lines of cookies are one list of another kind (RFC 9113 section 8.2.3).
    let between: &[u8] = if known == Known::Cookie { b"; " } else { b"," };
    joined(&mut bytes.0, values(head, name).map(<[u8]>::trim_ascii), between);
    match order_of(known) {
        Some(order) if preferences(&bytes.0, begins, order, scratch) => {
            rewrite(&mut bytes.0, begins, scratch);
        }
        Some(_) | None => unspaced(&mut bytes.0, begins),
    }
    bytes.end(begins);
    Some(())
}

/// What the order of a list of preferences means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Nothing: any of the acceptable will do. A response in any acceptable coding serves everybody who accepts it.
    None,
    /// What is preferred, by its weight.
    Preference,
}

/// `None`: it is no list of preferences.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other field is such a list")]
const fn order_of(known: Known) -> Option<Order> {
    match known {
        Known::AcceptEncoding => Some(Order::None),
        Known::Accept | Known::AcceptLanguage | Known::AcceptCharset => Some(Order::Preference),
        _ => None,
    }
}

fn joined<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a [u8]>, between: &[u8]) {
    let mut is_first = true;
    for value in values {
        if !is_first {
            out.extend_from_slice(between);
        }
        out.extend_from_slice(value);
        is_first = false;
    }
}

/// Takes a list of preferences (RFC 9110 section 12.4.2) apart, into the order in which it is kept. `false`: it is not
/// one, or one with parameters, whose meaning is not known here.
fn preferences(bytes: &[u8], begins: usize, order: Order, into: &mut Vec<Item>) -> bool {
    into.clear();
    let list = bytes.get(begins..).unwrap_or_default();
    let mut start = begins;
    for entry in list.split(|byte| *byte == b',') {
        let at = start;
        start += entry.len() + 1;
        let mut parts = entry.split(|byte| *byte == b';');
        let name = parts.next().unwrap_or_default();
        let rank = match (parts.next(), parts.next()) {
            (None, _) => Some(1000),
            (Some(weight), None) => parse_weight(weight.trim_ascii()),
            (Some(_), Some(_)) => None,
        };
        let Some(rank) = rank else { return false };
        let (front, name) = (name.len() - name.trim_ascii_start().len(), name.trim_ascii());
        if name.is_empty() {
            // Empty elements of a list mean nothing (RFC 9110 section 5.6.1.2).
            continue;
        }
        if !name.iter().all(|byte| is_plain(*byte)) || into.len() == PREFERENCES_MAX {
            return false;
        }
        let rank = if order == Order::None { rank.min(1) } else { rank };
        // Acceptable if nothing is said (RFC 9110 section 12.5.3).
        if order == Order::None && rank == 1 && name.eq_ignore_ascii_case(b"identity") {
            continue;
        }
        into.push(Item { start: at + front, end: at + front + name.len(), rank });
    }
    let text = |item: &Item| bytes.get(item.start..item.end).unwrap_or_default();
    let lower = |item: &Item| text(item).iter().map(u8::to_ascii_lowercase);
    into.sort_unstable_by(|a, b| Reverse(a.rank).cmp(&Reverse(b.rank)).then_with(|| lower(a).cmp(lower(b))));
    into.dedup_by(|a, b| a.rank == b.rank && text(a).eq_ignore_ascii_case(text(b)));
    true
}

/// Letters, digits and what stands in the names of codings, languages and media types.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*' | b'/' | b'.' | b'+')
}

/// `q=0.5` as thousandths (RFC 9110 section 12.4.2).
fn parse_weight(text: &[u8]) -> Option<u16> {
    let number = text.strip_prefix(b"q=").or_else(|| text.strip_prefix(b"Q="))?;
    let (whole, fraction) = match number {
        [whole] | [whole, b'.'] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut thousandths = 0;
    for place in 0..3 {
        let digit = fraction.get(place).copied().unwrap_or(b'0');
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths = thousandths * 10 + u16::from(digit - b'0');
    }
    match whole {
        b'0' => Some(thousandths),
        b'1' if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// Writes the list anew, behind the old one, and then over it: what is most wanted first, in lower case, without
/// weights; what is refused behind a `!`.
fn rewrite(bytes: &mut Vec<u8>, begins: usize, list: &[Item]) {
    let ends = bytes.len();
    // Stands in no value, so that a list is never taken for a value that was left as it came.
    bytes.push(0);
    let mut rank_before = None;
    for item in list {
        if rank_before.is_some() {
            // Of equal weight, or of less.
            bytes.push(if rank_before == Some(item.rank) { b',' } else { b';' });
        }
        rank_before = Some(item.rank);
        if item.rank == 0 {
            bytes.push(b'!');
        }
        bytes.extend_from_within(item.start..item.end);
    }
    bytes.drain(begins..ends);
    if let Some(list) = bytes.get_mut(begins..) {
        list.make_ascii_lowercase();
    }
}

/// Takes away the whitespace around commas, which means nothing in any list (RFC 9110 section 5.6.1), but leaves
/// quoted strings as they are.
fn unspaced(bytes: &mut Vec<u8>, begins: usize) {
    let (mut read, mut written) = (begins, begins);
    let (mut is_quoted, mut is_escaped) = (false, false);
    while let Some(&byte) = bytes.get(read) {
        read += 1;
        if byte == b',' && !is_quoted {
            while written > begins && matches!(bytes.get(written - 1), Some(b' ' | b'\t')) {
                written -= 1;
            }
            while matches!(bytes.get(read), Some(b' ' | b'\t')) {
                read += 1;
            }
        }
        (is_quoted, is_escaped) = match byte {
            _ if is_escaped => (is_quoted, false),
            b'\\' => (is_quoted, is_quoted),
            b'"' => (!is_quoted, false),
            _ => (is_quoted, false),
        };
        if let Some(place) = bytes.get_mut(written) {
            *place = byte;
        }
        written += 1;
    }
    bytes.truncate(written);
}
