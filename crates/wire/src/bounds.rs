//! Bounds and times toward visitors that nobody has had a reason to configure.

use std::time::Duration;

/// The capacity of a head's arena that stays with an idle connection.
pub(crate) const HEAD_KEEP_BYTES: usize = 1024;
/// How much of an unwanted body is read away so that the answer is not lost to a reset (RFC 9112 section 9.6).
pub(crate) const LINGER_BYTES_MAX: u64 = 256 * 1024;
/// How long that may take.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// A visitor that has closed its side may still read (RFC 9112 section 9.6), but mostly it has gone. While
/// the origin is silent, so long is waited before it counts as gone.
pub(crate) const HALF_CLOSED: Duration = Duration::from_secs(5);
/// How much is read beyond the bound of a head: the empty lines that are skipped before it, and one byte by
/// which the parser sees that there is more.
pub(crate) const BEYOND_HEAD_BYTES: usize = 5;
/// How much is read beyond the request to see whether the visitor is still there.
pub(crate) const READ_AHEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of records that wait in a TLS session to be written, at most: what is gathered, a frame of HTTP/2 beyond it, and
/// the records' own bytes.
pub(crate) const TLS_BUFFER_BYTES: usize = 96 * 1024;
/// So long after its last answer a connection of HTTP/2 keeps what the next request needs.
pub(crate) const HTTP2_WARM: Duration = Duration::from_secs(1);
/// With so many bytes waiting to be written, a visitor of HTTP/2 is not asked what else it wants.
pub(crate) const HTTP2_OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// What may wait in the kernel beyond what the network takes at once: a small answer is sent behind it.
pub(crate) const HTTP2_UNSENT_BYTES_MAX: u32 = 64 * 1024;
/// The capacity of a head's arena that stays with a visitor of HTTP/2 as long as its connection is warm.
pub(crate) const HTTP2_HEAD_KEEP_BYTES: usize = 8 * 1024;
/// Bytes that the heads of all streams of a connection may hold, for each that may be open.
pub(crate) const HTTP2_HEADS_BYTES_PER_STREAM: usize = 16 * 1024;
/// A piece of body of a stream of HTTP/2 that is taken at once.
pub(crate) const HTTP2_PIECE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a line with a chunk's size and its extensions.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 4096;
/// A connection that has not asked for anything yet counts as idle only after this time: a request may be on
/// its way, and whoever has just come is not closed for whoever comes next.
pub(crate) const FRESH: Duration = Duration::from_secs(1);
/// How many connections of a core are looked at for those that have idled longest, at once.
pub(crate) const ROLL_WINDOW: usize = 4096;
/// How many of them are remembered as the ones to be told next.
pub(crate) const IDLE_BATCH_MAX: usize = 256;
