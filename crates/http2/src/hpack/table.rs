//! The dynamic table (RFC 7541 section 2.3.2).

use std::collections::VecDeque;

/// What an entry counts beside its text (RFC 7541 section 4.1).
const ENTRY_OVERHEAD_BYTES: usize = 32;

/// A dynamic table. `T` is what its owner remembers of each entry.
///
/// The texts of all entries stand one after the other in one buffer, the oldest first; behind them whoever adds a
/// field writes its text, which then either becomes an entry or is cut off again. What evicted entries leave at the
/// front is taken away once it is worth the move.
#[derive(Debug)]
pub(super) struct Table<T> {
    text: Vec<u8>,
    /// The position at which `text` begins. Positions only rise, and wrap.
    base: u32,
    /// The newest first.
    entries: VecDeque<Entry<T>>,
    /// As RFC 7541 counts it.
    bytes: usize,
    bytes_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    position: u32,
    name_len: u32,
    value_len: u32,
    facts: T,
}

impl<T> Entry<T> {
    const fn text_len(&self) -> usize {
        self.name_len as usize + self.value_len as usize
    }

    const fn bytes(&self) -> usize {
        self.text_len() + ENTRY_OVERHEAD_BYTES
    }
}

/// An entry, resolved.
pub(super) struct Found<'a, T> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) facts: T,
}

impl<T: Copy> Table<T> {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self { text: Vec::new(), base: 0, entries: VecDeque::new(), bytes: 0, bytes_max }
    }

    /// As RFC 7541 counts it.
    pub(super) const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Bytes of memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<Entry<T>>()
    }

    /// Sets another bound, and evicts what is above it.
    pub(super) fn set_bytes_max(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
        self.evict_for(0);
    }

    /// The newest has number 0.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<Found<'_, T>> {
        let entry = self.entries.get(number)?;
        let text = self.text.get(self.offset(entry)..)?;
        let (name, rest) = text.split_at_checked(entry.name_len as usize)?;
        Some(Found { name, value: rest.get(..entry.value_len as usize)?, facts: entry.facts })
    }

    /// The facts of all entries, the newest first.
    pub(super) fn facts(&self) -> impl Iterator<Item = T> {
        self.entries.iter().map(|entry| entry.facts)
    }

    /// Where the text of the next entry begins: its writer appends name and value to [`Self::text`].
    pub(super) fn begin(&mut self) -> usize {
        let dead = self.entries.back().map_or(self.text.len(), |oldest| self.offset(oldest));
        // Each byte is moved a few times in its life, and a quarter of the bound is the most that lies idle.
        if dead > self.bytes_max / 4 {
            self.text.drain(..dead);
            self.base = self.base.wrapping_add(position(dead));
        }
        self.text.len()
    }

    pub(super) const fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// The text that stands there from `start` on.
    pub(super) fn pending(&self, start: usize) -> &[u8] {
        self.text.get(start..).unwrap_or_default()
    }

    /// Copies the name of an entry behind all text.
    pub(super) fn copy_name(&mut self, number: usize) -> Option<T> {
        let entry = self.entries.get(number)?;
        let (start, facts) = (self.offset(entry), entry.facts);
        self.text.extend_from_within(start..start + entry.name_len as usize);
        Some(facts)
    }

    /// Makes an entry of the text from `start` on. One that is larger than the table empties it (RFC 7541 section
    /// 4.4).
    pub(super) fn commit(&mut self, start: usize, name_len: usize, facts: T) {
        let text_len = self.text.len() - start;
        let entry = Entry {
            position: self.base.wrapping_add(position(start)),
            name_len: position(name_len),
            value_len: position(text_len - name_len),
            facts,
        };
        self.evict_for(entry.bytes());
        if entry.bytes() > self.bytes_max {
            self.cut(start);
        } else {
            self.bytes += entry.bytes();
            self.entries.push_front(entry);
        }
    }

    /// Takes the text from `start` on away.
    pub(super) fn cut(&mut self, start: usize) {
        self.text.truncate(start);
    }

    /// Gives memory back that one long text has taken.
    #[inline]
    pub(super) fn settle(&mut self) {
        if self.text.capacity() > 2 * self.bytes_max {
            self.give_back();
        }
    }

    #[cold]
    fn give_back(&mut self) {
        self.begin();
        self.text.shrink_to(self.bytes_max);
    }

    fn evict_for(&mut self, bytes: usize) {
        while self.bytes + bytes > self.bytes_max {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.bytes -= oldest.bytes();
        }
    }

    const fn offset(&self, entry: &Entry<T>) -> usize {
        entry.position.wrapping_sub(self.base) as usize
    }
}

/// A table and the block that is being read are far below 4 GiB together; a position may wrap.
#[expect(clippy::cast_possible_truncation, reason = "positions wrap, lengths are bounded by their block")]
const fn position(len: usize) -> u32 {
    len as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(table: &mut Table<usize>, name: &[u8], value: &[u8], facts: usize) {
        let start = table.begin();
        table.text().extend_from_slice(name);
        table.text().extend_from_slice(value);
        table.commit(start, name.len(), facts);
    }

    #[test]
    fn entries_are_found_by_age_and_evicted_by_size() {
        let mut table = Table::new(3 * (32 + 4));
        for number in 0..100_000 {
            add(&mut table, b"ab", format!("{:02}", number % 100).as_bytes(), number);
            for age in 0..4 {
                let found =
                    table.get(age).map(|found| (found.name.to_vec(), found.value.to_vec(), found.facts));
                let expected = number.checked_sub(age).filter(|_| age < 3);
                let expected = expected.map(|n| (b"ab".to_vec(), format!("{:02}", n % 100).into_bytes(), n));
                assert_eq!(found, expected);
            }
        }
        assert!(table.text.capacity() < 128, "{}", table.text.capacity());
    }

    #[test]
    fn the_bound_is_exact_and_an_entry_above_it_empties_the_table() {
        let mut table = Table::new(100);
        add(&mut table, b"n", &[b'v'; 33], 1);
        add(&mut table, b"n", b"v", 2);
        assert_eq!((table.bytes, table.entries.len()), (100, 2));
        add(&mut table, b"n", &[b'v'; 67], 3);
        assert_eq!((table.bytes, table.entries.len()), (100, 1));
        add(&mut table, b"n", &[b'v'; 68], 4);
        assert_eq!((table.bytes, table.entries.len()), (0, 0));
        add(&mut table, b"n", b"v", 5);
        table.set_bytes_max(34);
        assert_eq!(table.entries.len(), 1);
        table.set_bytes_max(33);
        assert_eq!(table.entries.len(), 0);
    }

    #[test]
    fn one_long_text_does_not_stay() {
        let mut table = Table::new(4096);
        add(&mut table, b"n", &vec![b'v'; 1_000_000], 1);
        table.settle();
        assert!(table.text.capacity() <= 4096);
    }
}
