//! `Connection`: what it says about the connection, and which fields it keeps to it.

use rempart_flow::{ConnectionOptions, Fields, Known, Span, Version};

use crate::fields::Noticed;
use rempart_flow::bytes::{is_token, trim_ows};

/// Options in all `Connection` fields of one head. Each is compared with every field, so their number
/// is bounded; nobody sends more than five.
pub(crate) const OPTIONS_MAX: usize = 32;

/// What is wrong with `Connection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionFault {
    /// An option is not a token.
    NotToken,
    /// More than [`OPTIONS_MAX`] of them.
    TooMany,
    /// One of them names a field that belongs to the whole path.
    NamesEndToEnd,
}

/// What becomes of an option that may not stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadOption {
    /// The message is refused: a request, where it is an attempt.
    Refuse,
    /// The option does nothing: a response, where it is a habit (`Connection: Transfer-Encoding` is a
    /// common one).
    Ignore,
}

/// Reads all `Connection` fields and marks the fields that they name (RFC 9110 section 7.6.1).
///
/// A sender must not name a field that is meant for all recipients. Every name that this program knows
/// and that is not hop-by-hop by itself is of that kind: such fields frame, route, authenticate, tell
/// the visitor's address or control caches, and to name one is the known way to have a proxy strip it
/// before the origin sees it. The same holds for `Transfer-Encoding`. Names unknown to it are obeyed.
pub(crate) fn read(
    fields: &mut Fields,
    noticed: &Noticed,
    version: Version,
    bad_option: BadOption,
) -> Result<ConnectionOptions, ConnectionFault> {
    let http11 = version != Version::Http10;
    if !noticed.connection {
        return Ok(ConnectionOptions { close: !http11, upgrade: false });
    }
    let (mut close, mut keep_alive, mut upgrade) = (false, false, false);
    let mut named = [Span::default(); OPTIONS_MAX];
    let mut named_count = 0;
    for field in fields.list().iter().filter(|f| f.known == Known::Connection) {
        for option in options(fields, field.value) {
            let text = fields.bytes(option);
            if text.eq_ignore_ascii_case(b"keep-alive") {
                keep_alive = true;
            } else if text.eq_ignore_ascii_case(b"close") {
                close = true;
            } else if text.eq_ignore_ascii_case(b"upgrade") {
                upgrade = true;
            } else if let Some(fault) = refusal(text) {
                match bad_option {
                    BadOption::Refuse => return Err(fault),
                    BadOption::Ignore => {}
                }
            } else {
                *named.get_mut(named_count).ok_or(ConnectionFault::TooMany)? = option;
                named_count += 1;
            }
        }
    }
    for name in named.into_iter().take(named_count) {
        fields.mark_hop_by_hop(name);
    }
    Ok(ConnectionOptions {
        close: close || (!http11 && !keep_alive),
        upgrade: upgrade && noticed.upgrade && http11 && !asks_for_h2c(fields),
    })
}

fn refusal(option: &[u8]) -> Option<ConnectionFault> {
    let known = Known::from_name(option);
    let end_to_end = known != Known::Other && !known.is_hop_by_hop();
    if !is_token(option) {
        Some(ConnectionFault::NotToken)
    } else if end_to_end || known == Known::TransferEncoding {
        Some(ConnectionFault::NamesEndToEnd)
    } else {
        None
    }
}

/// The elements of the list, without the empty ones, which a recipient has to ignore (RFC 9110 section
/// 5.6.1.2).
fn options(fields: &Fields, value: Span) -> impl Iterator<Item = Span> {
    let mut start = value.start as usize;
    fields.bytes(value).split(|&b| b == b',').filter_map(move |element| {
        let lead = element.iter().take_while(|&&b| b == b' ' || b == b'\t').count();
        let span = Span::new(start + lead, trim_ows(element).len());
        start += element.len() + 1;
        (!span.is_empty()).then_some(span)
    })
}

/// An upgrade to HTTP/2 in cleartext would be a tunnel past every stage, so it is as if it had not been
/// asked for, which RFC 9110 section 7.8 allows.
fn asks_for_h2c(fields: &Fields) -> bool {
    fields
        .values(Known::Upgrade)
        .flat_map(|value| value.split(|&b| b == b','))
        .any(|protocol| trim_ows(protocol).eq_ignore_ascii_case(b"h2c"))
}
