//! Multipart bodies (RFC 2046 section 5.1, RFC 7578). Nothing can be refused here, so what is wrong is read as origins
//! read it: a bare LF ends a line too, a part may lack its head or its end. Parts within parts are bytes.

mod lines;

use std::borrow::Cow;

use memchr::memchr;
use memchr::memmem::Finder;

use self::lines::{Line, head_lines, line_end};
use super::parameters;

/// Parts that are looked at. Common origins take 1,000.
pub const PARTS_MAX: usize = 1024;

/// The parts of a body, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multipart<'b> {
    parts: Vec<Part<'b>>,
    is_cut: bool,
}

/// One part. A list has more than one member if the part repeats the field or the parameter, and none if it lacks it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part<'b> {
    /// What follows its head.
    pub value: &'b [u8],
    /// `name` of its `Content-Disposition`.
    pub names: Vec<Cow<'b, [u8]>>,
    /// `filename` of its `Content-Disposition`, and `filename*`, which forms should not have (RFC 7578 section 4.2) and
    /// some origins obey.
    pub filenames: Vec<Cow<'b, [u8]>>,
    /// `Content-Type`, whole.
    pub content_types: Vec<&'b [u8]>,
    /// `Content-Disposition`, whole.
    pub content_dispositions: Vec<&'b [u8]>,
    /// `Content-Transfer-Encoding`; what it says is not undone.
    pub content_transfer_encodings: Vec<&'b [u8]>,
}

impl<'b> Multipart<'b> {
    /// Reads a body. What comes before the first delimiter and behind the last one is nobody's.
    #[must_use]
    pub fn parse(raw: &'b [u8], boundary: &[u8]) -> Self {
        let mut multipart = Self::default();
        if boundary.is_empty() || memchr(b'\n', boundary).is_some() {
            return multipart;
        }
        let dash_boundary = [b"--", boundary].concat();
        let finder = Finder::new(&dash_boundary);
        let Some(mut delimiter) = next_delimiter(raw, &finder, 0) else { return multipart };
        while !delimiter.is_last {
            if multipart.parts.len() == PARTS_MAX {
                multipart.is_cut = true;
                break;
            }
            let begin = delimiter.end;
            let next = next_delimiter(raw, &finder, begin);
            let end = next.as_ref().map_or(raw.len(), |next| next.begin.max(begin));
            multipart.parts.push(Part::parse(raw.get(begin..end).unwrap_or_default()));
            match next {
                Some(next) => delimiter = next,
                // It ends without a delimiter, or what was held of it does.
                None => break,
            }
        }
        multipart
    }

    /// The parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part<'b>] {
        &self.parts
    }

    /// Whether there are more than [`PARTS_MAX`].
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Values with the names of their parts; those of a part without a name are left out.
    pub fn named(&self) -> impl Iterator<Item = (Cow<'b, [u8]>, &'b [u8])> {
        let parts = self.parts.iter();
        parts.flat_map(|part| part.names.iter().map(|name| (name.clone(), part.value)))
    }
}

impl<'b> Part<'b> {
    fn parse(bytes: &'b [u8]) -> Self {
        let mut part = Self::default();
        let mut head = head_lines(bytes);
        for Line { name, value } in &mut head {
            if name.eq_ignore_ascii_case(b"content-disposition") {
                part.disposition(value);
            } else if name.eq_ignore_ascii_case(b"content-type") {
                part.content_types.push(value);
            } else if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
                part.content_transfer_encodings.push(value);
            }
        }
        part.value = head.rest();
        part
    }

    fn disposition(&mut self, value: &'b [u8]) {
        self.content_dispositions.push(value);
        for (name, value) in parameters::split(value).1 {
            if name.eq_ignore_ascii_case(b"name") {
                self.names.push(value);
            } else if name.eq_ignore_ascii_case(b"filename") {
                self.filenames.push(value);
            } else if name.eq_ignore_ascii_case(b"filename*") {
                self.filenames.push(match value {
                    Cow::Borrowed(value) => parameters::extended(value),
                    Cow::Owned(value) => Cow::Owned(parameters::extended(&value).into_owned()),
                });
            }
        }
    }
}

/// A line that parts two parts.
struct Delimiter {
    /// Where the line end before it begins, which is its own.
    begin: usize,
    /// Where the next part begins.
    end: usize,
    is_last: bool,
}

/// The next line from `from` on that is a delimiter: the boundary, and nothing behind it but space. Each line is looked
/// at once, whatever the boundary is.
fn next_delimiter(raw: &[u8], finder: &Finder<'_>, from: usize) -> Option<Delimiter> {
    let mut from = from;
    loop {
        let found = from + finder.find(raw.get(from..)?)?;
        let before = raw.get(..found)?;
        let rest = raw.get(found + finder.needle().len()..)?;
        if before.is_empty() || before.ends_with(b"\n") {
            let (is_last, rest) = rest.strip_prefix(b"--").map_or((false, rest), |rest| (true, rest));
            let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let rest = rest.get(padding..).unwrap_or_default();
            if let Some(end) = line_end(rest) {
                let line = before.strip_suffix(b"\n").unwrap_or(before);
                let begin = line.strip_suffix(b"\r").unwrap_or(line).len();
                return Some(Delimiter { begin, end: raw.len() - rest.len() + end, is_last });
            }
        }
        from = raw.len() - rest.len() + memchr(b'\n', rest)? + 1;
    }
}
