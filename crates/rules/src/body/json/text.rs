//! The words of a JSON text: each is taken if it is valid.

use memchr::memchr2;

/// A text of which something was taken.
pub(super) struct Text<'t> {
    left: &'t [u8],
}

impl<'t> Text<'t> {
    pub(super) const fn new(text: &'t [u8]) -> Self {
        Self { left: text }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.left.first().copied()
    }

    pub(super) fn take(&mut self) -> Option<u8> {
        let (first, left) = self.left.split_first()?;
        self.left = left;
        Some(*first)
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', left @ ..] = self.left {
            self.left = left;
        }
    }

    /// Takes `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &[u8]) -> Option<()> {
        self.left = self.left.strip_prefix(word)?;
        Some(())
    }

    /// Takes a string (RFC 8259 section 7); answers what stands between its quotes.
    pub(super) fn string(&mut self) -> Option<&'t [u8]> {
        (self.take()? == b'"').then_some(())?;
        let whole = self.left;
        loop {
            let (plain, rest) = self.left.split_at_checked(memchr2(b'"', b'\\', self.left)?)?;
            if plain.iter().any(|byte| *byte < b' ') {
                return None;
            }
            self.left = rest;
            if self.take()? == b'"' {
                return whole.get(..whole.len() - self.left.len() - 1);
            }
            self.escape()?;
        }
    }

    /// Takes what follows a backslash. Half a pair of surrogates is no character: readers make different things of it.
    fn escape(&mut self) -> Option<()> {
        match self.take()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => match self.hex()? {
                0xD800..=0xDBFF => {
                    self.left = self.left.strip_prefix(b"\\u")?;
                    matches!(self.hex()?, 0xDC00..=0xDFFF).then_some(())
                }
                0xDC00..=0xDFFF => None,
                _ => Some(()),
            },
            _ => None,
        }
    }

    fn hex(&mut self) -> Option<u16> {
        let (digits, left) = self.left.split_first_chunk::<4>()?;
        self.left = left;
        super::strings::hex(*digits)
    }

    /// Takes a number (RFC 8259 section 6); answers it as it is written.
    pub(super) fn number(&mut self) -> Option<&'t [u8]> {
        let whole = self.left;
        self.skip_one(b"-");
        if !self.skip_one(b"0") {
            self.digits()?;
        }
        if self.skip_one(b".") {
            self.digits()?;
        }
        if self.skip_one(b"eE") {
            self.skip_one(b"+-");
            self.digits()?;
        }
        whole.get(..whole.len() - self.left.len())
    }

    fn skip_one(&mut self, of: &[u8]) -> bool {
        let is_one = self.peek().is_some_and(|byte| of.contains(&byte));
        if is_one {
            self.take();
        }
        is_one
    }

    /// Takes one digit or more.
    fn digits(&mut self) -> Option<()> {
        let count = self.left.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.left = self.left.get(count..)?;
        (count > 0).then_some(())
    }
}
