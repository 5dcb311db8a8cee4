//! Hashes of content: the same in every process and build, which the standard library's do not promise.

use std::hash::{Hash, Hasher};

/// FNV-1a over 64 bits with a final mix. It tells contents apart; it resists nobody who looks for a
/// collision, so identity never rests on it across tenants.
#[derive(Clone, Debug)]
pub struct ContentHasher(u64);

/// The hash of one value's content.
pub fn content_hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = ContentHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Default for ContentHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for ContentHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        // The finaliser of MurmurHash3: every bit of the state reaches every bit of the result.
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv_1a_before_the_final_mix() {
        let mut hasher = ContentHasher::default();
        hasher.write(b"foobar");
        assert_eq!(hasher.0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn different_contents_differ() {
        assert_ne!(content_hash("a"), content_hash("b"));
        assert_eq!(content_hash(&["a", "b"]), content_hash(&["a", "b"]));
        assert_ne!(content_hash(&("ab", "c")), content_hash(&("a", "bc")));
    }
}
