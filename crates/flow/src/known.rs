//! The field names that the program itself looks at.

macro_rules! known {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A field name that some room looks at. Everything else is [`Known::Other`] and only passes
        /// through. Recognised once when the head is read, so later tests compare one byte.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each variant is the field of that name")]
        pub enum Known {
            /// A field that the program has no interest in.
            #[default]
            Other,
            $($variant),+
        }

        impl Known {
            /// Recognises a field name, whatever its case.
            #[must_use]
            #[inline]
            pub fn from_name(name: &[u8]) -> Self {
                let candidate = SLOTS.get(slot(name)).unwrap_or(&Pattern::NONE);
                if candidate.matches(name) { candidate.known } else { Self::Other }
            }

            /// The name in lower case; empty for [`Known::Other`].
            #[must_use]
            pub const fn name(self) -> &'static [u8] {
                match self {
                    Self::Other => b"",
                    $(Self::$variant => $name,)+
                }
            }
        }

        const ALL: &[Known] = &[$(Known::$variant),+];
    };
}

known! {
    Accept = b"accept",
    AcceptCharset = b"accept-charset",
    AcceptEncoding = b"accept-encoding",
    AcceptLanguage = b"accept-language",
    AcceptRanges = b"accept-ranges",
    Age = b"age",
    Authorization = b"authorization",
    CacheControl = b"cache-control",
    CacheStatus = b"cache-status",
    CacheTag = b"cache-tag",
    CdnCacheControl = b"cdn-cache-control",
    CdnLoop = b"cdn-loop",
    CfCacheStatus = b"cf-cache-status",
    CfConnectingIp = b"cf-connecting-ip",
    CfRay = b"cf-ray",
    CfVisitor = b"cf-visitor",
    Connection = b"connection",
    ContentEncoding = b"content-encoding",
    ContentLanguage = b"content-language",
    ContentLength = b"content-length",
    ContentLocation = b"content-location",
    ContentRange = b"content-range",
    ContentType = b"content-type",
    Cookie = b"cookie",
    Date = b"date",
    ETag = b"etag",
    Expect = b"expect",
    Expires = b"expires",
    Forwarded = b"forwarded",
    Host = b"host",
    Http2Settings = b"http2-settings",
    IfMatch = b"if-match",
    IfModifiedSince = b"if-modified-since",
    IfNoneMatch = b"if-none-match",
    IfRange = b"if-range",
    IfUnmodifiedSince = b"if-unmodified-since",
    KeepAlive = b"keep-alive",
    LastModified = b"last-modified",
    Location = b"location",
    Origin = b"origin",
    Pragma = b"pragma",
    ProxyAuthenticate = b"proxy-authenticate",
    ProxyAuthorization = b"proxy-authorization",
    ProxyConnection = b"proxy-connection",
    Range = b"range",
    Referer = b"referer",
    RetryAfter = b"retry-after",
    Server = b"server",
    SetCookie = b"set-cookie",
    Te = b"te",
    Traceparent = b"traceparent",
    Tracestate = b"tracestate",
    Trailer = b"trailer",
    TransferEncoding = b"transfer-encoding",
    TrueClientIp = b"true-client-ip",
    Upgrade = b"upgrade",
    UserAgent = b"user-agent",
    Vary = b"vary",
    Via = b"via",
    XForwardedFor = b"x-forwarded-for",
    XForwardedHost = b"x-forwarded-host",
    XForwardedProto = b"x-forwarded-proto",
    XForwardedScheme = b"x-forwarded-scheme",
    XHost = b"x-host",
    XHttpMethod = b"x-http-method",
    XHttpMethodOverride = b"x-http-method-override",
    XMethodOverride = b"x-method-override",
    XOriginalUrl = b"x-original-url",
    XRealIp = b"x-real-ip",
    XRequestedWith = b"x-requested-with",
    XRewriteUrl = b"x-rewrite-url",
}

