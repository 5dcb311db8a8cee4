//! The PROXY protocol header: never a panic, bounded, and the same however the bytes arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_wire::ProxyProtocol;
use rempart_wire::proxy_protocol::{HEADER_BYTES_MAX, parse};

fuzz_target!(|input: &[u8]| {
    for accept in [ProxyProtocol::Off, ProxyProtocol::V1, ProxyProtocol::V2, ProxyProtocol::Any] {
        let whole = parse(accept, input);
        if let Ok(Some(header)) = whole {
            assert!(accept != ProxyProtocol::Off);
            assert!(header.bytes <= input.len().min(HEADER_BYTES_MAX));
            // No shorter beginning is taken for a header, and nothing after it matters.
            for cut in 0..header.bytes {
                assert_eq!(parse(accept, &input[..cut]), Ok(None));
            }
            assert_eq!(parse(accept, &input[..header.bytes]), whole);
        }
        if whole == Ok(None) {
            assert!(input.len() < HEADER_BYTES_MAX);
        }
    }
});
