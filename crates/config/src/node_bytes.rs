//! A node of the tree as bytes, and back: what decoding sees of it, and where each part of it stands.
//!
//! Lines are kept as differences from the part before, so that a zone that moves in its file keeps its bytes.

use std::sync::Arc;

use rempart_base::config::{Key, Mark, Node, Scalar, Value};

use crate::bytes::{Damaged, Reader, Writer};
use crate::yaml::DEPTH_MAX;

const PLAIN: u8 = 0;
const QUOTED: u8 = 1;
const LIST: u8 = 2;
const MAP: u8 = 3;

/// The bytes of a node; `None` if they are more than `bytes_max`.
#[must_use]
pub(crate) fn encode(node: &Node, bytes_max: usize) -> Option<Vec<u8>> {
    let mut encoder = Encoder { writer: Writer::default(), line: node.mark.line, bytes_max };
    encoder.node(node)?;
    Some(encoder.writer.0)
}

/// The node of these bytes; `start` is where it begins.
///
/// # Errors
/// They are not the bytes of one node.
pub(crate) fn decode(bytes: &[u8], start: Mark) -> Result<Node, Damaged> {
    let mut decoder = Decoder { reader: Reader(bytes), line: start.line };
    let node = decoder.node(0)?;
    let is_whole = decoder.reader.is_at_end() && node.mark.line == start.line;
    if is_whole { Ok(node) } else { Err(Damaged) }
}

struct Encoder {
    writer: Writer,
    line: u32,
    bytes_max: usize,
}

impl Encoder {
    fn node(&mut self, node: &Node) -> Option<()> {
        match &node.value {
            Value::Scalar(scalar) => {
                self.writer.byte(if scalar.plain { PLAIN } else { QUOTED });
                self.mark(node.mark);
                self.writer.text(&scalar.text);
            }
            Value::List(items) => {
                self.writer.byte(LIST);
                self.mark(node.mark);
                self.writer.count(items.len());
                items.iter().try_for_each(|item| self.node(item))?;
            }
            Value::Map(entries) => {
                self.writer.byte(MAP);
                self.mark(node.mark);
                self.writer.count(entries.len());
                for (key, value) in entries.iter() {
                    self.mark(key.mark);
                    self.writer.text(&key.text);
                    self.node(value)?;
                }
            }
        }
        (self.writer.0.len() <= self.bytes_max).then_some(())
    }

    fn mark(&mut self, mark: Mark) {
        // An alias leads back, so the difference may be negative. It wraps, so that each node has one form and
        // each form one node, wherever the zone is moved.
        let by = mark.line.wrapping_sub(self.line).cast_signed();
        self.writer.number(zigzag(by).into());
        self.writer.number(mark.column.into());
        self.line = mark.line;
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    line: u32,
}

impl Decoder<'_> {
    fn node(&mut self, depth: usize) -> Result<Node, Damaged> {
        if depth > DEPTH_MAX {
            return Err(Damaged);
        }
        let kind = self.reader.byte()?;
        let mark = self.mark()?;
        let value = match kind {
            PLAIN | QUOTED => {
                Value::Scalar(Scalar { text: self.reader.text()?.into(), plain: kind == PLAIN })
            }
            LIST => {
                let count = self.reader.count()?;
                let items: Result<Arc<[Node]>, Damaged> = (0..count).map(|_| self.node(depth + 1)).collect();
                Value::List(items?)
            }
            MAP => {
                let count = self.reader.count()?;
                let entries: Result<Arc<[(Key, Node)]>, Damaged> =
                    (0..count).map(|_| self.entry(depth)).collect();
                Value::Map(entries?)
            }
            _ => return Err(Damaged),
        };
        Ok(Node { mark, value })
    }

    fn entry(&mut self, depth: usize) -> Result<(Key, Node), Damaged> {
        let mark = self.mark()?;
        let text = self.reader.text()?.into();
        Ok((Key { text, mark }, self.node(depth + 1)?))
    }

    fn mark(&mut self) -> Result<Mark, Damaged> {
        let by = unzigzag(self.reader.small()?);
        self.line = self.line.wrapping_add(by.cast_unsigned());
        Ok(Mark { line: self.line, column: self.reader.small()? })
    }
}

