//! Dictionaries of structured fields (RFC 8941 sections 3.2 and 4.2.2): read strictly, for a field that does not
//! parse counts as not there.

/// The value of a member. Of what no directive has, only that it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Boolean(bool),
    Integer(i64),
    String(Vec<u8>),
    Token(Vec<u8>),
    /// A decimal, bytes or a list.
    Other,
}

/// The members in order; of two with one key the later takes the place of the earlier (section 3.2), which is for
/// whoever reads them. `None`: it does not parse.
/// Parameters are checked and left out.
pub(super) fn dictionary(text: &[u8]) -> Option<Vec<(&[u8], Item)>> {
    let mut members: Vec<(&[u8], Item)> = Vec::new();
    let mut rest = Rest(text);
    rest.skip(b" ");
    while !rest.0.is_empty() {
        let key = rest.key()?;
        let item = if rest.take(b'=') { rest.member()? } else { Item::Boolean(true) };
        rest.parameters()?;
        members.push((key, item));
        rest.skip(b" \t");
        if rest.0.is_empty() {
            break;
        }
        if !rest.take(b',') {
            return None;
        }
        rest.skip(b" \t");
        if rest.0.is_empty() {
            // A comma at the end.
            return None;
        }
    }
    // Spaces at the end are the field's own (section 4.2); they were cut off where the field was read.
    Some(members)
}

/// Digits of an integer (section 3.3.1).
const INTEGER_DIGITS_MAX: usize = 15;
/// Digits of a decimal before and after its point (section 3.3.2).
const DECIMAL_DIGITS_MAX: (usize, usize) = (12, 3);

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((&first, rest)) if first == byte => {
                self.0 = rest;
                true
            }
            Some(_) | None => false,
        }
    }

    fn skip(&mut self, bytes: &[u8]) {
        self.while_in(|byte| bytes.contains(&byte));
    }

    fn while_in(&mut self, is_in: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self.0.iter().position(|&byte| !is_in(byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(len).unwrap_or_default();
        self.0 = rest;
        taken
    }

    /// Section 4.2.3.3.
    fn key(&mut self) -> Option<&'a [u8]> {
        self.0.first().filter(|byte| byte.is_ascii_lowercase() || **byte == b'*')?;
        Some(
            self.while_in(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
            }),
        )
    }

    /// Section 4.2.1.1: an item or an inner list.
    fn member(&mut self) -> Option<Item> {
        if !self.take(b'(') {
            return self.bare_item();
        }
        loop {
            self.skip(b" ");
            if self.take(b')') {
                return Some(Item::Other);
            }
            self.bare_item()?;
            self.parameters()?;
            if !matches!(self.0.first(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    /// Section 4.2.3.2.
    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            self.skip(b" ");
            self.key()?;
            if self.take(b'=') {
                self.bare_item()?;
            }
        }
        Some(())
    }

    /// Section 4.2.3.1.
    fn bare_item(&mut self) -> Option<Item> {
        match self.0.first()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string(),
            b'?' => {
                self.take(b'?');
                if self.take(b'1') {
                    return Some(Item::Boolean(true));
                }
                self.take(b'0').then_some(Item::Boolean(false))
            }
            b':' => {
                self.take(b':');
                self.while_in(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.take(b':').then_some(Item::Other)
            }
            byte if byte.is_ascii_alphabetic() || *byte == b'*' => {
                let token = self
                    .while_in(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte));
                Some(Item::Token(token.to_vec()))
            }
            _ => None,
        }
    }

    /// Section 4.2.4.
    fn number(&mut self) -> Option<Item> {
        let is_negative = self.take(b'-');
        let digits = self.while_in(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return None;
        }
        if self.take(b'.') {
            let fraction = self.while_in(|byte| byte.is_ascii_digit());
            let (whole_max, fraction_max) = DECIMAL_DIGITS_MAX;
            let fits = digits.len() <= whole_max && (1..=fraction_max).contains(&fraction.len());
            return fits.then_some(Item::Other);
        }
        if digits.len() > INTEGER_DIGITS_MAX {
            return None;
        }
        let number = digits.iter().fold(0_i64, |number, byte| number * 10 + i64::from(byte - b'0'));
        Some(Item::Integer(if is_negative { -number } else { number }))
    }

    /// Section 4.2.5.
    fn string(&mut self) -> Option<Item> {
        self.take(b'"');
        let mut text = Vec::new();
        loop {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            match byte {
                b'"' => return Some(Item::String(text)),
                b'\\' => {
                    let (&escaped, rest) = self.0.split_first()?;
                    self.0 = rest;
                    if !matches!(escaped, b'"' | b'\\') {
                        return None;
                    }
                    text.push(escaped);
                }
                b' '..=b'~' => text.push(byte),
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_dictionary() {
        let token = |text: &str| Item::Token(text.as_bytes().to_vec());
        let string = |text: &str| Item::String(text.as_bytes().to_vec());
        for (text, members) in [
            ("", vec![]),
            ("   ", vec![]),
            ("a", vec![("a", Item::Boolean(true))]),
            ("a=?0, b=?1", vec![("a", Item::Boolean(false)), ("b", Item::Boolean(true))]),
            ("max-age=60", vec![("max-age", Item::Integer(60))]),
            ("a=-5 ,\tb", vec![("a", Item::Integer(-5)), ("b", Item::Boolean(true))]),
            ("a=999999999999999", vec![("a", Item::Integer(999_999_999_999_999))]),
            ("a=1.5", vec![("a", Item::Other)]),
            ("a=x/y:z", vec![("a", token("x/y:z"))]),
            ("a=*x", vec![("a", token("*x"))]),
            ("a=\"b, \\\"c\\\\\"", vec![("a", string("b, \"c\\"))]),
            ("a=:aGk=:", vec![("a", Item::Other)]),
            ("a=(1 \"b\";x=1 c), b", vec![("a", Item::Other), ("b", Item::Boolean(true))]),
            ("a=();x", vec![("a", Item::Other)]),
            ("a=1;foo;bar=\"x\"; baz=?0", vec![("a", Item::Integer(1))]),
            ("a;foo=1.5", vec![("a", Item::Boolean(true))]),
            (
                "a=1, b, a=2",
                vec![("a", Item::Integer(1)), ("b", Item::Boolean(true)), ("a", Item::Integer(2))],
            ),
            ("*a.b_c-d", vec![("*a.b_c-d", Item::Boolean(true))]),
        ] {
            let expected: Vec<(&[u8], Item)> =
                members.into_iter().map(|(key, item): (&str, Item)| (key.as_bytes(), item)).collect();
            assert_eq!(dictionary(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            ",",
            "a,",
            "a, ",
            ",a",
            "a,,b",
            "a b",
            "A",
            "aB",
            "Max-Age=1",
            "a =1",
            "a= 1",
            "a=",
            "a=;b",
            "1",
            "=1",
            "a=1000000000000000",
            "a=1.",
            "a=1.1234",
            "a=.5",
            "a=-",
            "a=--1",
            "a=+1",
            "a=1a",
            "a='1'",
            "a=\"b",
            "a=\"b\\c\"",
            "a=\"b\\",
            "a=\"\u{e9}\"",
            "a=?2",
            "a=?",
            "a=:b",
            "a=:b*:",
            "a=(1",
            "a=(1,2)",
            "a=(1\"b\")",
            "a;",
            "a;B",
            "a;b=",
            "a=@1659578233",
            "a\tb",
            "\ta",
            "a=1 ;b",
            "a=1234567890123.1",
            "&&&&",
        ] {
            assert_eq!(dictionary(text.as_bytes()), None, "{text}");
        }
    }
}
