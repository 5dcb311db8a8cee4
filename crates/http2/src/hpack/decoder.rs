//! Reading header blocks (RFC 7541 sections 3 and 6).

use rempart_flow::bytes::text_len;

use super::static_table::{self, StaticEntry};
use super::table::Table;
use super::{Error, Token, huffman, integer};

/// One field, as the decoder hands it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// What its name is.
    pub token: Token,
    /// Its name.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// Whether the value may be one: no control byte but tabs, no space and no tab around it (RFC 9113 section
    /// 8.2.1, RFC 9110 section 5.5).
    pub is_text: bool,
    /// Whether its sender wants it never to be in a table (RFC 7541 section 6.2.3).
    pub never_indexed: bool,
}

/// Takes the fields of a block, in their order. A block has at most as many as it has bytes, and each is at most as
/// long as the table or the block: whoever has enough lets the rest pass.
pub trait Sink {
    /// The next field.
    fn field(&mut self, field: Decoded<'_>);
}

/// Reads the header blocks of one connection, all of them in their order.
#[derive(Debug)]
pub struct Decoder {
    table: Table<Facts>,
    /// What was announced: the table's own bound is at most that.
    table_bytes_max: usize,
}

/// What is remembered of an entry.
#[derive(Clone, Copy, Debug)]
struct Facts {
    token: Token,
    is_text: bool,
}

/// What becomes of a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Literal {
    Indexed,
    NotIndexed,
    NeverIndexed,
}

impl Decoder {
    /// A decoder whose table has so many bytes: as many as were announced in `SETTINGS_HEADER_TABLE_SIZE`, or
    /// [`super::TABLE_BYTES_DEFAULT`]. Memory is taken as it is used, up to twice that.
    #[must_use]
    pub const fn new(table_bytes_max: usize) -> Self {
        Self { table: Table::new(table_bytes_max), table_bytes_max }
    }

    /// The peer has acknowledged another `SETTINGS_HEADER_TABLE_SIZE`. If it is lower, its next block has to begin
    /// with a size update (RFC 9113 section 4.3.1).
    pub const fn set_table_bytes_max(&mut self, bytes: usize) {
        self.table_bytes_max = bytes;
    }

