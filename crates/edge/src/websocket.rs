//! The opening handshake of WebSocket, where both sides do not speak it in one form: HTTP/1.1 changes the protocol of
//! a connection and proves by a key that it was understood (RFC 6455 section 4), HTTP/2 connects a stream, which
//! proves itself (RFC 8441 section 5).

use aws_lc_rs::{digest, rand};
use rempart_flow::{BodyLength, Fields, Known, Method, RequestHead};

/// What a key is hashed with (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY: &[u8] = b"Sec-WebSocket-Key";
const ACCEPT: &[u8] = b"Sec-WebSocket-Accept";

/// What an origin of HTTP/1.1 is asked with for a visitor who has no key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; 24]);

impl Key {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        let mut nonce = [0; 16];
        // Without randomness it would be the same each time: an origin that has read it proves that all the same.
        let _ = rand::fill(&mut nonce);
        Self(base64(&nonce))
    }

    /// Writes it, and nothing else that the handshake needs.
    pub fn write(&self, field: impl FnOnce(&[u8], &[u8])) {
        field(KEY, &self.0);
    }

    /// Whether an answer proves that this key was read (RFC 6455 section 4.1, points 2 and 4).
    #[must_use]
    pub fn is_accepted_by(&self, answer: &Fields) -> bool {
        let mut accepts = answer.iter().filter(|field| field.name.eq_ignore_ascii_case(ACCEPT));
        let is_proof = accepts.next().is_some_and(|accept| accept.value == accept_of(&self.0));
        is_proof && accepts.next().is_none() && names_websocket_alone(answer)
    }
}

/// Whether a field is the key, which means nothing on a stream.
#[must_use]
pub fn is_key(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(KEY)
}

/// Whether a request asks for WebSocket and nothing else, in whichever form, so that it can be asked for in the other.
#[must_use]
pub fn is_asked(head: &RequestHead) -> bool {
    head.connection.upgrade
        && head.method == Method::Get
        && head.body == BodyLength::None
        && names_websocket_alone(&head.fields)
        && (head.protocol.is_some() || key(head).is_some())
}

/// The field that proves to a visitor of HTTP/1.1 that its key was read; a stream needs no such thing.
#[must_use]
pub fn proof(head: &RequestHead) -> Option<(&'static [u8], [u8; 28])> {
    let key = key(head).filter(|_| head.protocol.is_none())?;
    Some((ACCEPT, accept_of(key)))
}

/// The visitor's key, if there is one and no other.
fn key(head: &RequestHead) -> Option<&[u8]> {
    let mut keys = head.fields.iter().filter(|field| is_key(field.name));
    let key = keys.next().filter(|field| !field.hop_by_hop)?;
    keys.next().is_none().then_some(key.value)
}

/// Whether `Upgrade` is that to WebSocket and to nothing else.
fn names_websocket_alone(fields: &Fields) -> bool {
    let mut protocols = fields.values(Known::Upgrade);
    protocols.next().is_some_and(|name| name.eq_ignore_ascii_case(b"websocket")) && protocols.next().is_none()
}

/// What proves that a key was read.
fn accept_of(key: &[u8]) -> [u8; 28] {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(GUID);
    base64(hash.finish().as_ref())
}

/// Bytes in base64 (RFC 4648 section 4): as many as fill the text.
fn base64<const TEXT: usize>(bytes: &[u8]) -> [u8; TEXT] {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = [b'='; TEXT];
    for (three, four) in bytes.chunks(3).zip(text.chunks_mut(4)) {
        let bits =
            three.iter().zip([16, 8, 0]).fold(0, |bits, (byte, shift)| bits | (u32::from(*byte) << shift));
        for (letter, shift) in four.iter_mut().zip([18, 12, 6, 0]).take(three.len() + 1) {
            if let Some(known) = LETTERS.get((bits >> shift & 63) as usize) {
                *letter = *known;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 section 1.3.
    const SAMPLE: Key = Key(*b"dGhlIHNhbXBsZSBub25jZQ==");
    const PROOF: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn fields(list: &[(&[u8], &[u8])]) -> Fields {
        let mut fields = Fields::default();
        list.iter().for_each(|(name, value)| fields.append(name, value));
        fields
    }

    #[test]
    fn a_key_is_written_as_rfc_6455_does() {
        assert_eq!(base64(b"the sample nonce"), SAMPLE.0);
        assert_eq!(&base64::<24>(&[0xff; 16]), b"/////////////////////w==");
        assert_eq!(accept_of(&SAMPLE.0), PROOF);
        assert_ne!(Key::random(), Key::random());
    }

    #[test]
    fn only_the_one_proof_with_the_one_protocol_is_one() {
        let (upgrade, accept) = ((b"Upgrade".as_slice(), b"WebSocket".as_slice()), (ACCEPT, PROOF));
        assert!(SAMPLE.is_accepted_by(&fields(&[upgrade, accept])));
        assert!(SAMPLE.is_accepted_by(&fields(&[(b"sec-websocket-accept", PROOF), upgrade])));
        for wrong in [
            &[upgrade][..],
            &[accept],
            &[upgrade, (ACCEPT, &PROOF[1..])],
            &[upgrade, (ACCEPT, &SAMPLE.0)],
            &[upgrade, (ACCEPT, &PROOF.to_ascii_lowercase())],
            &[upgrade, accept, accept],
            &[upgrade, upgrade, accept],
            &[(b"Upgrade", b"h2c"), accept],
        ] {
            assert!(!SAMPLE.is_accepted_by(&fields(wrong)));
        }
    }
}
