//! An answer that the edge gives by itself because a rule says so.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use rempart_features::content::{Content, Token};

use super::fields::country;
use crate::text::{IpText, RayText};

/// An answer that the edge gives by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status. 0: that of the error in whose place it is given.
    pub status: u16,
    /// Fields beside those of every answer.
    pub fields: Vec<(&'static str, Box<[u8]>)>,
    /// The body.
    pub body: Body,
    /// What kind of failure it shows (`cf.response.error_type`); empty if it shows none.
    pub error_type: &'static str,
    /// Cloudflare's number of that failure (`cf.response.1xxx_code`); 0 if it has none.
    pub error_code: u16,
    /// Whether the operator wrote it for this very rule: what custom errors say of other failures is not said then.
    pub is_custom: bool,
    /// The connection is closed without a word.
    pub is_closed: bool,
}

impl Reply {
    /// This body.
    #[must_use]
    pub fn of(status: u16, body: Body) -> Self {
        Self { status, body, ..Self::default() }
    }

    /// None at all.
    #[must_use]
    pub fn closed() -> Self {
        Self { is_closed: true, ..Self::default() }
    }
}

/// A body of the edge's own. What the operator has written is shared, however many get it and however slowly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// In one piece.
    Whole(Bytes),
    /// In several, one behind the other.
    Pieces(Vec<Bytes>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl From<String> for Body {
    fn from(page: String) -> Self {
        Self::Whole(page.into())
    }
}

impl Body {
    /// What the operator has written, with this request's own in the place of tokens: nothing that markup or JSON would
    /// have to escape.
    #[must_use]
    pub(super) fn written(content: &Content, ip: IpAddr, ray: &RayText) -> Self {
        let whole = Bytes::from_owner(Shared(Arc::clone(content.bytes())));
        if content.is_literal() {
            return Self::Whole(whole);
        }
        let value = |token| match token {
            None => Bytes::new(),
            Some(Token::ClientIp) => Bytes::copy_from_slice(IpText::new(ip).as_bytes()),
            Some(Token::RayId) => Bytes::copy_from_slice(ray.id()),
            Some(Token::Geo) => Bytes::from_static(country()),
        };
        let pieces = content.pieces().flat_map(|(text, token)| [whole.slice(text), value(token)]);
        Self::Pieces(pieces.filter(|piece| !piece.is_empty()).collect())
    }

    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.pieces().iter().map(|piece| piece.len() as u64).sum()
    }

    /// What it consists of, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Bytes] {
        match self {
            Self::Whole(whole) => std::slice::from_ref(whole),
            Self::Pieces(pieces) => pieces,
        }
    }
}

/// A text that many answers share.
struct Shared(Arc<[u8]>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use rempart_base::RayId;

    use super::*;

    fn text(content: &Content) -> String {
        let body =
            Body::written(content, "2001:db8::1".parse().unwrap(), &RayText::new(RayId(0x1f), *b"FRA"));
        let text = body.pieces().concat();
        assert_eq!(body.bytes(), text.len() as u64);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn tokens_stand_for_what_the_log_says_of_the_request() {
        let written = b"{\"ip\": \"::CLIENT_IP::\", \"ray\": \"::RAY_ID::\", \"geo\": \"::GEO::\"}";
        let seen = "{\"ip\": \"2001:db8::1\", \"ray\": \"000000000000001f\", \"geo\": \"XX\"}";
        assert_eq!(text(&Content::with_tokens(written)), seen);
        assert_eq!(text(&Content::literal(written)).as_bytes(), written);
        assert_eq!(text(&Content::with_tokens(b"")), "");
    }
}
