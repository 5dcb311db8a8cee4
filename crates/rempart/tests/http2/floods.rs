//! A visitor that wastes what a connection may waste loses it, and nobody else notices.

use crate::site::Site;
use crate::visitor::{
    CONTINUATION, DATA, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, PROTOCOL_ERROR, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, block, frame, get, head,
};

/// Sends frames until the connection ends; another one is served meanwhile.
fn flood(site: &Site, mut more: impl FnMut(u32) -> Vec<u8>) -> u32 {
    let mut other = site.visit();
    assert_eq!(other.get("/other").status(), 200);
    let mut visitor = site.visit();
    for round in 0..200 {
        let batch: Vec<u8> = (0..100).flat_map(|number| more(round * 100 + number)).collect();
        if !visitor.write(&batch) {
            break;
        }
    }
    let code = visitor.goodbye();
    assert_eq!(other.get("/other").status(), 200);
    code
}

/// The number of the stream of a request.
const fn stream(number: u32) -> u32 {
    2 * number + 1
}

#[test]
fn rapid_resets_end_the_connection_and_no_other() {
    let site = Site::new("");
    let request = block(&get("/watched"));
    let code = flood(&site, |number| {
        let reset = frame(RST_STREAM, 0, stream(number), &8_u32.to_be_bytes());
        [head(stream(number), &request, END_STREAM), reset].concat()
    });
    assert_eq!(code, ENHANCE_YOUR_CALM);
    let asked = site.origin.lines().iter().filter(|line| line.contains("/watched")).count();
    assert!(asked <= 400, "{asked} requests of the flood reached the origin");
}

#[test]
fn resets_that_the_server_is_made_to_send_end_the_connection() {
    let site = Site::new("");
    let request = block(&get("/watched"));
    let code = flood(&site, |number| {
        // A window that overflows is an error of the stream (RFC 9113 section 6.9.1).
        let overflow = frame(WINDOW_UPDATE, 0, stream(number), &((1_u32 << 31) - 1).to_be_bytes());
        [head(stream(number), &request, END_STREAM), overflow].concat()
    });
    assert_eq!(code, ENHANCE_YOUR_CALM);
}

#[test]
fn control_frames_without_end_end_the_connection() {
    let site = Site::new("");
    for (what, bytes) in [
        ("PING", frame(PING, 0, 0, &[1; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())),
        ("unknown", frame(77, 0, 0, b"hello")),
    ] {
        assert_eq!(flood(&site, |_| bytes.clone()), ENHANCE_YOUR_CALM, "{what}");
    }
}

#[test]
fn empty_data_without_end_ends_the_connection() {
    let site = Site::new("");
    let request = head(1, &block(&[&[(":method", "POST")], &get("/upload")[1..]].concat()), 0);
    let code = flood(&site, |number| if number == 0 { request.clone() } else { frame(DATA, 0, 1, &[]) });
    assert_eq!(code, ENHANCE_YOUR_CALM);
}

#[test]
fn a_head_without_end_ends_the_connection() {
    let site = Site::new("");
    for piece in [block(&[("x-a", "b")]), block(&[("x-a", "b".repeat(10_000))]), Vec::new()] {
        let start = block(&get("/head"));
        let code = flood(&site, |number| {
            if number == 0 { frame(HEADERS, 0, 1, &start) } else { frame(CONTINUATION, 0, 1, &piece) }
        });
        assert_eq!(code, ENHANCE_YOUR_CALM);
    }
    assert!(!site.origin.lines().iter().any(|line| line.contains("/head")));
}

#[test]
fn what_is_not_http2_ends_with_its_code() {
    let site = Site::new("");
    // DATA on a stream that was never opened.
    assert_eq!(flood(&site, |_| frame(DATA, 0, 5, b"x")), PROTOCOL_ERROR);
}
