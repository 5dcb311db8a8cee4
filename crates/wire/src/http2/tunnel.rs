//! Extended CONNECT (RFC 8441) as what it is to an origin of HTTP/1: a GET that asks for another protocol.

use rempart_flow::{BadRequest, BodyLength, Fault, Method, RequestHead};

/// Makes it that. Only for WebSocket: of other protocols nobody knows how HTTP/1 asks for them.
///
/// # Errors
/// Another protocol is asked for.
pub(super) fn as_upgrade(head: &mut RequestHead) -> Result<(), Fault> {
    let is_websocket =
        head.protocol.is_some_and(|protocol| head.bytes(protocol).eq_ignore_ascii_case(b"websocket"));
    if !is_websocket {
        return Err(Fault::BadRequest(BadRequest::Target));
    }
    head.method = Method::Get;
    head.method_text = head.fields.store(b"GET");
    head.body = BodyLength::None;
    head.connection.upgrade = true;
    // The nonce is ours: a visitor's own would be a second one.
    let name = head.fields.store(b"Sec-WebSocket-Key");
    head.fields.mark_hop_by_hop(name);
    head.fields.append(b"Upgrade", b"websocket");
    // RFC 6455 section 4.1: a nonce, of which the origin proves that it has read it. Here the stream proves it.
    let mut nonce = [0; 16];
    // Without randomness it would be the same each time, which harms nobody here.
    let _ = rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut nonce);
    head.fields.append(b"Sec-WebSocket-Key", &base64(nonce));
    Ok(())
}

/// 16 bytes in base64 (RFC 4648 section 4).
fn base64(bytes: [u8; 16]) -> [u8; 24] {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = [b'='; 24];
    let bits = u128::from_be_bytes(bytes);
    for (place, letter) in text.iter_mut().take(22).enumerate() {
        let shift = 122 - 6 * i32::try_from(place).unwrap_or_default();
        let six = if shift >= 0 { bits >> shift } else { bits << -shift };
        if let Some(known) = LETTERS.get((six & 63) as usize) {
            *letter = *known;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_written_as_rfc_6455_does() {
        assert_eq!(&base64(*b"the sample nonce"), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(&base64([0xff; 16]), b"/////////////////////w==");
    }
}
