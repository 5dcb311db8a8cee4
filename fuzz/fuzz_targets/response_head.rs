//! Any bytes as the head of a response: whole and in two pieces come to the same, and what is accepted
//! is the same response when it is encoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_flow::{BodyLength, Known, Method, ResponseHead, Version};
use rempart_http1::{HeadLimits, Parsed, encode, response};

const LIMITS: HeadLimits = HeadLimits { head_bytes_max: 1024, target_bytes_max: 0, fields_max: 20 };

fuzz_target!(|input: &[u8]| {
    let Some((&cut, input)) = input.split_first() else { return };
    let method = if cut % 2 == 0 { Method::Get } else { Method::Head };
    let mut head = ResponseHead::default();
    let whole = response::parse(input, &LIMITS, method, &mut head);

    let cut = usize::from(cut).min(input.len());
    let mut in_pieces = ResponseHead::default();
    let mut pieces = response::parse(&input[..cut], &LIMITS, method, &mut in_pieces);
    if pieces == Ok(Parsed::Partial) {
        pieces = response::parse_from(input, cut, &LIMITS, method, &mut in_pieces);
    }
    assert_eq!(pieces, whole);

    let Ok(Parsed::Complete { head_bytes }) = whole else { return };
    assert!(head_bytes <= input.len() && input[..head_bytes].ends_with(b"\r\n\r\n"));
    assert!((100..=599).contains(&head.status));
    let lengths = head.fields.iter().filter(|f| f.known == Known::ContentLength && !f.hop_by_hop).count();
    assert!(lengths <= 1, "two lengths would be passed on");
    assert!(lengths == 0 || matches!(head.body, BodyLength::Exact(_) | BodyLength::None));
    if head.version == Version::Http11 {
        encoded_again_it_is_the_same(&head, method);
    }
});

fn encoded_again_it_is_the_same(head: &ResponseHead, method: Method) {
    let mut bytes = Vec::new();
    encode::status_line(&mut bytes, head.status, head.fields.bytes(head.reason));
    for field in head.fields.iter() {
        encode::field(&mut bytes, field.name, field.value);
    }
    encode::end_of_head(&mut bytes);
    let mut again = ResponseHead::default();
    let limits = HeadLimits { head_bytes_max: 8 * LIMITS.head_bytes_max, ..LIMITS };
    let parsed = response::parse(&bytes, &limits, method, &mut again);
    assert_eq!(parsed, Ok(Parsed::Complete { head_bytes: bytes.len() }));
    assert_eq!((again.status, again.body, again.connection), (head.status, head.body, head.connection));
    assert_eq!(again.fields.bytes(again.reason), head.fields.bytes(head.reason));
    assert!(again.fields.iter().eq(head.fields.iter()));
}
