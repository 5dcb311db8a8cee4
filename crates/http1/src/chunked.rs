//! The chunked transfer coding (RFC 9112 section 7.1), decoded in place: data is handed out as ranges of
//! the input and never copied.

#[cfg(test)]
mod tests;
mod trailers;

use std::ops::Range;

use rempart_flow::{BadRequest, BadResponse, Fields};

use self::trailers::{ForbiddenTrailers, Trailers};

/// The bounds of what frames a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Bytes of a line with a chunk's size and extensions, without its line end.
    pub line_bytes_max: usize,
    /// Bytes of the whole trailer section with the empty line that ends it.
    pub trailer_bytes_max: usize,
    /// Number of trailer lines.
    pub trailer_fields_max: usize,
}

impl Default for ChunkLimits {
    fn default() -> Self {
        Self { line_bytes_max: 256, trailer_bytes_max: 8 * 1024, trailer_fields_max: 32 }
    }
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// All of the input is consumed and the body is not at its end.
    NeedMore,
    /// This range of the input is data. Step again with what follows the consumed bytes.
    Data(Range<usize>),
    /// The body is at its end; what follows the consumed bytes is the next message.
    Done,
}

/// Why a chunked body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkError {
    /// A size is not 1 to 16 hex digits.
    Size,
    /// An extension has a control byte, or ends inside a quoted string.
    Extension,
    /// A line is over its limit, or extensions outweigh the data.
    LineTooLong,
    /// Anything but CRLF where a line ends.
    LineEnd,
    /// A trailer line does not parse.
    TrailerLine,
    /// The trailer section is over one of its limits.
    TrailersTooLarge,
    /// A trailer that only a head may bear.
    TrailerForbidden,
}

impl ChunkError {
    /// As the fault of a request.
    #[must_use]
    pub const fn bad_request(self) -> BadRequest {
        match self {
            Self::Size | Self::Extension | Self::LineTooLong | Self::LineEnd => BadRequest::Chunk,
            Self::TrailerLine | Self::TrailersTooLarge | Self::TrailerForbidden => BadRequest::Trailer,
        }
    }

    /// As the fault of a response.
    #[must_use]
    pub const fn bad_response(self) -> BadResponse {
        match self {
            Self::Size | Self::Extension | Self::LineTooLong | Self::LineEnd => BadResponse::Chunk,
            Self::TrailerLine | Self::TrailersTooLarge | Self::TrailerForbidden => BadResponse::Trailer,
        }
    }
}

/// Decodes one body.
#[derive(Clone, Debug)]
pub struct Decoder {
    limits: ChunkLimits,
    forbidden: ForbiddenTrailers,
    state: State,
    /// The size being read, then the bytes of the chunk that are still to come.
    left: u64,
    /// Bytes of the current size line.
    line_bytes: usize,
    /// Bytes of size lines that no data has paid for.
    overhead_bytes: u64,
    trailers: Option<Box<Trailers>>,
}

/// Where the decoder stands: what the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    /// Whitespace after the size, which only an extension may follow.
    BeforeExtension,
    Extension,
    Quoted,
    QuotedPair,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// The first byte after the last chunk's line.
    TrailerStart,
    TrailerStartLf,
    Trailers,
    Done,
    Failed(ChunkError),
}

/// A size line longer than this is paid for by two bytes a byte of data; what is owed stays under
/// [`OVERHEAD_BYTES_MAX`]. Otherwise a body of one-byte chunks with long extensions would make the edge
/// read hundreds of bytes for each that it passes on.
const LINE_BYTES_FREE: u64 = 16;
const OVERHEAD_BYTES_MAX: u64 = 16 * 1024;
const SIZE_DIGITS_MAX: usize = 16;

impl Decoder {
    /// For the body of a request: a trailer that only a head may bear (one that frames, routes,
    /// authenticates, or that this program looks at) refuses the message.
    #[must_use]
    pub fn for_request(limits: ChunkLimits) -> Self {
        Self::new(limits, ForbiddenTrailers::Refuse)
    }

    /// For the body of a response: such a trailer is marked as hop-by-hop, so that it is not passed on.
    #[must_use]
    pub fn for_response(limits: ChunkLimits) -> Self {
        Self::new(limits, ForbiddenTrailers::Mark)
    }

    fn new(limits: ChunkLimits, forbidden: ForbiddenTrailers) -> Self {
        let state = State::Size;
        Self { limits, forbidden, state, left: 0, line_bytes: 0, overhead_bytes: 0, trailers: None }
    }

    /// Reads on, until there is data, the end, or no more input. Says how many bytes of the input are
    /// consumed, data included.
    ///
    /// # Errors
    ///
    /// [`ChunkError`], and the same again at every later call: the connection has to be closed.
    pub fn step(&mut self, input: &[u8]) -> Result<(usize, Step), ChunkError> {
        let step = self.advance(input);
        if let Err(error) = step {
            self.state = State::Failed(error);
        }
        step
    }

    /// The trailers, once the body is done and if it has any.
    #[must_use]
    pub fn trailers(&self) -> Option<&Fields> {
        self.trailers.as_deref().filter(|_| self.state == State::Done).map(Trailers::fields)
    }

