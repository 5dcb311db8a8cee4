//! The fields of one head, in one arena. A head is copied once from the wire (a few hundred bytes) and
//! never again: a field is two ranges into the arena, and both arena and list keep their capacity from
//! one exchange to the next.

use crate::known::Known;

/// A range of a head's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

impl Span {
    /// A span of `len` bytes from `start`. Heads are bounded far below 4 GiB.
    #[must_use]
    pub const fn new(start: usize, len: usize) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a head is at most head_bytes_max")]
        Self { start: start as u32, len: len as u32 }
    }

    /// Whether it covers nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// One field, as ranges into the arena of its head.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name as it came.
    pub name: Span,
    /// The value without surrounding whitespace.
    pub value: Span,
    /// Which name it is.
    pub known: Known,
    /// Belongs to this connection only: by its name, or because `Connection` names it.
    pub hop_by_hop: bool,
    /// Its sender wants it never to be in a compression table, here or later (RFC 7541 section 6.2.3).
    pub never_indexed: bool,
}

/// One field, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// The name as it came.
    pub name: &'a [u8],
    /// The value without surrounding whitespace.
    pub value: &'a [u8],
    /// Which name it is.
    pub known: Known,
    /// Belongs to this connection only.
    pub hop_by_hop: bool,
    /// Its sender wants it never to be in a compression table.
    pub never_indexed: bool,
}

/// The arena and the list of fields.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    arena: Vec<u8>,
    list: Vec<Field>,
}

impl Fields {
    /// Empties both, keeping their capacity up to `keep_bytes` so that one huge head does not stay.
    pub fn clear(&mut self, keep_bytes: usize) {
        self.arena.clear();
        self.list.clear();
        if self.arena.capacity() > keep_bytes {
            self.arena.shrink_to(keep_bytes);
        }
    }

    /// Copies bytes to the end of the arena and says where they are.
    pub fn store(&mut self, bytes: &[u8]) -> Span {
        let span = Span::new(self.arena.len(), bytes.len());
        self.arena.extend_from_slice(bytes);
        span
    }

    /// The bytes of a span that this arena handed out; empty for a foreign one.
    #[must_use]
    pub fn bytes(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        self.arena.get(start..start + span.len as usize).unwrap_or_default()
    }

    /// Adds a field whose name and value are in the arena already.
    pub fn push(&mut self, field: Field) {
        self.list.push(field);
    }

    /// Copies a field in. For parts of a head that did not come as one piece of text.
    pub fn append(&mut self, name: &[u8], value: &[u8]) {
        let known = Known::from_name(name);
        let (name, value) = (self.store(name), self.store(value));
        self.list.push(Field { name, value, known, hop_by_hop: known.is_hop_by_hop(), never_indexed: false });
    }

    /// Copies a field in as the line that HTTP/1 would write, `name: value` with its end: a head that came in another
    /// protocol is then passed on, and counted, as if it had come in that.
    #[inline]
    pub fn append_line(&mut self, field: FieldRef<'_>) {
        let FieldRef { name, value, known, hop_by_hop, never_indexed } = field;
        let start = self.arena.len();
        self.arena.reserve(name.len() + value.len() + 4);
        self.arena.extend_from_slice(name);
        self.arena.extend_from_slice(b": ");
        self.arena.extend_from_slice(value);
        self.arena.extend_from_slice(b"\r\n");
        let name = Span::new(start, name.len());
        let value = Span::new(start + 2 + name.len as usize, value.len());
        self.list.push(Field { name, value, known, hop_by_hop, never_indexed });
    }

    /// Appends to the value of the last field; `false` if it is none that [`Self::append_line`] put at the end of the
    /// arena.
    pub fn extend_last_line(&mut self, between: &[u8], more: &[u8]) -> bool {
        let Some(last) = self.list.last_mut() else { return false };
        let value_end = last.value.start as usize + last.value.len as usize;
        if self.arena.get(value_end..) != Some(b"\r\n") {
            return false;
        }
        self.arena.truncate(value_end);
        self.arena.extend_from_slice(between);
        self.arena.extend_from_slice(more);
        last.value = Span::new(last.value.start as usize, self.arena.len() - last.value.start as usize);
        self.arena.extend_from_slice(b"\r\n");
        true
    }

    /// Makes one field of all that have a known name, where the first of them stands.
    pub fn join(&mut self, known: Known, between: &[u8]) {
        let mut values = self.list.iter().filter(|field| field.known == known).map(|field| field.value);
        let Some(first) = values.next() else { return };
        let rest: Vec<Span> = values.collect();
        if rest.is_empty() {
            return;
        }
        let name = self.store(known.name());
        self.store(b": ");
        let start = self.arena.len();
        for (number, value) in std::iter::once(first).chain(rest).enumerate() {
            if number > 0 {
                self.store(between);
            }
            let end = (value.start as usize + value.len as usize).min(self.arena.len());
            self.arena.extend_from_within((value.start as usize).min(end)..end);
        }
        let value = Span::new(start, self.arena.len() - start);
        self.store(b"\r\n");
        let never_indexed = self.list.iter().any(|field| field.known == known && field.never_indexed);
        let mut is_first = true;
        self.list.retain_mut(|field| {
            if field.known != known {
                return true;
            }
            (field.name, field.value, field.never_indexed) = (name, value, never_indexed);
            std::mem::take(&mut is_first)
        });
    }

