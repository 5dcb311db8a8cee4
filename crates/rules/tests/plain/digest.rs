//! SHA-256 (FIPS 180-4) and HMAC (RFC 2104), written down as they are described.

/// The first 32 bits of the fractional parts of the roots of the first primes.
fn constants(root: f64, count: usize) -> Vec<u32> {
    let is_prime = |n: &u32| (2..*n).all(|d| !n.is_multiple_of(d));
    let fraction = |prime: u32| {
        // Exact to more than 32 bits: an integer root of the prime times a power of two.
        let (power, shift) = if root == 2.0 { (2, 64) } else { (3, 96) };
        let target = u128::from(prime) << shift;
        let (mut low, mut high) = (0_u128, 1 << 40);
        while low + 1 < high {
            let middle = (low + high) / 2;
            let cube = (0..power).try_fold(1_u128, |product, _| product.checked_mul(middle));
            if cube.is_some_and(|cube| cube <= target) { low = middle } else { high = middle }
        }
        (low & 0xffff_ffff) as u32
    };
    (2..).filter(is_prime).take(count).map(fraction).collect()
}

pub fn sha256(message: &[u8]) -> Vec<u8> {
    let k = constants(3.0, 64);
    let mut h = constants(2.0, 8);
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut w: Vec<u32> =
            block.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        for t in 16..64 {
            let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ (w[t - 15] >> 3);
            let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ (w[t - 2] >> 10);
            w.push(w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1));
        }
        let mut v = h.clone();
        for t in 0..64 {
            let s1 = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
            let ch = (v[4] & v[5]) ^ (!v[4] & v[6]);
            let t1 = v[7].wrapping_add(s1).wrapping_add(ch).wrapping_add(k[t]).wrapping_add(w[t]);
            let s0 = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
            let maj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
            v.rotate_right(1);
            v[4] = v[4].wrapping_add(t1);
            v[0] = t1.wrapping_add(s0.wrapping_add(maj));
        }
        for (h, v) in h.iter_mut().zip(v) {
            *h = h.wrapping_add(v);
        }
    }
    h.into_iter().flat_map(u32::to_be_bytes).collect()
}

pub fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > 64 { sha256(key) } else { key.to_vec() };
    block.resize(64, 0);
    let with = |pad: u8| block.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
    sha256(&[with(0x5c), sha256(&[&with(0x36), message].concat())].concat())
}
