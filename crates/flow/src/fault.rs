//! One exchange's failure. A closed list: `edge/src/faults.rs` has the one table that turns each into
//! status, page, log and metric.

use std::time::Duration;

/// Whose failure it is; the error page says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The visitor's.
    Client,
    /// The site's origin.
    Origin,
    /// Rempart's own.
    Ours,
}

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// A sentence part for logs and the error page.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

reasons! {
    /// Why a request is refused with 400: it breaks its protocol, or two parsers could read it differently.
    BadRequest {
        /// The request line does not parse.
        RequestLine => "malformed request line",
        /// The method is not a token.
        Method => "invalid character in method",
        /// The target has a byte that RFC 3986 does not allow, or is empty.
        Target => "invalid request target",
        /// A field line does not parse.
        FieldLine => "malformed header field line",
        /// A name has a byte outside token, or whitespace before its colon (RFC 9112 section 5.1).
        FieldName => "invalid header field name",
        /// A value has a control byte.
        FieldValue => "invalid byte in header field value",
        /// A line continues on the next (RFC 9112 section 5.2).
        ObsFold => "obsolete line folding",
        /// A line feed without its carriage return.
        BareLf => "bare LF",
        /// A carriage return without its line feed.
        BareCr => "bare CR",
        /// HTTP/1.1 without Host (RFC 9112 section 3.2).
        HostMissing => "missing Host",
        /// More than one Host.
        HostRepeated => "more than one Host",
        /// Not a host and optional port.
        HostInvalid => "invalid Host",
        /// Target and Host name different authorities.
        HostDisagrees => "Host disagrees with the request target",
        /// Not one decimal number (RFC 9110 section 8.6).
        ContentLength => "invalid Content-Length",
        /// More than one, even if equal.
        ContentLengthRepeated => "more than one Content-Length",
        /// Both length and transfer coding (RFC 9112 section 6.1).
        LengthAndCoding => "both Content-Length and Transfer-Encoding",
        /// `chunked` not last, repeated, or with parameters.
        TransferEncoding => "invalid Transfer-Encoding",
        /// A transfer coding in HTTP/1.0 (RFC 9112 section 6.1).
        CodingInHttp10 => "Transfer-Encoding in HTTP/1.0",
        /// `Connection` names a field that belongs to the whole path.
        ConnectionNamesEndToEnd => "Connection names an end-to-end field",
        /// Chunk size, extension or line ending is wrong.
        Chunk => "malformed chunk",
        /// A trailer does not parse, or frames or routes the message (RFC 9110 section 6.5.1).
        Trailer => "invalid trailer field",
        /// The visitor closed in the middle of the message.
        Truncated => "connection closed inside the message",
        /// A pseudo-header field that is missing, repeated, unknown or out of place (RFC 9113 section 8.3).
        PseudoField => "missing, repeated or misplaced pseudo-header field",
        /// A field of HTTP/1 connections in another protocol (RFC 9113 section 8.2.2).
        ConnectionField => "connection-specific field",
        /// An HTTP/2 preface or request on an HTTP/1 connection.
        Preface => "HTTP/2 preface on an HTTP/1 connection",
    }
}

reasons! {
    /// Why an origin's response is not usable (520).
    BadResponse {
        /// The status line does not parse.
        StatusLine => "malformed status line",
        /// Field lines that do not parse.
        FieldLine => "malformed header field",
        /// `:status` is missing or invalid, or another pseudo-header field is there (RFC 9113 section 8.3.2).
        PseudoField => "missing, invalid or misplaced pseudo-header field",
        /// Conflicting or invalid lengths.
        Framing => "conflicting or invalid message length",
        /// A chunk is malformed.
        Chunk => "malformed chunk",
        /// A trailer is malformed.
        Trailer => "invalid trailer field",
        /// Head over its limit.
        HeadTooLarge => "response head over its limit",
        /// Too many interim responses.
        InterimFlood => "too many interim responses",
        /// 101 that was not asked for.
        UnexpectedUpgrade => "protocol change that was not asked for",
        /// Success without the protocol change that was asked for, where success would say that it was made.
        UpgradeIgnored => "success without the protocol change that was asked for",
        /// 101 that does not prove that the key of a WebSocket was read (RFC 6455 section 4.1).
        UpgradeUnproven => "protocol change without the proof that the key was read",
        /// The protocol of a connection that several exchanges share was broken (RFC 9113 section 5.4).
        Protocol => "HTTP/2 protocol error",
        /// Closed before the first byte of an answer.
        Empty => "connection closed without an answer",
        /// Reset or closed inside the head.
        Truncated => "connection closed inside the answer",
    }
}

