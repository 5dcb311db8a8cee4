//! The id of a zone.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};

/// The id of a zone: 128 bits, written as 32 hex digits, as Cloudflare's are. It is derived from the zone's
/// name, so that every edge and every tool comes to the same without asking: the first 16 bytes of SHA-256 over
/// the name in lower case, in punycode and without a final dot.
///
/// `printf %s shop.example | sha256sum | cut -c1-32` prints it. The derivation is part of the purge interface and
/// never changes. Nobody finds two names with one id: one zone's key never equals another's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneId(pub [u8; 16]);

impl ZoneId {
    /// The id of the zone of this name: lower case, punycode, without a final dot.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let hash = digest(&SHA256, name.as_bytes());
        Self(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// Reads 32 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_hex.then(|| u128::from_str_radix(text, 16).ok())??;
        Some(Self(number.to_be_bytes()))
    }
}

impl FromStr for ZoneId {
    type Err = NoZoneId;

    fn from_str(text: &str) -> Result<Self, NoZoneId> {
        Self::parse(text).ok_or(NoZoneId)
    }
}

/// Something else than 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoZoneId;

impl fmt::Display for ZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_for_ever() {
        // printf %s shop.example | sha256sum | cut -c1-32
        assert_eq!(ZoneId::of("shop.example").to_string(), "0f59463c606c5b0e5d3da81f36e3f7c1");
    }

    #[test]
    fn an_id_is_read_as_it_is_written_and_nothing_else_is() {
        let id = ZoneId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(ZoneId::parse("000102030405060708090a0b0c0d0eff"), Some(id));
        assert_eq!(ZoneId::parse("000102030405060708090A0B0C0D0EFF"), Some(id));
        for text in ["", "00", "+00102030405060708090a0b0c0d0eff", "000102030405060708090a0b0c0d0effa"] {
            assert_eq!(ZoneId::parse(text), None, "{text}");
        }
    }
}
