//! Lines of a part's head.

use memchr::memchr;

/// A field of a part's head, without the space around its value. One that is folded (RFC 5322 section 2.2.3) keeps its
/// line ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'b> {
    pub(super) name: &'b [u8],
    pub(super) value: &'b [u8],
}

/// The fields of a part's head.
pub(super) struct HeadLines<'b> {
    left: &'b [u8],
    is_done: bool,
}

/// Bytes of the line end that stands here; 0 at the end of the bytes.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [] => Some(0),
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        // What was held may end within one.
        [b'\r'] => Some(1),
        _ => None,
    }
}

pub(super) const fn head_lines(part: &[u8]) -> HeadLines<'_> {
    HeadLines { left: part, is_done: false }
}

impl<'b> HeadLines<'b> {
    /// What follows the head, once all of it was taken.
    pub(super) const fn rest(&self) -> &'b [u8] {
        self.left
    }

    /// Takes a line with those that go on with it. `None` behind the empty line that ends the head.
    fn take(&mut self) -> Option<&'b [u8]> {
        let mut end = 0;
        loop {
            let rest = self.left.get(end..).unwrap_or_default();
            if end == 0
                && let Some(bytes) = line_end(rest)
            {
                self.left = rest.get(bytes..).unwrap_or_default();
                self.is_done = true;
                return None;
            }
            end += memchr(b'\n', rest).map_or(rest.len(), |place| place + 1);
            let is_folded = matches!(self.left.get(end), Some(b' ' | b'\t'));
            if !is_folded {
                let (line, rest) = self.left.split_at_checked(end)?;
                self.left = rest;
                return Some(line);
            }
        }
    }
}

impl<'b> Iterator for HeadLines<'b> {
    type Item = Line<'b>;

    fn next(&mut self) -> Option<Line<'b>> {
        while !self.is_done {
            let line = self.take()?;
            // A line that is no field is nobody's.
            if let Some(colon) = memchr(b':', line)
                && let (name, [_, value @ ..]) = line.split_at_checked(colon)?
            {
                return Some(Line { name: name.trim_ascii(), value: value.trim_ascii() });
            }
        }
        None
    }
}
