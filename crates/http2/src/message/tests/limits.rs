use rempart_flow::{BadResponse, Fault, Fields, HeadLimits, Method, RequestHead, ResponseHead};

use super::{LIMITS, Outcome, RULES, block_of, get, read, shown, text};
use crate::hpack::{Decoder, Encoder};
use crate::message::{ForbiddenTrailers, TrailerError, read_request, read_response, read_trailers};

/// Bytes of the request as HTTP/1.1 has it.
fn http1_len(fields: &[(&str, &str)]) -> usize {
    let mut len = "GET / HTTP/1.1\r\n\r\n".len() + "host: h\r\n".len();
    for (name, value) in &fields[4..] {
        len += name.len() + value.len() + 4;
    }
    len
}

#[test]
fn bytes_are_counted_as_http1_writes_them() {
    for len in [LIMITS.head_bytes_max, LIMITS.head_bytes_max + 1] {
        let value = "v".repeat(len - http1_len(&get(&[("x", "")])));
        let fields = get(&[("x", &value)]);
        assert_eq!(http1_len(&fields), len);
        let expected = if len > LIMITS.head_bytes_max {
            Outcome::Refused(Fault::HeadTooLarge)
        } else {
            Outcome::Complete
        };
        assert_eq!(read(&fields, true, &RULES).0, expected);
    }
}

#[test]
fn cookies_count_as_the_one_field_that_they_become() {
    let pieces = |last: &str| {
        let mut fields = get(&[]);
        fields.extend(std::iter::repeat_n(("cookie", "a=1234"), 100));
        fields.push(("cookie", "z"));
        fields.pop();
        let mut owned: Vec<(String, String)> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        owned.push(("cookie".to_owned(), last.to_owned()));
        owned
    };
    let joined = http1_len(&get(&[("cookie", &["a=1234"; 100].join("; "))])) + 2;
    for (len, expected) in [
        (LIMITS.head_bytes_max - joined, Outcome::Complete),
        (LIMITS.head_bytes_max - joined + 1, Outcome::Refused(Fault::HeadTooLarge)),
    ] {
        assert_eq!(read(&pieces(&"z".repeat(len)), true, &RULES).0, expected);
    }
}

#[test]
fn fields_are_counted_with_the_host() {
    for count in [LIMITS.fields_max, LIMITS.fields_max + 1] {
        let mut fields = get(&[]);
        fields.extend(std::iter::repeat_n(("x", "y"), count - 1));
        let expected =
            if count > LIMITS.fields_max { Outcome::Refused(Fault::HeadTooLarge) } else { Outcome::Complete };
        assert_eq!(read(&fields, true, &RULES).0, expected);
    }
    // A cookie is one, in however many pieces.
    let mut fields =
        get(&[("a", "1"), ("a", "2"), ("a", "3"), ("cookie", "c"), ("a", "4"), ("a", "5"), ("cookie", "d")]);
    fields.push(("a", "6"));
    assert_eq!(read(&fields, true, &RULES).0, Outcome::Complete);
    fields.push(("a", "7"));
    assert_eq!(read(&fields, true, &RULES).0, Outcome::Refused(Fault::HeadTooLarge));
}

#[test]
fn targets() {
    for len in [LIMITS.target_bytes_max, LIMITS.target_bytes_max + 1] {
        let path = format!("/{}", "p".repeat(len - 1));
        let mut fields = get(&[]);
        fields.swap(2, 3);
        fields[2].1 = &path;
        let (outcome, head) = read(&fields, true, &RULES);
        let expected = if len > LIMITS.target_bytes_max {
            Outcome::Refused(Fault::TargetTooLong)
        } else {
            Outcome::Complete
        };
        assert_eq!(outcome, expected);
        assert_eq!(head.path.len as usize, LIMITS.target_bytes_max);
        assert_eq!(text(&head, head.host), "h");
    }
}

/// What is over the bound leaves the table right, and holds no more than the bound.
#[test]
fn a_large_list_is_decoded_to_its_end_and_not_kept() {
    let mut encoder = Encoder::new(4096);
    let mut decoder = Decoder::new(4096);
    let mut block = Vec::new();
    for (name, value) in get(&[]) {
        encoder.field(&mut block, name.as_bytes(), value.as_bytes());
    }
    encoder.field(&mut block, b"x-long", &[b'v'; 1500]);
    block.extend([0xbe; 10]);
    encoder.field(&mut block, b"x-last", b"there");
    let mut head = RequestHead::default();
    let outcome = read_request(&mut decoder, &block, true, &RULES, &mut head).unwrap();
    assert_eq!(outcome, Outcome::Refused(Fault::HeadTooLarge));
    assert_eq!(shown(&head.fields).len(), 3, "host, and two of the long ones");
    assert_eq!((text(&head, head.path), text(&head, head.host)), ("/", "h"));

    let mut next = Vec::new();
    for (name, value) in get(&[("x-last", "there")]) {
        encoder.field(&mut next, name.as_bytes(), value.as_bytes());
    }
    assert_eq!(read_request(&mut decoder, &next, true, &RULES, &mut head).unwrap(), Outcome::Complete);
    assert_eq!(shown(&head.fields), [("host", "h"), ("x-last", "there")]);
}

#[test]
fn responses_and_trailers() {
    let fixed = "HTTP/1.1 200 \r\n\r\n".len() + 5;
    for over in [0, 1] {
        let value = "v".repeat(LIMITS.head_bytes_max - fixed + over);
        let block = block_of(&[(":status", "200"), ("x", &value)]);
        let result = read_response(
            &mut Decoder::new(4096),
            &block,
            true,
            &LIMITS,
            Method::Get,
            &mut ResponseHead::default(),
        );
        assert_eq!(result.unwrap(), if over == 0 { Ok(()) } else { Err(BadResponse::HeadTooLarge) });

        let value = "v".repeat(LIMITS.head_bytes_max - 7 + over);
        let limits = HeadLimits { fields_max: 1, ..LIMITS };
        let trailers = |fields: &[(&str, &str)]| {
            let mut decoder = Decoder::new(4096);
            read_trailers(
                &mut decoder,
                &block_of(fields),
                &limits,
                ForbiddenTrailers::Refuse,
                &mut Fields::default(),
            )
        };
        let expected = if over == 0 { Ok(()) } else { Err(TrailerError::TooLarge) };
        assert_eq!(trailers(&[("x", &value)]).unwrap(), expected);
        assert_eq!(trailers(&[("x", "y"), ("x", "y")][..=over]).unwrap(), expected);
    }
}
