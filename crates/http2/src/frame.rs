//! Frames: their heads, kinds, flags and error codes (RFC 9113 sections 4, 6 and 7).

/// Bytes of a frame's head (section 4.1).
pub const HEAD_BYTES: usize = 9;
/// What a client begins with (section 3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Windows and stream numbers end here.
pub(crate) const MAX_31: u32 = 0x7fff_ffff;

/// Why a stream or connection ended (section 7). The list is open: any number can come.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

macro_rules! codes {
    ($($name:ident = $code:literal, $text:literal;)+) => {
        #[expect(missing_docs, reason = "each constant is the code of that name, RFC 9113 section 7")]
        impl ErrorCode {
            $(pub const $name: Self = Self($code);)+

            /// Its name in the RFC, for logs and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self.0 {
                    $($code => $text,)+
                    _ => "unknown",
                }
            }
        }
    };
}

codes! {
    NO_ERROR = 0, "NO_ERROR";
    PROTOCOL_ERROR = 1, "PROTOCOL_ERROR";
    INTERNAL_ERROR = 2, "INTERNAL_ERROR";
    FLOW_CONTROL_ERROR = 3, "FLOW_CONTROL_ERROR";
    SETTINGS_TIMEOUT = 4, "SETTINGS_TIMEOUT";
    STREAM_CLOSED = 5, "STREAM_CLOSED";
    FRAME_SIZE_ERROR = 6, "FRAME_SIZE_ERROR";
    REFUSED_STREAM = 7, "REFUSED_STREAM";
    CANCEL = 8, "CANCEL";
    COMPRESSION_ERROR = 9, "COMPRESSION_ERROR";
    CONNECT_ERROR = 10, "CONNECT_ERROR";
    ENHANCE_YOUR_CALM = 11, "ENHANCE_YOUR_CALM";
    INADEQUATE_SECURITY = 12, "INADEQUATE_SECURITY";
    HTTP_1_1_REQUIRED = 13, "HTTP_1_1_REQUIRED";
}

impl std::fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({})", self.as_str(), self.0)
    }
}

/// The kinds of frame.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
    /// RFC 9218 section 7.1.
    pub(crate) const PRIORITY_UPDATE: u8 = 0x10;
}

/// The flags.
pub(crate) mod flag {
    pub(crate) const ACK: u8 = 1;
    pub(crate) const END_STREAM: u8 = 1;
    pub(crate) const END_HEADERS: u8 = 4;
    pub(crate) const PADDED: u8 = 8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

/// A frame's head, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub(crate) len: u32,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl FrameHead {
    /// The head at the beginning of `bytes` and what follows it, if it is all there. The reserved bit is
    /// ignored (section 4.1).
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&[l0, l1, l2, kind, flags, s0, s1, s2, s3], rest) = bytes.split_first_chunk()?;
        let len = u32::from_be_bytes([0, l0, l1, l2]);
        let stream = u32::from_be_bytes([s0, s1, s2, s3]) & MAX_31;
        Some((Self { len, kind, flags, stream }, rest))
    }

    pub(crate) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Its bytes.
    #[inline]
    pub(crate) const fn bytes(self) -> [u8; HEAD_BYTES] {
        let [_, l0, l1, l2] = self.len.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }
}

/// The first four bytes of a payload as a number, and the rest.
#[inline]
pub(crate) fn u32_of(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*first), rest))
}
