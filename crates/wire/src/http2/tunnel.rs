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
    // Whoever asks an origin of HTTP/1 has a key of its own: a visitor's would be a second one.
    let name = head.fields.store(b"Sec-WebSocket-Key");
    head.fields.mark_hop_by_hop(name);
    head.fields.append(b"Upgrade", b"websocket");
    Ok(())
}
