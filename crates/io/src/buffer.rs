//! Read buffers, pooled by core. A connection that waits holds none, so 10,000 idle ones cost little; one
//! that reads takes a warm one from the core's shelf and gives it back.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The size that a buffer starts with: most heads and small bodies fit.
pub const SMALL_BYTES: usize = 16 * 1024;
/// The size that long bodies are moved in: few system calls, and still inside a core's own cache.
pub const LARGE_BYTES: usize = 256 * 1024;
/// How many buffers of each size a core keeps for the next connection.
const SHELF_MAX: usize = 64;

thread_local! {
    static SMALL: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
    static LARGE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read and not consumed yet. Empty, it owns no memory.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    is_large: bool,
    consumed: u64,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// At least one byte.
    Bytes,
    /// The peer has closed its side.
    End,
}

impl Buffer {
    /// The bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// How many wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether none wait.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes were consumed since it was made.
    #[must_use]
    pub const fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Drops the first `count` bytes, at most all.
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.len());
        self.start += count;
        self.consumed += count as u64;
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Gives the memory back to the core if no byte waits.
    pub fn rest(&mut self) {
        if self.is_empty() && !self.bytes.is_empty() {
            shelve(std::mem::take(&mut self.bytes));
        }
    }

    /// Reads once, making room for at least one byte: by moving what waits to the front, or by growing up
    /// to `bytes_max`.
    ///
    /// # Errors
    /// The stream's, or `OutOfMemory` if `bytes_max` bytes wait already.
    pub fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        bytes_max: usize,
    ) -> Poll<io::Result<Filled>> {
        self.make_room(bytes_max)?;
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        let mut read = ReadBuf::new(room);
        let polled = Pin::new(stream).poll_read(cx, &mut read);
        let count = read.filled().len();
        if count == 0 {
            // Who waits holds no memory.
            self.rest();
        }
        ready!(polled)?;
        self.end += count;
        Poll::Ready(Ok(if count == 0 { Filled::End } else { Filled::Bytes }))
    }

    /// Reads in large pieces from now on, or in small ones again; what waits is kept.
    pub const fn prefer_large(&mut self, large: bool) {
        self.is_large = large;
    }

    fn make_room(&mut self, bytes_max: usize) -> io::Result<()> {
        if self.bytes.is_empty() {
            self.bytes = take(if self.is_large { LARGE_BYTES } else { SMALL_BYTES });
        } else if self.is_large && self.bytes.len() < LARGE_BYTES {
            self.replace(LARGE_BYTES);
        }
        if self.end < self.bytes.len() {
            return Ok(());
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            return Ok(());
        }
        if self.bytes.len() >= bytes_max.max(SMALL_BYTES) {
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, "more bytes wait than are allowed"));
        }
        self.replace((self.bytes.len() * 2).min(bytes_max.max(SMALL_BYTES)));
        Ok(())
    }

    fn replace(&mut self, size: usize) {
        let old = std::mem::replace(&mut self.bytes, take(size));
        let waiting = old.get(self.start..self.end).unwrap_or_default();
        if let Some(front) = self.bytes.get_mut(..waiting.len()) {
            front.copy_from_slice(waiting);
        }
        self.end -= self.start;
        self.start = 0;
        shelve(old);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            shelve(std::mem::take(&mut self.bytes));
        }
    }
}

fn take(size: usize) -> Box<[u8]> {
    let shelf = match size {
        SMALL_BYTES => SMALL.with_borrow_mut(Vec::pop),
        LARGE_BYTES => LARGE.with_borrow_mut(Vec::pop),
        _ => None,
    };
    shelf.unwrap_or_else(|| vec![0; size].into_boxed_slice())
}

fn shelve(bytes: Box<[u8]>) {
    let put = |shelf: &mut Vec<Box<[u8]>>, bytes| {
        if shelf.len() < SHELF_MAX {
            shelf.push(bytes);
        }
    };
    match bytes.len() {
        SMALL_BYTES => SMALL.with_borrow_mut(|shelf| put(shelf, bytes)),
        LARGE_BYTES => LARGE.with_borrow_mut(|shelf| put(shelf, bytes)),
        _ => drop(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn fill(buffer: &mut Buffer, mut from: &[u8], bytes_max: usize) -> io::Result<Filled> {
        let mut cx = Context::from_waker(Waker::noop());
        match buffer.poll_fill(&mut from, &mut cx, bytes_max) {
            Poll::Ready(filled) => filled,
            Poll::Pending => panic!("a slice is always ready"),
        }
    }

    #[test]
    fn it_grows_to_its_bound_and_not_beyond() {
        let mut buffer = Buffer::default();
        let much = vec![b'x'; 100_000];
        let mut fills = 0;
        while fill(&mut buffer, &much, 40_000).is_ok() {
            fills += 1;
            assert!(fills < 10);
        }
        assert_eq!(buffer.len(), 40_000);
        buffer.consume(1);
        assert!(fill(&mut buffer, &much, 40_000).is_ok());
        assert_eq!(buffer.len(), 40_000);
    }

    #[test]
    fn consuming_everything_lets_it_rest_without_memory() {
        let mut buffer = Buffer::default();
        fill(&mut buffer, b"hello", 100).unwrap();
        assert_eq!(buffer.bytes(), b"hello");
        assert_eq!(fill(&mut buffer, b"", 100).unwrap(), Filled::End);
        assert_eq!(buffer.bytes(), b"hello", "what waits is kept");
        buffer.consume(99);
        assert_eq!(fill(&mut buffer, b"", 100).unwrap(), Filled::End);
        assert!(buffer.bytes.is_empty());
    }

    #[test]
    fn it_rests_without_memory_unless_a_byte_waits() {
        let mut buffer = Buffer::default();
        fill(&mut buffer, b"hello", 100).unwrap();
        buffer.rest();
        assert_eq!(buffer.bytes(), b"hello");
        buffer.consume(5);
        assert!(!buffer.bytes.is_empty(), "consuming keeps the memory warm");
        buffer.rest();
        assert!(buffer.bytes.is_empty());
        assert_eq!(buffer.consumed(), 5);
    }

    #[test]
    fn enlarging_keeps_what_waits() {
        let mut buffer = Buffer::default();
        fill(&mut buffer, b"..kept", 100).unwrap();
        buffer.consume(2);
        buffer.prefer_large(true);
        fill(&mut buffer, b" and more", 100).unwrap();
        assert_eq!(buffer.bytes(), b"kept and more");
        assert_eq!(buffer.bytes.len(), LARGE_BYTES);
    }
}
