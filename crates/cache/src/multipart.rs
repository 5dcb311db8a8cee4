//! Several parts of a body in one answer: `multipart/byteranges` (RFC 9110 section 14.6).

/// What separates the parts. It must not occur in the body, so it is drawn for each answer.
#[derive(Clone, Debug)]
pub struct Multipart {
    boundary: Box<[u8]>,
    content_type: Option<Box<[u8]>>,
    total: u64,
}

impl Multipart {
    /// Of a body of this length and type.
    #[must_use]
    pub fn new(boundary: &[u8], content_type: Option<&[u8]>, total: u64) -> Self {
        Self { boundary: boundary.into(), content_type: content_type.map(Into::into), total }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> Vec<u8> {
        [b"multipart/byteranges; boundary=", &*self.boundary].concat()
    }

    /// What stands before a part: the bytes from `first` up to `end`.
    #[must_use]
    pub fn head(&self, is_first: bool, first: u64, end: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        if !is_first {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"--");
        out.extend_from_slice(&self.boundary);
        out.extend_from_slice(b"\r\n");
        if let Some(content_type) = &self.content_type {
            out.extend_from_slice(b"Content-Type: ");
            out.extend_from_slice(content_type);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"Content-Range: ");
        out.extend_from_slice(&content_range(first, end, Some(self.total)));
        out.extend_from_slice(b"\r\n\r\n");
        out
    }

    /// What stands behind the last part.
    #[must_use]
    pub fn tail(&self) -> Vec<u8> {
        [b"\r\n--", &*self.boundary, b"--\r\n"].concat()
    }

    /// How long all of it is.
    #[must_use]
    pub fn bytes(&self, parts: &[(u64, u64)]) -> u64 {
        let part = |(number, (first, end)): (usize, &(u64, u64))| {
            self.head(number == 0, *first, *end).len() as u64 + (end - first)
        };
        parts.iter().enumerate().map(part).sum::<u64>() + self.tail().len() as u64
    }
}

/// The value of `Content-Range` for the bytes from `first` up to `end`.
#[must_use]
pub fn content_range(first: u64, end: u64, total: Option<u64>) -> Vec<u8> {
    let last = end.saturating_sub(1);
    match total {
        Some(total) => format!("bytes {first}-{last}/{total}"),
        None => format!("bytes {first}-{last}/*"),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_as_the_rfc_has_it_and_is_as_long_as_it_says() {
        for content_type in [Some(&b"text/plain"[..]), None] {
            let multipart = Multipart::new(b"THIS", content_type, 26);
            let body = b"abcdefghijklmnopqrstuvwxyz";
            let parts = [(0, 2), (25, 26)];
            let mut out = Vec::new();
            for (number, (first, end)) in parts.iter().enumerate() {
                out.extend(multipart.head(number == 0, *first, *end));
                out.extend(&body[*first as usize..*end as usize]);
            }
            out.extend(multipart.tail());
            let line = if content_type.is_some() { "Content-Type: text/plain\r\n" } else { "" };
            let expected = format!(
                "--THIS\r\n{line}Content-Range: bytes 0-1/26\r\n\r\nab\r\n\
                 --THIS\r\n{line}Content-Range: bytes 25-25/26\r\n\r\nz\r\n--THIS--\r\n"
            );
            assert_eq!(String::from_utf8(out).unwrap(), expected);
            assert_eq!(multipart.bytes(&parts), expected.len() as u64);
        }
        assert_eq!(Multipart::new(b"x", None, 1).content_type(), b"multipart/byteranges; boundary=x");
    }
}
