//! The file of one release. Every byte of it is covered by a checksum or has one right value, so that a file
//! is either exactly what was written or is known to be damaged.
//!
//! ```text
//! offset  bytes  what
//!      0      8  "RMPRTREL"
//!      8      4  version of this format, 1
//!     12      8  when it was made, milliseconds since 1970
//!     20      8  length of the body
//!     28     32  SHA-256 of the body
//!     60     32  SHA-256 of the 60 bytes before
//!     92      …  the body, to the end of the file
//! ```
//! Numbers are little-endian. The release's number is the name of the file, because a candidate gets its
//! number by being renamed.

use std::io::{Error, ErrorKind, Read, Result};

use crate::hash::{Hasher, ReleaseHash};

/// The longest body. Fifty thousand zones with certificates are a fifth of it.
pub const BODY_BYTES_MAX: u64 = 1 << 30;

/// The bytes before the body.
pub(crate) const HEADER_BYTES: usize = 92;
const CHECKED_BYTES: usize = 60;
const MAGIC: &[u8; 8] = b"RMPRTREL";
const VERSION: u32 = 1;
const PIECE_BYTES: usize = 64 * 1024;

/// What a release's file says about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The hash of the body.
    pub hash: ReleaseHash,
    /// When the file was made, in milliseconds since 1970.
    pub created_unix_ms: u64,
    /// The length of the body.
    pub body_bytes: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.created_unix_ms.to_le_bytes());
        out.extend_from_slice(&self.body_bytes.to_le_bytes());
        out.extend_from_slice(self.hash.bytes());
        let checksum = ReleaseHash::of(&out);
        out.extend_from_slice(checksum.bytes());
        out
    }

    fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self> {
        let mut rest = bytes.as_slice();
        if take::<8>(&mut rest)? != *MAGIC {
            return Err(damaged("it does not begin as a release does"));
        }
        let version = u32::from_le_bytes(take(&mut rest)?);
        let created_unix_ms = u64::from_le_bytes(take(&mut rest)?);
        let body_bytes = u64::from_le_bytes(take(&mut rest)?);
        let hash = ReleaseHash::from_bytes(take(&mut rest)?);
        let (checked, checksum) = bytes.split_at(CHECKED_BYTES);
        if ReleaseHash::of(checked).bytes() != checksum {
            return Err(damaged("its header is damaged"));
        }
        if version != VERSION {
            return Err(damaged(&format!(
                "it has format {version}, and this program reads format {VERSION}"
            )));
        }
        if body_bytes > BODY_BYTES_MAX {
            return Err(damaged("its body is longer than a release may be"));
        }
        Ok(Self { hash, created_unix_ms, body_bytes })
    }
}

/// Reads a whole file and checks all of it. `file_bytes` is the length of the file.
///
/// # Errors
/// It is damaged (`InvalidData`), or cannot be read.
pub fn read(file: &mut impl Read, file_bytes: u64) -> Result<(Header, Vec<u8>)> {
    let header = read_header(file, file_bytes)?;
    let capacity = usize::try_from(header.body_bytes).map_err(Error::other)?;
    let mut body = Vec::with_capacity(capacity);
    // One more than there should be, so that a file that grows meanwhile is found out.
    file.take(header.body_bytes + 1).read_to_end(&mut body)?;
    if ReleaseHash::of(&body) != header.hash {
        return Err(damaged("its body is damaged"));
    }
    Ok((header, body))
}

/// Checks all of a file without holding its body.
pub(crate) fn verify(file: &mut impl Read, file_bytes: u64) -> Result<Header> {
    let header = read_header(file, file_bytes)?;
    let (mut hasher, mut piece) = (Hasher::new(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => hasher.update(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if hasher.finish() == header.hash { Ok(header) } else { Err(damaged("its body is damaged")) }
}

/// Checks the header, and that the file is as long as it says.
pub(crate) fn read_header(file: &mut impl Read, file_bytes: u64) -> Result<Header> {
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact(&mut bytes).map_err(|error| {
        let is_short = error.kind() == ErrorKind::UnexpectedEof;
        if is_short { damaged("it is cut off in its header") } else { error }
    })?;
    let header = Header::decode(&bytes)?;
    match file_bytes.checked_sub(HEADER_BYTES as u64) {
        Some(there) if there == header.body_bytes => Ok(header),
        Some(there) => Err(damaged(&format!("{there} of {} bytes of its body are there", header.body_bytes))),
        None => Err(damaged("it is cut off in its header")),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (first, others) = rest.split_first_chunk::<N>().ok_or_else(|| damaged("it is cut off"))?;
    *rest = others;
    Ok(*first)
}

pub(crate) fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(body: &[u8]) -> Vec<u8> {
        let header = Header {
            hash: ReleaseHash::of(body),
            created_unix_ms: 784_111_777_042,
            body_bytes: body.len() as u64,
        };
        [header.encode(), body.to_vec()].concat()
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let whole = file(b"a body");
        let (header, body) = read(&mut whole.as_slice(), whole.len() as u64).unwrap();
        assert_eq!((body.as_slice(), header.created_unix_ms), (b"a body".as_slice(), 784_111_777_042));
        assert_eq!(verify(&mut whole.as_slice(), whole.len() as u64).unwrap(), header);

        for cut in 0..whole.len() {
            read(&mut &whole[..cut], cut as u64).unwrap_err();
            // A file that shrinks after its length was read.
            read(&mut &whole[..cut], whole.len() as u64).unwrap_err();
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            read(&mut flipped.as_slice(), flipped.len() as u64).unwrap_err();
            verify(&mut flipped.as_slice(), flipped.len() as u64).unwrap_err();
        }
        let longer = [whole.as_slice(), b"."].concat();
        read(&mut longer.as_slice(), longer.len() as u64).unwrap_err();
        read(&mut longer.as_slice(), whole.len() as u64).unwrap_err();
    }

    #[test]
    fn a_header_that_promises_too_much_takes_no_memory() {
        let (mut header, hash) =
            (Header { hash: ReleaseHash::of(b""), created_unix_ms: 0, body_bytes: 0 }, 0);
        header.body_bytes = BODY_BYTES_MAX + 1;
        let bytes = header.encode();
        let error = read(&mut bytes.as_slice(), hash + header.body_bytes + HEADER_BYTES as u64).unwrap_err();
        assert!(error.to_string().contains("longer than"), "{error}");
    }
}
