//! Patterns in which `*` stands for any bytes.

use std::fmt;

/// A pattern of `wildcard`, `strict wildcard` and `wildcard_replace`: what stands between its stars.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wildcard {
    pieces: Box<[Box<[u8]>]>,
}

/// Why a literal is no wildcard pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WildcardFault {
    /// Two stars beside each other.
    DoubleStar,
    /// A backslash before something that is neither a star nor a backslash, or at the end.
    Escape,
}

impl Wildcard {
    /// Reads a pattern. `\*` is a star and `\\` a backslash.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(pattern: &[u8]) -> Result<Wildcard, WildcardFault> {
        let mut pieces = Vec::new();
        let mut piece = Vec::new();
        let mut is_after_star = false;
        let mut rest = pattern.iter();
        while let Some(byte) = rest.next() {
            match byte {
                b'*' if is_after_star => return Err(WildcardFault::DoubleStar),
                b'*' => pieces.push(std::mem::take(&mut piece).into_boxed_slice()),
                b'\\' => match rest.next() {
                    Some(escaped @ (b'*' | b'\\')) => piece.push(*escaped),
                    _ => return Err(WildcardFault::Escape),
                },
                other => piece.push(*other),
            }
            is_after_star = *byte == b'*';
        }
        pieces.push(piece.into_boxed_slice());
        Ok(Wildcard { pieces: pieces.into_boxed_slice() })
    }

    /// What stands before, between and behind the stars: one piece more than there are stars. Only the first and the
    /// last may be empty.
    #[must_use]
    pub fn pieces(&self) -> &[Box<[u8]>] {
        &self.pieces
    }

    /// The pattern as bytes that [`Wildcard::parse`] reads.
    #[must_use]
    pub fn source(&self) -> Vec<u8> {
        let mut source = Vec::new();
        for (number, piece) in self.pieces.iter().enumerate() {
            if number > 0 {
                source.push(b'*');
            }
            for byte in piece {
                if matches!(byte, b'*' | b'\\') {
                    source.push(b'\\');
                }
                source.push(*byte);
            }
        }
        source
    }
}

impl fmt::Display for WildcardFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WildcardFault::DoubleStar => "a wildcard pattern has no two `*` beside each other",
            WildcardFault::Escape => r"in a wildcard pattern `\` stands only before `*` or `\`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_what_stands_between_its_stars() {
        for (pattern, pieces) in [
            (r"", vec![""]),
            (r"*", vec!["", ""]),
            (r"a*b", vec!["a", "b"]),
            (r"/a\*b/*", vec!["/a*b/", ""]),
            (r"\\*?", vec![r"\", "?"]),
            (r"*a*", vec!["", "a", ""]),
        ] {
            let wildcard = Wildcard::parse(pattern.as_bytes()).expect(pattern);
            let found: Vec<&[u8]> = wildcard.pieces().iter().map(|piece| &**piece).collect();
            assert_eq!(found, pieces.iter().map(|piece| piece.as_bytes()).collect::<Vec<_>>(), "{pattern}");
            assert_eq!(wildcard.source(), pattern.as_bytes());
        }
        assert_eq!(Wildcard::parse(b"a**"), Err(WildcardFault::DoubleStar));
        assert_eq!(Wildcard::parse(br"a\b"), Err(WildcardFault::Escape));
        assert_eq!(Wildcard::parse(br"a\"), Err(WildcardFault::Escape));
        assert!(Wildcard::parse(br"*\**").is_ok());
    }
}