    fn advance(&mut self, input: &[u8]) -> Result<(usize, Step), ChunkError> {
        let mut at = 0;
        loop {
            match self.state {
                State::Done => return Ok((at, Step::Done)),
                State::Failed(error) => return Err(error),
                State::Data => return Ok(self.data(input, at)),
                State::Trailers => {
                    let rest = input.get(at..).unwrap_or_default();
                    let trailers = self.trailers.get_or_insert_default();
                    let (consumed, complete) = trailers.read(rest, &self.limits, self.forbidden)?;
                    at += consumed;
                    if !complete {
                        return Ok((at, Step::NeedMore));
                    }
                    self.state = State::Done;
                }
                State::TrailerStart if !matches!(input.get(at), None | Some(b'\r')) => {
                    self.state = State::Trailers;
                }
                framing @ (State::Size
                | State::BeforeExtension
                | State::Extension
                | State::Quoted
                | State::QuotedPair
                | State::SizeLf
                | State::DataCr
                | State::DataLf
                | State::TrailerStart
                | State::TrailerStartLf) => {
                    let Some(&byte) = input.get(at) else { return Ok((at, Step::NeedMore)) };
                    at += 1;
                    self.state = self.after(framing, byte)?;
                }
            }
        }
    }

    fn data(&mut self, input: &[u8], at: usize) -> (usize, Step) {
        let available = input.len() - at;
        let take = usize::try_from(self.left).map_or(available, |left| left.min(available));
        if take == 0 {
            return (at, Step::NeedMore);
        }
        self.left -= take as u64;
        if self.left == 0 {
            self.state = State::DataCr;
        }
        (at + take, Step::Data(at..at + take))
    }

    /// The state after one byte of framing.
    fn after(&mut self, state: State, byte: u8) -> Result<State, ChunkError> {
        match state {
            State::Size | State::BeforeExtension | State::Extension | State::Quoted | State::QuotedPair => {
                self.size_line(state, byte)
            }
            State::SizeLf if byte == b'\n' => self.chunk_begins(),
            State::DataCr if byte == b'\r' => Ok(State::DataLf),
            State::DataLf if byte == b'\n' => Ok(State::Size),
            State::TrailerStart if byte == b'\r' => Ok(State::TrailerStartLf),
            State::TrailerStartLf if byte == b'\n' => Ok(State::Done),
            State::Failed(error) => Err(error),
            State::SizeLf
            | State::DataCr
            | State::DataLf
            | State::TrailerStart
            | State::TrailerStartLf
            | State::Data
            | State::Trailers
            | State::Done => Err(ChunkError::LineEnd),
        }
    }

    /// `chunk-size [ chunk-ext ] CRLF`. Extensions are skipped (section 7.1.1 lets a recipient ignore
    /// them), but they have to be well-formed enough that everybody finds the end of the line.
    fn size_line(&mut self, state: State, byte: u8) -> Result<State, ChunkError> {
        let quoted = matches!(state, State::Quoted | State::QuotedPair);
        if byte == b'\r' && self.line_bytes > 0 && !quoted && state != State::BeforeExtension {
            return Ok(State::SizeLf);
        }
        self.line_bytes += 1;
        if self.line_bytes > self.limits.line_bytes_max {
            return Err(ChunkError::LineTooLong);
        }
        match (state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if self.line_bytes > SIZE_DIGITS_MAX {
                    return Err(ChunkError::Size);
                }
                let digit = (byte as char).to_digit(16).unwrap_or_default();
                self.left = (self.left << 4) | u64::from(digit);
                Ok(State::Size)
            }
            (State::Size, b';' | b' ' | b'\t') if self.line_bytes == 1 => Err(ChunkError::Size),
            (State::Size | State::BeforeExtension, b';') => Ok(State::Extension),
            (State::Size | State::BeforeExtension, b' ' | b'\t') => Ok(State::BeforeExtension),
            (State::Size, _) => Err(ChunkError::Size),
            (State::Extension, b'"') => Ok(State::Quoted),
            (State::Quoted, b'"') => Ok(State::Extension),
            (State::Quoted, b'\\') => Ok(State::QuotedPair),
            (State::Quoted | State::QuotedPair, b'\t' | b' '..=0x7e | 0x80..) => Ok(State::Quoted),
            (State::Extension, b'\t' | b' '..=0x7e) => Ok(State::Extension),
            (_, _) => Err(ChunkError::Extension),
        }
    }

    fn chunk_begins(&mut self) -> Result<State, ChunkError> {
        let paid = LINE_BYTES_FREE.saturating_add(self.left.saturating_mul(2));
        self.overhead_bytes = (self.overhead_bytes + self.line_bytes as u64).saturating_sub(paid);
        if self.overhead_bytes > OVERHEAD_BYTES_MAX {
            return Err(ChunkError::LineTooLong);
        }
        self.line_bytes = 0;
        Ok(if self.left == 0 { State::TrailerStart } else { State::Data })
    }
}
