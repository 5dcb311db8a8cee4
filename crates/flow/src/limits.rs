//! How large a message may be.

/// The bounds of one head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head: start line, fields and the empty line, as HTTP/1.1 writes them.
    pub head_bytes_max: usize,
    /// Bytes of a request target. A response has none.
    pub target_bytes_max: usize,
    /// Number of field lines.
    pub fields_max: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { head_bytes_max: 64 * 1024, target_bytes_max: 16 * 1024, fields_max: 128 }
    }
}