/// Small numbers of either sign as small numbers: 0, -1, 1, -2, … are 0, 1, 2, 3, …
const fn zigzag(number: i32) -> u32 {
    ((number << 1) ^ (number >> 31)).cast_unsigned()
}

const fn unzigzag(number: u32) -> i32 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rempart_base::config::Context;

    fn read(text: &str) -> Node {
        let mut cx = Context::new("test".into());
        let node = crate::yaml::read(text, &mut cx);
        assert!(!cx.has_errors(), "{}", cx.finish());
        node.unwrap()
    }

    #[test]
    fn what_decoding_sees_comes_back_with_its_places() {
        for text in [
            "name: shop.example\norigins: [\"http://127.0.0.1:1\", 'b', c]\n",
            "a:\nb: ~\nc: null\nd: \"null\"\ne: \"\"\nf: 08\ng: \"8\"\nh: true\ni: 'true'\n",
            "b\u{fc}cher: \"\u{1f512} \\u0000 \\\" \\n\"\n\"\": |\n  several\n  lines\n",
            "- []\n- {}\n- [[[1]]]\n",
            "x: &a [1, {b: 2}]\ny: *a\nz: [*a, *a]\n",
            "7",
            "\n\n\n  deep:\n    - deeper:\n        - deepest\n",
        ] {
            let node = read(text);
            let bytes = encode(&node, usize::MAX).unwrap();
            let back = decode(&bytes, node.mark).unwrap();
            assert_eq!(format!("{node:?}"), format!("{back:?}"), "{text}");
            for end in 0..bytes.len() {
                assert!(decode(&bytes[..end], node.mark).is_err(), "{text}: cut at {end}");
            }
            assert!(decode(&[&*bytes, b"\0"].concat(), node.mark).is_err(), "{text}: one byte more");
        }
    }

    #[test]
    fn a_node_that_moves_in_its_file_keeps_its_bytes() {
        let zone = "name: a\nhosts:\n  - b\n";
        let (here, there) = (read(zone), read(&format!("# a comment\n\n{zone}")));
        let bytes = encode(&here, 1000).unwrap();
        assert_eq!(Some(&bytes), encode(&there, 1000).as_ref());
        assert_eq!(format!("{:?}", decode(&bytes, there.mark).unwrap()), format!("{there:?}"));
    }

    #[test]
    fn a_node_keeps_its_bytes_wherever_it_is_moved() {
        // The alias leads back to a line that does not exist where the zone is moved to.
        let node = read("- &a [1]\n\n\n- x: *a\n  y: 2\n");
        let Value::List(items) = &node.value else { panic!("it is a list") };
        let zone = &items[1];
        let bytes = encode(zone, 1000).unwrap();
        for line in [1, 2, 3, u32::MAX] {
            let moved = decode(&bytes, Mark { line, column: 1 }).unwrap();
            assert_eq!(encode(&moved, 1000).as_ref(), Some(&bytes), "line {line}");
        }
        for number in [0, 1, -1, 2, i32::MAX, i32::MIN] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
    }

    #[test]
    fn the_bound_is_exact() {
        let node = read("name: a");
        let bytes = encode(&node, 1000).unwrap().len();
        assert!(encode(&node, bytes).is_some());
        assert!(encode(&node, bytes - 1).is_none());
    }

    #[test]
    fn nesting_as_deep_as_a_file_may_have_comes_back_and_deeper_is_refused() {
        let deepest = read(&format!("{}1{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX)));
        let bytes = encode(&deepest, 1000).unwrap();
        assert!(decode(&bytes, deepest.mark).is_ok());
        let wrapped = Node { mark: deepest.mark, value: Value::List(Arc::new([deepest.clone()])) };
        assert!(decode(&encode(&wrapped, 1000).unwrap(), deepest.mark).is_err());
        // A million lists in each other are a million times these bytes; nothing runs out of stack.
        assert!(decode(&[LIST, 0, 1, 1].repeat(1_000_000), Mark::START).is_err());
    }
}
