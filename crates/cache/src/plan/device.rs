//! Who asks, as far as a key may tell visitors apart.

use rempart_flow::{Known, RequestHead};

/// So much of `User-Agent` is looked at.
const USER_AGENT_BYTES: usize = 512;

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
        Self::of_user_agent(head.fields.first(Known::UserAgent).unwrap_or_default())
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

    /// Cloudflare's words: some mean a phone, some a tablet, and some a phone only if `mobile` follows.
    fn of_user_agent(text: &[u8]) -> Self {
        let mut lower = [0; USER_AGENT_BYTES];
        let len = text.len().min(USER_AGENT_BYTES);
        lower.iter_mut().zip(text).for_each(|(to, from)| *to = from.to_ascii_lowercase());
        let text = lower.get(..len).unwrap_or_default();
        const PHONE: [&[u8]; 10] = [
            b"phone",
            b"ipod",
            b"blackberry",
            b"palm",
            b"windows ce",
            b"opera mini",
            b"avantgo",
            b"mobilesafari",
            b"docomo",
            b"kaios",
        ];
        const EITHER: [&[u8]; 4] = [b"android", b"meego", b"silk", b"bb1"];
        const TABLET: [&[u8]; 2] = [b"ipad", b"playbook"];
        let either = EITHER.into_iter().filter_map(|word| find(text, word)).min();
        let is_mobile = |at: usize| {
            // A word of its own, with something in between.
            let rest = text.get(at..).unwrap_or_default();
            find(rest, b" ")
                .and_then(|space| rest.get(space + 2..))
                .is_some_and(|rest| find(rest, b" mobile").is_some())
        };
        if PHONE.into_iter().any(|word| find(text, word).is_some()) {
            return Self::Mobile;
        }
        let robot = find(text, b"googlebot");
        if either.is_some_and(is_mobile) || robot.is_some_and(is_mobile) {
            return Self::Mobile;
        }
        match either.is_some() || TABLET.into_iter().any(|word| find(text, word).is_some()) {
            true => Self::Tablet,
            false => Self::Desktop,
        }
    }
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, word)
}

/// The first language of `Accept-Language`; empty if there is none.
#[must_use]
pub fn language(head: &RequestHead) -> &[u8] {
    let value = head.fields.first(Known::AcceptLanguage).unwrap_or_default();
    value.split(|byte| matches!(byte, b',' | b';')).next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_apart_as_cloudflare_does() {
        for (text, device) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", DeviceType::Desktop),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", DeviceType::Desktop),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", DeviceType::Mobile),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140.0 Mobile Safari/537.36",
                DeviceType::Mobile,
            ),
            ("Mozilla/5.0 (Linux; Android 15; SM-X910) Chrome/140.0 Safari/537.36", DeviceType::Tablet),
            ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) Mobile/15E148 Safari/604.1", DeviceType::Tablet),
            (
                "Mozilla/5.0 (BB10; Touch) AppleWebKit/537.35+ Version/10 Mobile Safari/537.35+",
                DeviceType::Mobile,
            ),
            ("Opera/9.80 (J2ME/MIDP; Opera Mini/9.80) Presto/2.5.25", DeviceType::Mobile),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", DeviceType::Desktop),
            ("curl/8.0", DeviceType::Desktop),
            ("", DeviceType::Desktop),
        ] {
            assert_eq!(DeviceType::of_user_agent(text.as_bytes()), device, "{text}");
        }
        let long = [&[b' '; USER_AGENT_BYTES][..], b"iphone"].concat();
        assert_eq!(DeviceType::of_user_agent(&long), DeviceType::Desktop);
        assert_eq!(DeviceType::of_user_agent(&long[6..]), DeviceType::Mobile);
    }
}