/// Every name in a slot of its own: one look and one comparison recognise a name.
const SLOTS: [Pattern; 256] = {
    let mut slots = [Pattern::NONE; 256];
    let mut rest: &[Known] = ALL;
    while let [known, after @ ..] = rest {
        let at = slot(known.name());
        #[expect(clippy::indexing_slicing, reason = "a slot is below 256; evaluated by the compiler")]
        {
            assert!(slots[at].len == 0, "two names share a slot: choose other factors");
            slots[at] = Pattern::of(*known);
        }
        rest = after;
    }
    slots
};

/// The longest name that [`words`] covers.
const NAME_BYTES: usize = 24;

/// A name to compare with, a few words at a time.
#[derive(Clone, Copy)]
struct Pattern {
    known: Known,
    len: usize,
    text: [u64; 3],
    /// The bit that makes a letter small, where the name has a letter.
    case: [u64; 3],
}

impl Pattern {
    const NONE: Self = Self { known: Known::Other, len: 0, text: [0; 3], case: [0; 3] };

    const fn of(known: Known) -> Self {
        let name = known.name();
        let mut case = [0; NAME_BYTES];
        let mut at = 0;
        while at < name.len() {
            #[expect(clippy::indexing_slicing, reason = "a longer name stops the compiler, which runs this")]
            {
                case[at] = if name[at].is_ascii_lowercase() { 0x20 } else { 0 };
            }
            at += 1;
        }
        Self { known, len: name.len(), text: words(name), case: words(case.split_at(name.len()).0) }
    }

    fn matches(&self, name: &[u8]) -> bool {
        if name.len() != self.len {
            return false;
        }
        let ([a, b, c], [x, y, z], [front, middle, back]) = (words(name), self.case, self.text);
        a | x == front && b | y == middle && c | z == back
    }
}

/// Every byte of a name of at most 24, in words that may overlap. Two names of one length are equal if
/// their words are.
const fn words(name: &[u8]) -> [u64; 3] {
    if let (Some(front), Some(back)) = (name.first_chunk(), name.last_chunk()) {
        let middle = match name.split_at_checked(8) {
            Some((_, rest)) => match rest.first_chunk() {
                Some(middle) => u64::from_le_bytes(*middle),
                None => 0,
            },
            None => 0,
        };
        return [u64::from_le_bytes(*front), middle, u64::from_le_bytes(*back)];
    }
    if let (Some(front), Some(back)) = (name.first_chunk(), name.last_chunk()) {
        return [u32::from_le_bytes(*front) as u64, 0, u32::from_le_bytes(*back) as u64];
    }
    match name {
        [a, b, c] => [*a as u64, *b as u64, *c as u64],
        [a, b] => [*a as u64, *b as u64, 0],
        [a] => [*a as u64, 0, 0],
        _ => [0; 3],
    }
}

/// The slot of a name, from its length and three of its bytes. The factors were searched for: with them no
/// two known names share a slot, which the compiler checks.
const fn slot(name: &[u8]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    #[expect(clippy::indexing_slicing, reason = "half of a length above 0 is below it")]
    let middle = name[name.len() / 2] as usize;
    // The same for both cases of a letter; known names hold nothing else but hyphens and digits, which
    // have that bit already.
    (10 * name.len() + 15 * (*first as usize | 0x20) + 23 * (middle | 0x20) + (*last as usize | 0x20)) % 256
}

impl Known {
    /// Whether the field belongs to one connection and is never forwarded (RFC 9110 section 7.6.1).
    /// `Upgrade` is among them: an exchange that does upgrade writes it anew.
    #[must_use]
    pub const fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::ProxyAuthorization
                | Self::ProxyAuthenticate
                | Self::Te
                | Self::Trailer
                | Self::TransferEncoding
                | Self::Upgrade
                | Self::Http2Settings
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_recognised_in_any_case_and_nothing_else_is() {
        for &known in ALL {
            assert_eq!(Known::from_name(known.name()), known);
            assert_eq!(Known::from_name(&known.name().to_ascii_uppercase()), known);
            let mut longer = known.name().to_vec();
            longer.push(b'x');
            assert_eq!(Known::from_name(&longer), Known::Other);
        }
        assert_eq!(Known::from_name(b""), Known::Other);
        assert_eq!(Known::from_name(b"user\x0dagent"), Known::Other, "a hyphen has no other case");
        assert_eq!(Known::from_name(&[b'a'; 300]), Known::Other);
    }
}
