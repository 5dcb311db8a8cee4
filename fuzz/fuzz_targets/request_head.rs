//! Any bytes as the head of a request: whole and in two pieces come to the same; what is accepted has
//! the shape that the next hop relies on; and encoded again it is the same request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_flow::{RequestHead, Span, Version};
use rempart_http1::{HeadLimits, Parsed, encode, request};

const LIMITS: HeadLimits = HeadLimits { head_bytes_max: 1024, target_bytes_max: 128, fields_max: 20 };

fuzz_target!(|input: &[u8]| {
    let Some((&cut, input)) = input.split_first() else { return };
    let mut head = RequestHead::default();
    let whole = request::parse(input, &LIMITS, &mut head);

    let cut = usize::from(cut).min(input.len());
    let mut in_pieces = RequestHead::default();
    let mut pieces = request::parse(&input[..cut], &LIMITS, &mut in_pieces);
    if pieces == Ok(Parsed::Partial) {
        pieces = request::parse_from(input, cut, &LIMITS, &mut in_pieces);
    }
    assert_eq!(pieces, whole);

    let Ok(Parsed::Complete { head_bytes }) = whole else { return };
    assert!(head_bytes <= input.len() && input[..head_bytes].ends_with(b"\r\n\r\n"));
    assert!(head.fields.len() <= LIMITS.fields_max);
    for field in head.fields.iter() {
        assert!(!field.name.is_empty());
        assert!(!field.value.iter().any(|b| matches!(b, 0..=8 | 10..=31 | 127)));
    }
    if head.version == Version::Http11 {
        assert!(!head.host.is_empty());
        encoded_again_it_is_the_same(&head);
    }
});

fn encoded_again_it_is_the_same(head: &RequestHead) {
    let mut bytes = Vec::new();
    encode::request_line(&mut bytes, head.bytes(head.method_text), head.bytes(head.path_and_query));
    for field in head.fields.iter() {
        encode::field(&mut bytes, field.name, field.value);
    }
    encode::end_of_head(&mut bytes);
    let mut again = RequestHead::default();
    let limits = HeadLimits { head_bytes_max: 8 * LIMITS.head_bytes_max, ..LIMITS };
    let parsed = request::parse(&bytes, &limits, &mut again);
    assert_eq!(parsed, Ok(Parsed::Complete { head_bytes: bytes.len() }));

    let text = |head: &RequestHead, span: Span| head.bytes(span).to_vec();
    assert_eq!(text(&again, again.method_text), text(head, head.method_text));
    assert_eq!(text(&again, again.path), text(head, head.path));
    assert_eq!(again.query.map(|query| text(&again, query)), head.query.map(|query| text(head, query)));
    assert!(again.bytes(again.host).eq_ignore_ascii_case(head.bytes(head.host)));
    assert_eq!((again.method, again.body), (head.method, head.body));
    assert_eq!((again.connection, again.expects_continue), (head.connection, head.expects_continue));
    assert!(again.fields.iter().eq(head.fields.iter()));
}
