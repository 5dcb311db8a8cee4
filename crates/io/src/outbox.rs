//! What is to be written next. Heads and small bodies are gathered and leave in one write; a large body
//! is written from where it lies, with the gathered bytes before it.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// A piece of body up to this size is copied behind what is gathered: cheaper than a second vector.
const COPY_BYTES_MAX: usize = 8 * 1024;
/// Above this the gathered bytes leave before more are gathered.
const GATHER_BYTES_MAX: usize = 64 * 1024;
/// The room that an outbox begins with: a head and a small body.
const ROOM_BYTES: usize = 4 * 1024;
/// How many rooms a core keeps for the next connection.
const SHELF_MAX: usize = 64;

thread_local! {
    static ROOMS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that wait to be written. Empty, it owns no memory.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    written: usize,
    total: u64,
}

impl Outbox {
    /// Where encoders append.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = ROOMS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(ROOM_BYTES));
        }
        &mut self.bytes
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Bytes that went to the stream since it was made.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many bytes wait.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Whether as much is gathered as is good.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.waiting() >= GATHER_BYTES_MAX
    }

    /// Takes up to all of `piece`, copying it if it is small and writing it if it is large. Ready with how
    /// many bytes of `piece` were taken.
    ///
    /// # Errors
    /// The stream's.
    pub fn poll_send<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        if piece.len() <= COPY_BYTES_MAX {
            if self.is_full() {
                ready!(self.poll_flush(stream, cx))?;
            }
            self.bytes_mut().extend_from_slice(piece);
            return Poll::Ready(Ok(piece.len()));
        }
        loop {
            let waiting = self.bytes.get(self.written..).unwrap_or_default();
            let before = waiting.len();
            let wrote = if before == 0 {
                ready!(Pin::new(&mut *stream).poll_write(cx, piece))?
            } else {
                let slices = [IoSlice::new(waiting), IoSlice::new(piece)];
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices))?
            };
            self.wrote(wrote.min(before));
            let of_piece = wrote.saturating_sub(before);
            self.total += of_piece as u64;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if of_piece > 0 {
                return Poll::Ready(Ok(of_piece));
            }
        }
    }

    /// Writes everything that waits, and has the stream do so too.
    ///
    /// # Errors
    /// The stream's.
    pub fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let waiting = self.bytes.get(self.written..).unwrap_or_default();
            match ready!(Pin::new(&mut *stream).poll_write(cx, waiting))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                wrote => self.wrote(wrote),
            }
        }
        Pin::new(stream).poll_flush(cx)
    }

    fn wrote(&mut self, count: usize) {
        self.written += count;
        self.total += count as u64;
        if self.is_empty() {
            self.written = 0;
            self.rest();
        }
    }

    /// Gives the memory back to the core: who waits holds none.
    fn rest(&mut self) {
        let mut room = std::mem::take(&mut self.bytes);
        if room.capacity() <= 2 * ROOM_BYTES {
            room.clear();
            ROOMS.with_borrow_mut(|rooms| {
                if rooms.len() < SHELF_MAX {
                    rooms.push(room);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Takes at most so many bytes a write.
    struct Narrow(Vec<u8>, usize);

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let take = self.1.min(buf.len());
            self.0.extend_from_slice(&buf[..take]);
            Poll::Ready(Ok(take))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn order_is_kept_however_little_each_write_takes() {
        let mut cx = Context::from_waker(Waker::noop());
        let large: Vec<u8> = (0..100_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        for width in [1, 7, 5000, 1 << 20] {
            let (mut outbox, mut stream) = (Outbox::default(), Narrow(Vec::new(), width));
            outbox.bytes_mut().extend_from_slice(b"head ");
            let mut sent = 0;
            while sent < large.len() {
                let Poll::Ready(Ok(n)) = outbox.poll_send(&mut stream, &mut cx, &large[sent..]) else {
                    panic!()
                };
                assert!(n > 0);
                sent += n;
            }
            assert!(matches!(outbox.poll_send(&mut stream, &mut cx, b" tail"), Poll::Ready(Ok(5))));
            assert!(matches!(outbox.poll_flush(&mut stream, &mut cx), Poll::Ready(Ok(()))));
            assert_eq!(stream.0, [b"head ".as_slice(), &large, b" tail"].concat());
            assert_eq!(outbox.total(), stream.0.len() as u64);
        }
    }
}