    /// Reads a whole header block, that of all its frames together.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn decode<S: Sink>(&mut self, block: &[u8], sink: &mut S) -> Result<(), Error> {
        let mut rest = self.size_updates(block)?;
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            match first {
                0x80.. => {
                    let index = integer::read(first, 7, &mut rest)?;
                    self.indexed(index, sink)?;
                }
                0x40..0x80 => self.literal(first, 6, &mut rest, Literal::Indexed, sink)?,
                0x20..0x40 => return Err(Error::SizeUpdateLate),
                0x10..0x20 => self.literal(first, 4, &mut rest, Literal::NeverIndexed, sink)?,
                0x00..0x10 => self.literal(first, 4, &mut rest, Literal::NotIndexed, sink)?,
            }
        }
        self.table.settle();
        Ok(())
    }

    /// Reads a block that nobody wants, for the sake of the table: one of a stream that is refused or closed.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn discard(&mut self, block: &[u8]) -> Result<(), Error> {
        self.decode(block, &mut Nobody)
    }

    /// Bytes of memory that the table holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.table.held_bytes()
    }

    /// Reads the size updates that a block begins with (RFC 7541 section 6.3).
    fn size_updates<'a>(&mut self, block: &'a [u8]) -> Result<&'a [u8], Error> {
        let mut rest = block;
        while let [first @ 0x20..0x40, after @ ..] = rest {
            rest = after;
            let bytes = integer::read(*first, 5, &mut rest)?;
            if bytes > self.table_bytes_max {
                return Err(Error::SizeUpdateTooLarge);
            }
            self.table.set_bytes_max(bytes);
        }
        if self.table.bytes_max() > self.table_bytes_max { Err(Error::SizeUpdateMissing) } else { Ok(rest) }
    }

    #[inline]
    fn indexed<S: Sink>(&self, index: usize, sink: &mut S) -> Result<(), Error> {
        if let Some(&StaticEntry { token, name, value }) = static_table::entry(index) {
            sink.field(Decoded { token, name, value, is_text: true, never_indexed: false });
            return Ok(());
        }
        let found = self.table.get(dynamic(index)?).ok_or(Error::Index)?;
        let Facts { token, is_text } = found.facts;
        sink.field(Decoded { token, name: found.name, value: found.value, is_text, never_indexed: false });
        Ok(())
    }

    #[inline]
    fn literal<S: Sink>(
        &mut self,
        first: u8,
        prefix_bits: u32,
        rest: &mut &[u8],
        literal: Literal,
        sink: &mut S,
    ) -> Result<(), Error> {
        let index = integer::read(first, prefix_bits, rest)?;
        let name = if index == 0 { Name::Text(Text::read(rest)?) } else { Name::Index(index) };
        let value = Text::read(rest)?;
        if literal == Literal::Indexed || value.is_packed || name.is_packed() {
            return self.literal_by_table(name, value, literal, sink);
        }
        let (token, name) = match name {
            Name::Text(text) => (Token::from_name(text.bytes), text.bytes),
            Name::Index(index) => match static_table::entry(index) {
                Some(entry) => (entry.token, entry.name),
                None => {
                    let found = self.table.get(dynamic(index)?).ok_or(Error::Index)?;
                    (found.facts.token, found.name)
                }
            },
        };
        let never_indexed = literal == Literal::NeverIndexed;
        sink.field(Decoded { token, name, value: value.bytes, is_text: is_text(value.bytes), never_indexed });
        Ok(())
    }

    /// A literal that has to be unpacked, or is to be in the table: it is written behind the table's text.
    fn literal_by_table<S: Sink>(
        &mut self,
        name: Name<'_>,
        value: Text<'_>,
        literal: Literal,
        sink: &mut S,
    ) -> Result<(), Error> {
        let start = self.table.begin();
        let token = match name {
            Name::Text(text) => {
                text.append_to(self.table.text())?;
                Token::from_name(self.table.pending(start))
            }
            Name::Index(index) => match static_table::entry(index) {
                Some(entry) => {
                    self.table.text().extend_from_slice(entry.name);
                    entry.token
                }
                None => self.table.copy_name(dynamic(index)?).ok_or(Error::Index)?.token,
            },
        };
        let name_len = self.table.pending(start).len();
        value.append_to(self.table.text())?;
        let (name, value) = self.table.pending(start).split_at_checked(name_len).unwrap_or_default();
        let is_text = is_text(value);
        let never_indexed = literal == Literal::NeverIndexed;
        sink.field(Decoded { token, name, value, is_text, never_indexed });
        match literal {
            Literal::Indexed => self.table.commit(start, name_len, Facts { token, is_text }),
            Literal::NotIndexed | Literal::NeverIndexed => self.table.cut(start),
        }
        Ok(())
    }
}

/// The number of an entry of the dynamic table.
#[inline]
const fn dynamic(index: usize) -> Result<usize, Error> {
    match index.checked_sub(1 + static_table::LEN) {
        Some(number) => Ok(number),
        None => Err(Error::Index),
    }
}

enum Name<'a> {
    Text(Text<'a>),
    Index(usize),
}

impl Name<'_> {
    const fn is_packed(&self) -> bool {
        matches!(self, Self::Text(Text { is_packed: true, .. }))
    }
}

/// A string literal as it stands in the block (RFC 7541 section 5.2).
#[derive(Clone, Copy)]
struct Text<'a> {
    is_packed: bool,
    bytes: &'a [u8],
}

impl<'a> Text<'a> {
    #[inline]
    fn read(rest: &mut &'a [u8]) -> Result<Self, Error> {
        let (&first, after) = rest.split_first().ok_or(Error::Truncated)?;
        *rest = after;
        let len = integer::read(first, 7, rest)?;
        let (bytes, after) = rest.split_at_checked(len).ok_or(Error::Truncated)?;
        *rest = after;
        Ok(Self { is_packed: first & 0x80 != 0, bytes })
    }

    fn append_to(self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.is_packed {
            huffman::decode(self.bytes, out)
        } else {
            out.extend_from_slice(self.bytes);
            Ok(())
        }
    }
}

#[inline]
fn is_text(value: &[u8]) -> bool {
    let is_bare = !matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']);
    is_bare && text_len(value) == value.len()
}

struct Nobody;

impl Sink for Nobody {
    fn field(&mut self, _: Decoded<'_>) {}
}
