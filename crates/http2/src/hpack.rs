//! HPACK (RFC 7541), both ways.
//!
//! Reading allocates nothing for a field: what is in the dynamic table is handed on from there, with what was found
//! out about it when it came; what is not, from the block itself.

pub mod block;
mod decoder;
mod encoder;
mod huffman;
mod integer;
mod static_table;
mod table;
#[cfg(test)]
mod tests;
mod token;

pub use decoder::{Decoded, Decoder, Sink};
pub use encoder::Encoder;
pub use token::Token;

/// Bytes of a dynamic table where no setting says otherwise (RFC 9113 section 6.5.2).
pub const TABLE_BYTES_DEFAULT: usize = 4096;

/// Why a header block cannot be read. Each is a connection error of type `COMPRESSION_ERROR` (RFC 9113 section 4.3),
/// after which the decoder is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The block ends inside of a field.
    Truncated,
    /// A number larger than any that can mean something, or longer (RFC 7541 section 5.1).
    Integer,
    /// An index of no entry (RFC 7541 section 2.3.3).
    Index,
    /// A code that is none, padding that is no prefix of EOS or a whole byte long, or EOS itself (RFC 7541 section 5.2).
    Huffman,
    /// A size update behind a field (RFC 7541 section 4.2).
    SizeUpdateLate,
    /// A size update above what was announced (RFC 7541 section 6.3).
    SizeUpdateTooLarge,
    /// No size update, though less was announced than the table has (RFC 9113 section 4.3.1).
    SizeUpdateMissing,
}