    /// Gives back the memory that is not used, before it is kept for long.
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        self.arena.shrink_to_fit();
        self.list.shrink_to_fit();
        self
    }

    /// How many bytes the arena holds.
    #[must_use]
    pub const fn bytes_held(&self) -> usize {
        self.arena.len()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Every field in the order in which it came.
    pub fn iter(&self) -> impl Iterator<Item = FieldRef<'_>> {
        self.list.iter().map(|field| self.resolve(*field))
    }

    /// The raw list.
    #[must_use]
    pub fn list(&self) -> &[Field] {
        &self.list
    }

    /// Marks every field whose name is, whatever its case, the text of this span of the arena.
    pub fn mark_hop_by_hop(&mut self, name: Span) {
        let text = |span: Span| {
            let start = span.start as usize;
            self.arena.get(start..start + span.len as usize).unwrap_or_default()
        };
        let name = text(name);
        for field in self.list.iter_mut().filter(|field| text(field.name).eq_ignore_ascii_case(name)) {
            field.hop_by_hop = true;
        }
    }

    /// The raw list, for code that marks fields.
    pub const fn list_mut(&mut self) -> &mut Vec<Field> {
        &mut self.list
    }

    /// Every value of one known name, in order.
    pub fn values(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.list.iter().filter(move |f| f.known == known).map(|f| self.bytes(f.value))
    }

    /// The first value of one known name.
    #[must_use]
    pub fn first(&self, known: Known) -> Option<&[u8]> {
        self.values(known).next()
    }

    /// Whether a field of that name is there.
    #[must_use]
    pub fn has(&self, known: Known) -> bool {
        self.list.iter().any(|f| f.known == known)
    }

    fn resolve(&self, field: Field) -> FieldRef<'_> {
        FieldRef {
            name: self.bytes(field.name),
            value: self.bytes(field.value),
            known: field.known,
            hop_by_hop: field.hop_by_hop,
            never_indexed: field.never_indexed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_are_found_by_name() {
        let mut fields = Fields::default();
        fields.append(b"Set-Cookie", b"a=1");
        fields.append(b"X-Any", b"x");
        fields.append(b"set-cookie", b"b=2");
        let cookies: Vec<&[u8]> = fields.values(Known::SetCookie).collect();
        assert_eq!(cookies, [b"a=1".as_slice(), b"b=2"]);
        let names: Vec<&[u8]> = fields.iter().map(|f| f.name).collect();
        assert_eq!(names, [b"Set-Cookie".as_slice(), b"X-Any", b"set-cookie"]);
    }

    #[test]
    fn clearing_gives_back_what_one_huge_head_took() {
        let mut fields = Fields::default();
        fields.append(b"x-big", &vec![b'v'; 100_000]);
        fields.clear(4096);
        assert!(fields.arena.capacity() < 100_000 && fields.is_empty());
    }

    #[test]
    fn a_name_in_the_arena_marks_its_fields() {
        let mut fields = Fields::default();
        fields.append(b"X-Any", b"x");
        fields.append(b"X-Other", b"y");
        let name = fields.store(b"x-any");
        fields.mark_hop_by_hop(name);
        let marks: Vec<bool> = fields.iter().map(|f| f.hop_by_hop).collect();
        assert_eq!(marks, [true, false]);
    }

    #[test]
    fn lines_stand_in_the_arena_as_text_and_the_last_can_grow() {
        let mut fields = Fields::default();
        let line =
            |name, value, known| FieldRef { name, value, known, hop_by_hop: false, never_indexed: false };
        assert!(!fields.extend_last_line(b"; ", b"x"));
        fields.append_line(line(b"cookie", b"a=1", Known::Cookie));
        assert!(fields.extend_last_line(b"; ", b"b=2"));
        fields.append_line(line(b"x-any", b"", Known::Other));
        assert_eq!(fields.arena, b"cookie: a=1; b=2\r\nx-any: \r\n");
        assert_eq!(fields.first(Known::Cookie), Some(b"a=1; b=2".as_slice()));
        fields.store(b"z");
        assert!(!fields.extend_last_line(b"; ", b"c=3"));
    }

    #[test]
    fn fields_of_one_name_are_joined_where_the_first_stands() {
        let mut fields = Fields::default();
        fields.append(b"x-a", b"1");
        fields.append(b"Cookie", b"a=1");
        fields.append(b"x-b", b"2");
        fields.append(b"cookie", b"b=2");
        fields.append(b"cookie", b"c=3");
        fields.join(Known::Cookie, b"; ");
        fields.join(Known::Accept, b", ");
        let all: Vec<(&[u8], &[u8])> = fields.iter().map(|f| (f.name, f.value)).collect();
        assert_eq!(all, [(&b"x-a"[..], &b"1"[..]), (b"cookie", b"a=1; b=2; c=3"), (b"x-b", b"2")]);
    }

    #[test]
    fn a_foreign_span_reads_as_nothing() {
        assert_eq!(Fields::default().bytes(Span::new(5, 10)), b"");
    }
}