/// What is short is mostly there again after this time.
const ZONE_OVER_SHARE_RETRY_AFTER: Duration = Duration::from_secs(2);

/// One exchange's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request breaks its protocol.
    BadRequest(BadRequest),
    /// The head is larger, or has more fields, than allowed.
    HeadTooLarge,
    /// The target is longer than allowed.
    TargetTooLong,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The body did not arrive in time, or below its minimum rate.
    BodyTimeout,
    /// The visitor takes the answer below the minimum rate.
    ReadTooSlow,
    /// The visitor went away.
    ClientGone,
    /// No zone has this host.
    UnknownHost,
    /// The connection's certificate is not the one of this host: it is to be asked for on a connection of its own
    /// (RFC 9110 section 15.5.20).
    Misdirected,
    /// The zone has never had a version that can run.
    ZoneHeldBack,
    /// TRACE and CONNECT.
    MethodRefused,
    /// A transfer coding that is not implemented (RFC 9112 section 6.1).
    CodingUnknown,
    /// An expectation other than 100-continue (RFC 9110 section 10.1.1).
    ExpectationUnknown,
    /// A major version that this connection does not speak.
    VersionUnknown,
    /// The request has come through this installation before (RFC 8586).
    Loop,
    /// The visitor wants a stored answer or none, and none can be used (`only-if-cached`, RFC 9111 section 5.2.1.7).
    OnlyIfCached,
    /// The origin's name has no address.
    OriginDns,
    /// The origin refused the connection.
    OriginRefused,
    /// The origin did not accept in time.
    OriginConnectTimeout,
    /// There is no way to the origin.
    OriginUnreachable,
    /// The origin did not answer in time, or stopped in the middle of its answer.
    OriginTimeout,
    /// The TLS handshake with the origin failed.
    OriginTls,
    /// The origin's certificate is not valid for it.
    OriginCertificate,
    /// The origin's answer is not usable.
    BadResponse(BadResponse),
    /// The origin broke off inside the body.
    OriginBodyTruncated,
    /// A part of ours panicked.
    Panic,
    /// A stage of ours used up its time for one request.
    StageOverrun,
    /// The process is short of something, and the zone has its share of the exchanges under way.
    ZoneOverShare,
    /// A limit of this process is reached; come back after so long.
    Overloaded {
        /// For `Retry-After`.
        retry_after: Duration,
    },
}

impl Fault {
    /// Whose failure it is.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::BadRequest(_)
            | Self::HeadTooLarge
            | Self::TargetTooLong
            | Self::BodyTooLarge
            | Self::HeadTimeout
            | Self::BodyTimeout
            | Self::ReadTooSlow
            | Self::ClientGone
            | Self::UnknownHost
            | Self::Misdirected
            | Self::MethodRefused
            | Self::CodingUnknown
            | Self::ExpectationUnknown
            | Self::VersionUnknown
            | Self::Loop
            | Self::OnlyIfCached => Side::Client,
            Self::OriginDns
            | Self::OriginRefused
            | Self::OriginConnectTimeout
            | Self::OriginUnreachable
            | Self::OriginTimeout
            | Self::OriginTls
            | Self::OriginCertificate
            | Self::BadResponse(_)
            | Self::OriginBodyTruncated => Side::Origin,
            Self::ZoneHeldBack
            | Self::Panic
            | Self::StageOverrun
            | Self::ZoneOverShare
            | Self::Overloaded { .. } => Side::Ours,
        }
    }

    /// When to come back, if that may help.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        if let Self::Overloaded { retry_after } = self {
            Some(retry_after)
        } else if matches!(self, Self::ZoneOverShare) {
            Some(ZONE_OVER_SHARE_RETRY_AFTER)
        } else {
            None
        }
    }

    /// Whether the failure leaves no doubt that the origin has done nothing, given that not one byte of
    /// an answer came: connecting failed, or a reused connection was closed under the request.
    #[must_use]
    pub const fn is_before_answer(self) -> bool {
        matches!(
            self,
            Self::OriginRefused
                | Self::OriginConnectTimeout
                | Self::OriginUnreachable
                | Self::BadResponse(BadResponse::Empty)
        )
    }
}
