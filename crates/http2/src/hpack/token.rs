//! What the name of a field is.

use rempart_flow::Known;
use rempart_flow::bytes::{LOWER_TOKEN, len_of};

/// What the name of a field is, found out once: by the static table, or when the name was first read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// `:authority`.
    Authority,
    /// `:method`.
    Method,
    /// `:path`.
    Path,
    /// `:scheme`.
    Scheme,
    /// `:status`.
    Status,
    /// `:protocol` (RFC 8441 section 4).
    Protocol,
    /// Another name that begins with a colon.
    UnknownPseudo,
    /// No name that HTTP/2 allows: empty, with a byte that is in no token, or with a letter in upper case (RFC 9113
    /// section 8.2.1).
    Invalid,
    /// Any other.
    Field(Known),
}

impl Token {
    /// Recognises a name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Self {
        match name {
            [] => Self::Invalid,
            [b':', ..] => Self::from_pseudo(name),
            _ if len_of(LOWER_TOKEN, name) < name.len() => Self::Invalid,
            _ => Self::Field(Known::from_name(name)),
        }
    }

    const fn from_pseudo(name: &[u8]) -> Self {
        match name {
            b":authority" => Self::Authority,
            b":method" => Self::Method,
            b":path" => Self::Path,
            b":scheme" => Self::Scheme,
            b":status" => Self::Status,
            b":protocol" => Self::Protocol,
            _ => Self::UnknownPseudo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised_and_upper_case_is_none() {
        assert_eq!(Token::from_name(b":path"), Token::Path);
        assert_eq!(Token::from_name(b":paths"), Token::UnknownPseudo);
        assert_eq!(Token::from_name(b":Path"), Token::UnknownPseudo);
        assert_eq!(Token::from_name(b":"), Token::UnknownPseudo);
        assert_eq!(Token::from_name(b"cookie"), Token::Field(Known::Cookie));
        assert_eq!(Token::from_name(b"x-any"), Token::Field(Known::Other));
        for byte in 0..=u8::MAX {
            let name = [b"a-long-name".as_slice(), &[byte], b"z"].concat();
            let is_right =
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(Token::from_name(&name) == Token::Field(Known::Other), is_right, "{byte:#x}");
        }
        assert_eq!(Token::from_name(b"Cookie"), Token::Invalid);
        assert_eq!(Token::from_name(b""), Token::Invalid);
    }
}
