//! Another decoder, as simple as can be, which has to read the same.

use super::super::{huffman, static_table};
use super::List;

pub(super) struct Naive {
    pub(super) table: List,
    pub(super) bytes_max: usize,
    pub(super) announced: usize,
}

impl Naive {
    pub(super) fn decode(&mut self, mut block: &[u8]) -> Option<List> {
        let mut fields = List::new();
        let rest = &mut block;
        let mut may_update = true;
        while let Some(&first) = rest.first() {
            if first & 0b1110_0000 == 0b0010_0000 {
                let bytes = integer(rest, 5)?;
                if !may_update || bytes > self.announced {
                    return None;
                }
                self.bytes_max = bytes;
                self.evict();
                continue;
            }
            may_update = false;
            if first & 0b1000_0000 != 0 {
                let index = integer(rest, 7)?;
                fields.push(self.entry(index)?);
                continue;
            }
            let is_added = first & 0b0100_0000 != 0;
            let index = integer(rest, if is_added { 6 } else { 4 })?;
            let name = if index == 0 { string(rest)? } else { self.entry(index)?.0 };
            let field = (name, string(rest)?);
            fields.push(field.clone());
            if is_added {
                self.table.insert(0, field);
                self.evict();
            }
        }
        Some(fields)
    }

    fn entry(&self, index: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        match static_table::entry(index) {
            Some(entry) => Some((entry.name.into(), entry.value.into())),
            None => self.table.get(index.checked_sub(62)?).cloned(),
        }
    }

    fn evict(&mut self) {
        while self.table.iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>()
            > self.bytes_max
        {
            self.table.pop();
        }
    }
}

fn integer(rest: &mut &[u8], prefix_bits: u32) -> Option<usize> {
    let mask = (1_usize << prefix_bits) - 1;
    let prefix = usize::from(take(rest)?) & mask;
    if prefix < mask {
        return Some(prefix);
    }
    let mut value = mask;
    for byte_no in 0..4 {
        let byte = usize::from(take(rest)?);
        value += (byte & 127) << (7 * byte_no);
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

fn string(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let is_packed = *rest.first()? >= 128;
    let len = integer(rest, 7)?;
    let (text, after) = rest.split_at_checked(len)?;
    *rest = after;
    let mut out = Vec::new();
    if is_packed {
        huffman::decode(text, &mut out).ok()?
    } else {
        out.extend_from_slice(text)
    }
    Some(out)
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    Some(first)
}
