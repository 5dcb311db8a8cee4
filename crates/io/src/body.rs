//! The end of an HTTP/1 body, found in what a stream brings.

use rempart_flow::{BodyLength, Fields};
use rempart_http1::chunked::{ChunkError, Decoder, Step};

use crate::buffer::Buffer;

/// Where in a body the reader is.
#[derive(Debug, Default)]
pub enum BodyReader {
    /// At its end.
    #[default]
    Done,
    /// So many bytes are to come.
    Exact(u64),
    /// Chunks, of which `waiting` bytes at the front of the buffer are data.
    Chunked {
        /// Boxed: most messages have no chunks, and a connection carries two of these readers.
        decoder: Box<Decoder>,
        /// Decoded data bytes at the front of the buffer.
        waiting: usize,
        /// The last chunk was seen.
        ended: bool,
    },
    /// Until the peer closes.
    UntilClose,
}

/// What stands at the front of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// So many bytes of body.
    Data(usize),
    /// Nothing yet.
    NeedMore,
    /// The end of the body.
    Done,
}

impl BodyReader {
    /// A reader for a body of this length; `decoder` makes what reads its chunks, if it has any.
    #[must_use]
    pub fn new(length: BodyLength, decoder: impl FnOnce() -> Decoder) -> Self {
        match length {
            BodyLength::None | BodyLength::Exact(0) => Self::Done,
            BodyLength::Exact(bytes) => Self::Exact(bytes),
            BodyLength::Chunked => Self::Chunked { decoder: Box::new(decoder()), waiting: 0, ended: false },
            BodyLength::UntilClose => Self::UntilClose,
        }
    }

    /// Looks at the front of the buffer, taking framing away.
    ///
    /// # Errors
    /// The chunks are malformed.
    pub fn front(&mut self, input: &mut Buffer) -> Result<Front, ChunkError> {
        match self {
            Self::Done => Ok(Front::Done),
            Self::Exact(left) => {
                let data = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                Ok(if data == 0 { Front::NeedMore } else { Front::Data(data) })
            }
            Self::UntilClose => Ok(if input.is_empty() { Front::NeedMore } else { Front::Data(input.len()) }),
            Self::Chunked { waiting, .. } if *waiting > 0 => Ok(Front::Data(*waiting)),
            Self::Chunked { ended: true, .. } => Ok(Front::Done),
            Self::Chunked { decoder, waiting, ended } => loop {
                let (consumed, step) = decoder.step(input.bytes())?;
                match step {
                    Step::Data(range) => {
                        input.consume(range.start);
                        *waiting = range.len();
                        if *waiting > 0 {
                            return Ok(Front::Data(*waiting));
                        }
                    }
                    Step::NeedMore => {
                        input.consume(consumed);
                        return Ok(Front::NeedMore);
                    }
                    Step::Done => {
                        input.consume(consumed);
                        *ended = true;
                        return Ok(Front::Done);
                    }
                }
            },
        }
    }

    /// Takes `count` bytes of data away, at most what [`Self::front`] has shown.
    pub fn take(&mut self, input: &mut Buffer, count: usize) {
        input.consume(count);
        match self {
            Self::Exact(left) => {
                *left = left.saturating_sub(count as u64);
                if *left == 0 {
                    *self = Self::Done;
                }
            }
            Self::Chunked { waiting, .. } => *waiting = waiting.saturating_sub(count),
            Self::UntilClose | Self::Done => {}
        }
    }

    /// Whether the end was reached.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::Chunked { ended: true, waiting: 0, .. })
    }

    /// The stream has ended. Whether the body may end so.
    #[must_use]
    pub fn end_of_stream(&mut self) -> bool {
        if matches!(self, Self::UntilClose) {
            *self = Self::Done;
        }
        self.is_done()
    }

    /// How many bytes are to come, where that is known.
    #[must_use]
    pub const fn left(&self) -> Option<u64> {
        match self {
            Self::Done => Some(0),
            Self::Exact(left) => Some(*left),
            Self::Chunked { .. } | Self::UntilClose => None,
        }
    }

    /// The trailers, once the end was reached.
    #[must_use]
    pub fn trailers(&self) -> Option<&Fields> {
        match self {
            Self::Chunked { decoder, ended: true, .. } => decoder.trailers(),
            Self::Chunked { .. } | Self::Done | Self::Exact(_) | Self::UntilClose => None,
        }
    }
}
