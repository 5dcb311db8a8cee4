//! Bodies that an operator writes, and the tokens in them that stand for something of each request.

use std::ops::Range;
use std::sync::Arc;

use rempart_base::config::{Context, Problem, Spanned};

use crate::words::Wording;

/// Tokens in one body.
pub const TOKENS_MAX: usize = 1_000;

/// What is put in by request (Cloudflare's error tokens).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// `::CLIENT_IP::`: the visitor's address.
    ClientIp,
    /// `::RAY_ID::`: the request's id.
    RayId,
    /// `::GEO::`: the visitor's country.
    Geo,
}

impl Token {
    const ALL: [Self; 3] = [Self::ClientIp, Self::RayId, Self::Geo];

    /// As it is written.
    const fn text(self) -> &'static [u8] {
        match self {
            Self::ClientIp => b"::CLIENT_IP::",
            Self::RayId => b"::RAY_ID::",
            Self::Geo => b"::GEO::",
        }
    }
}

/// A body, shared by all who get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    bytes: Arc<[u8]>,
    /// Where each token stands, in order.
    tokens: Arc<[(u32, Token)]>,
}

impl Content {
    /// It is given as it is written, whatever looks like a token.
    #[must_use]
    pub fn literal(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), tokens: Arc::default() }
    }

    /// The tokens in it are found once and for all: whoever is answered by it looks for none. More than
    /// [`TOKENS_MAX`] are reported, since each of them is a piece of each answer.
    pub(crate) fn compile(content: &Spanned<Wording>, cx: &mut Context) -> Self {
        let made = Self::with_tokens(content.value.0.as_bytes());
        if made.tokens.len() > TOKENS_MAX {
            let message = format!("the body has more than {TOKENS_MAX} tokens, such as `::RAY_ID::`");
            cx.error(content.mark, Problem::new("rule-limit", message, "Remove some."));
        }
        made
    }

    /// With the tokens in it.
    #[must_use]
    pub fn with_tokens(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), tokens: tokens(bytes).into() }
    }

    /// As it is written.
    #[must_use]
    pub const fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Whether it is the same for everybody.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.tokens.is_empty()
    }

    /// What stands before each token with that token, and at last what stands behind all of them.
    pub fn pieces(&self) -> impl Iterator<Item = (Range<usize>, Option<Token>)> {
        let mut from = 0;
        let ends = self.tokens.iter().map(|(at, token)| (*at as usize, Some(*token)));
        ends.chain([(self.bytes.len(), None)]).map(move |(end, token)| {
            let text = from..end;
            from = end + token.map_or(0, |token| token.text().len());
            (text, token)
        })
    }
}

fn tokens(bytes: &[u8]) -> Vec<(u32, Token)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let token = Token::ALL.into_iter().find(|token| rest.starts_with(token.text()));
        if let (Some(token), Ok(place)) = (token, u32::try_from(at)) {
            found.push((place, token));
        }
        at += token.map_or(1, |token| token.text().len());
    }
    found
}

#[cfg(test)]
mod tests {
    use rempart_base::config::Mark;

    use super::*;

    #[test]
    fn a_body_is_cut_where_tokens_stand_and_nowhere_else() {
        for (text, expected) in [
            ("", ""),
            ("none: ::geo:: :: ::RAY_ID: ::X::", "none: ::geo:: :: ::RAY_ID: ::X::"),
            ("::GEO::", "<Geo>"),
            ("a::GEO::::CLIENT_IP::b", "a<Geo><ClientIp>b"),
            (":::RAY_ID:::", ":<RayId>:"),
            ("::RAY_ID::GEO::", "<RayId>GEO::"),
        ] {
            let content = Content::with_tokens(text.as_bytes());
            let seen: String = content
                .pieces()
                .map(|(text_of, token)| {
                    let token = token.map_or_else(String::new, |token| format!("<{token:?}>"));
                    text[text_of].to_owned() + &token
                })
                .collect();
            assert_eq!(seen, expected, "{text}");
            assert_eq!(content.is_literal(), content.pieces().count() == 1);
            assert_eq!(Content::literal(text.as_bytes()).pieces().count(), 1);
        }
    }

    #[test]
    fn a_body_has_a_thousand_tokens_and_not_one_more() {
        for (count, is_good) in [(TOKENS_MAX, true), (TOKENS_MAX + 1, false)] {
            let (value, mut cx) = (Wording("::GEO::".repeat(count)), Context::new("".into()));
            let _ = Content::compile(&Spanned { value, mark: Mark::START, item: 0 }, &mut cx);
            assert_eq!(cx.has_errors(), !is_good, "{count}");
        }
    }
}
