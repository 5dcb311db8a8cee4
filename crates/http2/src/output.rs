//! What is to be written. Everything is gathered in one buffer, so that the answers of a batch leave together.

use std::collections::VecDeque;

use crate::frame::{FrameHead, HEAD_BYTES, flag, kind};

/// So much that was written may stay before the rest moves to the front.
const WRITTEN_KEEP_BYTES: usize = 64 * 1024;

/// Frames that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    written: usize,
    /// Where the head begins that is being written; frames that may not stand inside of it are held.
    open: Option<usize>,
    held: Vec<u8>,
    /// Where streams end whose end is not written yet.
    ends: VecDeque<u64>,
    /// Bytes that were ever written before `bytes` began.
    before: u64,
    /// Control bytes since the last time that all before `control_from` had been written.
    control: usize,
    control_from: u64,
}

impl Output {
    /// What can be written now.
    #[inline]
    pub(crate) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.written..self.end()).unwrap_or_default()
    }

    /// How many bytes that is.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.end() - self.written
    }

    #[inline]
    fn end(&self) -> usize {
        self.open.unwrap_or(self.bytes.len())
    }

    /// The first `count` of them are written.
    pub(crate) fn wrote(&mut self, count: usize) {
        self.written += count.min(self.len());
        let written = self.before + self.written as u64;
        while self.ends.front().is_some_and(|end| *end <= written) {
            self.ends.pop_front();
        }
        if self.open.is_some() {
            return;
        }
        if self.written == self.bytes.len() {
            self.before += self.written as u64;
            self.bytes.clear();
            self.written = 0;
        } else if self.written >= WRITTEN_KEEP_BYTES && self.written * 2 >= self.bytes.len() {
            self.before += self.written as u64;
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    /// A stream has ended with what was gathered last.
    #[inline]
    pub(crate) fn end_stream(&mut self) {
        self.ends.push_back(self.before + (self.bytes.len() + self.held.len()) as u64);
    }

    /// How many streams have ended and their end is not written.
    #[inline]
    pub(crate) fn ends(&self) -> usize {
        self.ends.len()
    }

    /// Gives the memory back if nothing waits.
    pub(crate) fn rest(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
            self.held = Vec::new();
            self.ends = VecDeque::new();
        }
    }

    /// Bytes that are no frame: the preface.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A frame with a small payload.
    pub(crate) fn control(&mut self, kind: u8, flags: u8, stream: u32, payload: &[&[u8]]) {
        let len = payload.iter().map(|part| part.len()).sum::<usize>();
        let is_all_written = self.before + self.written as u64 >= self.control_from;
        let into = if self.open.is_some() { &mut self.held } else { &mut self.bytes };
        let head = FrameHead { len: u32::try_from(len).unwrap_or(u32::MAX), kind, flags, stream };
        into.extend_from_slice(&head.bytes());
        for part in payload {
            into.extend_from_slice(part);
        }
        if is_all_written {
            self.control = 0;
            self.control_from = self.before + (self.bytes.len() + self.held.len()) as u64;
        }
        self.control += HEAD_BYTES + len;
    }

    /// Bytes of control frames since one of them that the peer has not taken.
    #[inline]
    pub(crate) const fn control_bytes(&self) -> usize {
        self.control
    }

    /// DATA, of one frame's size.
    #[inline]
    pub(crate) fn data(&mut self, stream: u32, piece: &[u8], ends_stream: bool) {
        let len = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let flags = if ends_stream { flag::END_STREAM } else { 0 };
        let into = if self.open.is_some() { &mut self.held } else { &mut self.bytes };
        into.reserve(HEAD_BYTES + piece.len());
        into.extend_from_slice(&FrameHead { len, kind: kind::DATA, flags, stream }.bytes());
        into.extend_from_slice(piece);
    }

    /// Whether a head is open.
    #[inline]
    pub(crate) const fn has_open_head(&self) -> bool {
        self.open.is_some()
    }

    /// Begins a head, whose block is to be appended to what this returns.
    #[inline]
    pub(crate) fn begin_head(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.open.is_none());
        self.open = Some(self.bytes.len());
        self.bytes.extend_from_slice(&[0; HEAD_BYTES]);
        &mut self.bytes
    }

    /// Ends the open head, in frames of at most `frame_bytes_max`. Returns their bytes.
    #[inline]
    pub(crate) fn end_head(&mut self, stream: u32, ends_stream: bool, frame_bytes_max: usize) -> usize {
        let Some(start) = self.open.take() else { return 0 };
        let block = start + HEAD_BYTES;
        let len = self.bytes.len().saturating_sub(block);
        let ends = if ends_stream { flag::END_STREAM } else { 0 };
        if len <= frame_bytes_max {
            self.patch(
                start,
                FrameHead {
                    len: u32::try_from(len).unwrap_or(u32::MAX),
                    kind: kind::HEADERS,
                    flags: ends | flag::END_HEADERS,
                    stream,
                },
            );
        } else {
            self.split(start, stream, ends, frame_bytes_max);
        }
        let bytes = self.bytes.len() - start;
        self.release_held();
        bytes
    }

    /// Takes the open head back.
    pub(crate) fn abandon_head(&mut self) {
        if let Some(start) = self.open.take() {
            self.bytes.truncate(start);
            self.release_held();
        }
    }

    fn release_held(&mut self) {
        if !self.held.is_empty() {
            self.bytes.append(&mut self.held);
        }
    }

    fn patch(&mut self, start: usize, head: FrameHead) {
        if let Some(room) = self.bytes.get_mut(start..start + HEAD_BYTES) {
            room.copy_from_slice(&head.bytes());
        }
    }

    /// HEADERS and CONTINUATION (section 4.3).
    fn split(&mut self, start: usize, stream: u32, ends: u8, frame_bytes_max: usize) {
        let block = self.bytes.split_off(start + HEAD_BYTES);
        self.bytes.truncate(start);
        let mut pieces = block.chunks(frame_bytes_max.max(1)).peekable();
        let (mut kind, mut flags) = (kind::HEADERS, ends);
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                flags |= flag::END_HEADERS;
            }
            let len = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            self.bytes.extend_from_slice(&FrameHead { len, kind, flags, stream }.bytes());
            self.bytes.extend_from_slice(piece);
            (kind, flags) = (kind::CONTINUATION, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_while_a_head_is_written_stands_behind_it() {
        let mut output = Output::default();
        output.begin_head().extend_from_slice(b"block");
        output.control(kind::PING, 0, 0, &[b"12345678"]);
        assert_eq!(output.waiting(), b"");
        output.end_head(1, true, 16_384);
        assert_eq!(output.waiting(), b"\0\0\x05\x01\x05\0\0\0\x01block\0\0\x08\x06\0\0\0\0\x0012345678");
    }

    #[test]
    fn an_abandoned_head_leaves_no_trace() {
        let mut output = Output::default();
        output.data(1, b"x", false);
        output.begin_head().extend_from_slice(b"block");
        output.wrote(3);
        output.control(kind::PING, 0, 0, &[b"12345678"]);
        output.abandon_head();
        assert_eq!(output.waiting(), b"\0\0\0\0\0\x01x\0\0\x08\x06\0\0\0\0\x0012345678");
    }

    #[test]
    fn a_block_that_fits_no_frame_is_continued() {
        let mut output = Output::default();
        output.begin_head().extend_from_slice(b"abcdefg");
        output.end_head(3, true, 3);
        assert_eq!(
            output.waiting(),
            b"\0\0\x03\x01\x01\0\0\0\x03abc\0\0\x03\x09\0\0\0\0\x03def\0\0\x01\x09\x04\0\0\0\x03g"
        );
    }

    #[test]
    fn a_reader_that_is_never_quite_done_still_lets_memory_go() {
        let mut output = Output::default();
        output.data(1, &[0; 1000], false);
        for _ in 0..1000 {
            output.data(1, &[0; 1000], false);
            output.wrote(1009);
        }
        assert!(output.bytes.capacity() < 4 * WRITTEN_KEEP_BYTES);
        assert_eq!(output.len(), 1009);
    }

    #[test]
    fn control_bytes_count_until_what_was_before_them_is_written() {
        let mut output = Output::default();
        output.data(1, &[0; 91], false);
        for _ in 0..10 {
            output.control(kind::PING, flag::ACK, 0, &[b"12345678"]);
        }
        assert_eq!(output.control_bytes(), 170);
        output.wrote(269);
        assert_eq!(output.len(), 1);
        output.control(kind::PING, flag::ACK, 0, &[b"12345678"]);
        assert_eq!(output.control_bytes(), 17);
    }
}
