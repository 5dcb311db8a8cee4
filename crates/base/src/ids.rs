//! Identifiers that people see in headers, pages and logs.

use std::fmt;

/// The id of one exchange: 64 random bits, written as 16 hex digits (`CF-Ray` adds a suffix).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct RayId(pub u64);

impl RayId {
    /// The sixteen lower-case hex digits.
    #[must_use]
    pub const fn hex(self) -> [u8; 16] {
        hex(self.0)
    }
}

impl fmt::Display for RayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The id of this installation, made once in `data_dir`. It marks requests in `CDN-Loop` (RFC 8586).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct InstallationId(pub u64);

impl fmt::Display for InstallationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

const fn hex(value: u64) -> [u8; 16] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut out = [0; 16];
    let mut i = 0;
    while i < 16 {
        #[expect(clippy::indexing_slicing, reason = "i < 16 and the nibble is < 16")]
        {
            out[i] = DIGITS[((value >> (60 - 4 * i)) & 15) as usize];
        }
        i += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_padded_lower_case_and_agrees_with_display() {
        for value in [0, 1, 0xdead_beef, u64::MAX] {
            let ray = RayId(value);
            assert_eq!(ray.hex().as_slice(), ray.to_string().as_bytes());
            assert_eq!(ray.to_string().len(), 16);
        }
    }
}
