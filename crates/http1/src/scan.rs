//! The scan for the end of a head. It is where a line feed without its carriage return is found, which
//! RFC 9112 section 2.2 lets a recipient accept and which no other server would have to.

/// Where the head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadEnd {
    /// The empty line has not come yet.
    Open,
    /// The head is so long, with its empty line.
    At {
        /// Bytes from the beginning of the text.
        len: usize,
        /// Lines between `from` and the empty line.
        lines: usize,
    },
}

/// A line feed without its carriage return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BareLf;

/// Looks for the empty line from the offset `from`, before which a line has ended.
pub(crate) fn head_end(text: &[u8], from: usize) -> Result<HeadEnd, BareLf> {
    let mut lines = 0;
    for found in memchr::memchr_iter(b'\n', text.get(from..).unwrap_or_default()) {
        let at = from + found;
        match text.get(..at).unwrap_or_default() {
            [.., b'\n', b'\r'] => return Ok(HeadEnd::At { len: at + 1, lines }),
            [.., b'\r'] => lines += 1,
            _ => return Err(BareLf),
        }
    }
    Ok(HeadEnd::Open)
}

/// Whether a head whose first `scanned` bytes were right and open is still so: the cheap question that
/// keeps a head that arrives byte by byte from being parsed again at each of them. `false` means parse it.
pub(crate) fn is_still_open(text: &[u8], scanned: usize) -> bool {
    if scanned == 0 {
        return false;
    }
    // Until the start line is complete the parser itself has to look: it refuses early.
    let seen = text.get(..scanned).unwrap_or_default();
    memchr::memchr(b'\n', seen).is_some() && head_end(text, scanned) == Ok(HeadEnd::Open)
}
