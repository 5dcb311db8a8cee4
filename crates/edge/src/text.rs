//! Small texts of every exchange, made without the formatting machinery.

use std::io::Write as _;
use std::net::IpAddr;

use rempart_base::{RayId, date};

/// `CF-Ray`: sixteen hex digits, a hyphen, the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RayText([u8; 20]);

impl RayText {
    /// For one exchange.
    #[must_use]
    pub fn new(ray: RayId, colo: [u8; 3]) -> Self {
        let mut text = *b"0000000000000000-LOC";
        let (hex, rest) = text.split_at_mut(16);
        hex.copy_from_slice(&ray.hex());
        if let Some(place) = rest.get_mut(1..) {
            place.copy_from_slice(&colo);
        }
        Self(text)
    }

    /// The text.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The digits alone, which find the request in the log.
    #[must_use]
    pub fn id(&self) -> &[u8] {
        self.0.get(..16).unwrap_or_default()
    }
}

/// An address as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpText {
    room: [u8; 45],
    len: u8,
}

impl IpText {
    /// Of this address.
    #[must_use]
    pub fn new(ip: IpAddr) -> Self {
        let mut room = [0; 45];
        let len = u8::try_from(ip_text(ip, &mut room).len()).unwrap_or(0);
        Self { room, len }
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.room.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Writes an address into `room` and lends the text. IPv4 without formatting machinery: it is in two
/// fields of every proxied request and in every line of the log.
fn ip_text(ip: IpAddr, room: &mut [u8; 45]) -> &[u8] {
    let len = match ip {
        IpAddr::V4(v4) => {
            let mut at = 0;
            let mut put = |byte: u8| {
                if let Some(slot) = room.get_mut(at) {
                    *slot = byte;
                }
                at += 1;
            };
            for (index, octet) in v4.octets().into_iter().enumerate() {
                if index > 0 {
                    put(b'.');
                }
                if octet >= 100 {
                    put(b'0' + octet / 100);
                }
                if octet >= 10 {
                    put(b'0' + octet / 10 % 10);
                }
                put(b'0' + octet % 10);
            }
            at
        }
        IpAddr::V6(v6) => {
            let mut rest = &mut room[..];
            // 45 bytes hold every address.
            let _ = write!(rest, "{v6}");
            45 - rest.len()
        }
    };
    room.get(..len).unwrap_or_default()
}

/// The current second, written the two ways that are needed; made again when the second changes.
#[derive(Debug)]
pub struct SecondText {
    unix_s: u64,
    /// For `Date`.
    pub fixdate: [u8; 29],
    rfc3339: [u8; 19],
}

impl Default for SecondText {
    fn default() -> Self {
        Self { unix_s: 0, fixdate: date::imf_fixdate(0), rfc3339: date::rfc3339_seconds(0) }
    }
}

impl SecondText {
    /// Moves to this second.
    pub fn set(&mut self, unix_s: u64) {
        if self.unix_s != unix_s {
            *self =
                Self { unix_s, fixdate: date::imf_fixdate(unix_s), rfc3339: date::rfc3339_seconds(unix_s) };
        }
    }
}

impl SecondText {
    /// A second for the log; it costs nothing if it is the current one.
    #[must_use]
    pub fn rfc3339_of(&self, unix_s: u64) -> [u8; 19] {
        if unix_s == self.unix_s { self.rfc3339 } else { date::rfc3339_seconds(unix_s) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_usual() {
        let mut room = [0; 45];
        for text in
            ["0.0.0.0", "127.0.0.1", "10.9.99.100", "200.101.1.109", "255.255.255.255", "::1", "2001:db8::42"]
        {
            assert_eq!(ip_text(text.parse().unwrap(), &mut room), text.as_bytes());
        }
    }

    #[test]
    fn a_ray_has_sixteen_digits_and_its_place() {
        assert_eq!(RayText::new(RayId(0x1f), *b"FRA").as_bytes(), b"000000000000001f-FRA");
    }
}
