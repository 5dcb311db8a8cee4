//! `lookup_json_string` and `lookup_json_integer`: one value out of a JSON text (RFC 8259), found by walking along keys.
//!
//! The text is read once, from its beginning to its end, and nothing is built of it. It must be valid as a whole: what
//! stands in half a text, or in one that readers may take in different ways, is nothing to decide by.

mod strings;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use self::strings::{decode, is};
use self::text::Text;

/// How deep objects and arrays may lie in each other; what is deeper is not valid here.
pub const DEPTH_MAX: usize = 128;

/// One step of the way to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'k> {
    /// Into an object: the member of this name. Of several, the last, as nearly every reader has it.
    Member(&'k [u8]),
    /// Into an array: the element at this place; 0 is the first.
    Index(u64),
}

/// The string at the end of the way, with its escapes decoded; `None` if there is none, or the text is not valid.
#[must_use]
pub fn string<'t>(text: &'t [u8], keys: &[Key<'_>]) -> Option<Cow<'t, [u8]>> {
    match find(text, keys)? {
        Scalar::String(raw) => Some(decode(raw)),
        Scalar::Number(_) => None,
    }
}

/// The integer at the end of the way; `None` if there is none, the text is not valid, or it is not a plain integer
/// (`42.0` and `42e0` are none) of 64 bits with a sign.
#[must_use]
pub fn integer(text: &[u8], keys: &[Key<'_>]) -> Option<i64> {
    match find(text, keys)? {
        Scalar::String(_) => None,
        // Only digits with a sign come through: a fraction and an exponent are no digits.
        Scalar::Number(raw) => std::str::from_utf8(raw).ok()?.parse().ok(),
    }
}

/// A value that can be asked for, as it is written; a string without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scalar<'t> {
    String(&'t [u8]),
    Number(&'t [u8]),
}

fn find<'t>(text: &'t [u8], keys: &[Key<'_>]) -> Option<Scalar<'t>> {
    // RFC 8259 section 8.1: a byte order mark may be ignored.
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    std::str::from_utf8(text).ok()?;
    let mut walk = Walk { text: Text::new(text), keys, open: Open::default(), until: None, found: None };
    walk.whole()?;
    walk.found
}

/// The objects and arrays that are open.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// A bit for each, the innermost one lowest: whether it is an object.
    objects: u128,
    depth: usize,
    /// How many of them, from the outermost, lie on the way. Keys and open objects go in step: the first key leads into
    /// the outermost one.
    on_way: usize,
}

const _: () = assert!(DEPTH_MAX <= u128::BITS as usize, "each has a bit");

struct Walk<'t, 'k> {
    text: Text<'t>,
    keys: &'k [Key<'k>],
    open: Open,
    /// The innermost one on the way is an array: how many elements are still to come before the one that is meant.
    until: Option<u64>,
    found: Option<Scalar<'t>>,
}

impl<'t> Walk<'t, '_> {
    /// Walks through all of it. `None`: it is not valid.
    fn whole(&mut self) -> Option<()> {
        let mut is_meant = true;
        loop {
            if !self.value(is_meant)? {
                // An object or an array has begun, and is not empty.
                is_meant = self.first()?;
                continue;
            }
            match self.behind_value()? {
                Next::Value { is_meant: next } => is_meant = next,
                Next::End => return Some(()),
            }
        }
    }

    /// Takes a value, or the beginning of one that has others in it: `false`. `is_meant`: the way leads to it or
    /// through it.
    fn value(&mut self, is_meant: bool) -> Option<bool> {
        if is_meant {
            // What the way led to before had the same name.
            self.found = None;
        }
        let is_end = is_meant && self.open.depth == self.keys.len();
        self.text.skip_space();
        match self.text.peek()? {
            b'{' | b'[' => return self.begin(is_meant),
            b'"' => {
                let raw = self.text.string()?;
                if is_end {
                    self.found = Some(Scalar::String(raw));
                }
            }
            b't' => self.text.word(b"true")?,
            b'f' => self.text.word(b"false")?,
            b'n' => self.text.word(b"null")?,
            _ => {
                let raw = self.text.number()?;
                if is_end {
                    self.found = Some(Scalar::Number(raw));
                }
            }
        }
        Some(true)
    }

    /// Opens an object or an array. Whether it is closed again at once.
    fn begin(&mut self, is_meant: bool) -> Option<bool> {
        if self.open.depth == DEPTH_MAX {
            return None;
        }
        let is_object = self.text.take()? == b'{';
        self.open.objects = self.open.objects << 1 | u128::from(is_object);
        if is_meant {
            self.open.on_way = self.open.depth + 1;
            self.until = match self.keys.get(self.open.depth) {
                Some(Key::Index(index)) if !is_object => Some(*index),
                Some(Key::Index(_) | Key::Member(_)) | None => None,
            };
        }
        self.open.depth += 1;
        self.text.skip_space();
        if self.text.peek()? != if is_object { b'}' } else { b']' } {
            return Some(false);
        }
        self.text.take();
        self.close();
        Some(true)
    }

    fn close(&mut self) {
        self.open.objects >>= 1;
        self.open.depth = self.open.depth.saturating_sub(1);
        if self.open.on_way > self.open.depth {
            self.open.on_way = self.open.depth;
            // If what is around it is an array, the one element that was meant has passed.
            self.until = None;
        }
    }

    const fn is_in_object(&self) -> bool {
        self.open.objects & 1 == 1
    }

    /// Before the first member or element. Whether it is meant.
    fn first(&mut self) -> Option<bool> {
        if self.is_in_object() { self.member() } else { Some(self.element()) }
    }

    /// Takes what stands between two values, and the ends of objects and arrays.
    fn behind_value(&mut self) -> Option<Next> {
        loop {
            self.text.skip_space();
            if self.open.depth == 0 {
                return self.text.is_at_end().then_some(Next::End);
            }
            match (self.text.take()?, self.is_in_object()) {
                (b',', _) => {
                    self.text.skip_space();
                    return Some(Next::Value { is_meant: self.first()? });
                }
                (b'}', true) | (b']', false) => self.close(),
                _ => return None,
            }
        }
    }

    /// Takes a member's name and colon. Whether the way leads to it.
    fn member(&mut self) -> Option<bool> {
        self.text.skip_space();
        let name = self.text.string()?;
        self.text.skip_space();
        (self.text.take()? == b':').then_some(())?;
        Some(match self.key() {
            Some(Key::Member(key)) => is(name, key),
            Some(Key::Index(_)) | None => false,
        })
    }

    /// Counts an element. Whether the way leads to it.
    fn element(&mut self) -> bool {
        if self.key().is_none() {
            return false;
        }
        let is_meant = self.until == Some(0);
        self.until = self.until.and_then(|until| until.checked_sub(1));
        is_meant
    }

    /// The key that says what is meant in the innermost of what is open, if that lies on the way.
    fn key(&self) -> Option<Key<'_>> {
        let is_on_way = self.open.on_way == self.open.depth;
        self.keys.get(self.open.depth.checked_sub(1)?).copied().filter(|_| is_on_way)
    }
}

/// What comes behind a value.
enum Next {
    Value { is_meant: bool },
    End,
}
