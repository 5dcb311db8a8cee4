use super::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn heads() {
    let request = written(|out| {
        request_line(out, b"GET", b"/a?b");
        field(out, b"Host", b"h");
        content_length(out, u64::MAX);
        end_of_head(out);
    });
    assert_eq!(request, "GET /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n");
    assert_eq!(written(|out| status_line(out, 404, reason(404).as_bytes())), "HTTP/1.1 404 Not Found\r\n");
    assert_eq!(written(|out| status_line(out, 599, reason(599).as_bytes())), "HTTP/1.1 599 \r\n");
}

#[test]
fn chunk_sizes_are_hex_without_padding() {
    for len in [1, 9, 10, 15, 16, 255, 256, 0x1234_abcd, usize::MAX] {
        assert_eq!(written(|out| chunk_head(out, len)), format!("{len:x}\r\n"));
    }
}

#[test]
fn only_trailers_that_may_go_on_are_written() {
    let mut trailers = Fields::default();
    trailers.append(b"X", b"y");
    trailers.append(b"TE", b"z");
    assert_eq!(written(|out| last_chunk(out, Some(&trailers))), "0\r\nX: y\r\n\r\n");
    assert_eq!(written(|out| last_chunk(out, None)), "0\r\n\r\n");
}

#[test]
fn kept_fields_are_written_whole_and_in_order_however_they_stood() {
    let text = b"GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB:2\r\nC:  3 \r\nD: \r\nE: 5\r\nF: 6\r\n\r\n";
    let mut head = rempart_flow::RequestHead::default();
    crate::request::parse(text, &crate::HeadLimits::default(), &mut head).unwrap();
    head.fields.append(b"G", b"7");
    let kept = |drop: &[u8]| {
        let mut out = Vec::new();
        fields(&mut out, &head.fields, |field| !drop.contains(&head.fields.bytes(field.name)[0]));
        String::from_utf8(out).unwrap()
    };
    assert_eq!(kept(b"H"), "A: 1\r\nB: 2\r\nC: 3\r\nD: \r\nE: 5\r\nF: 6\r\nG: 7\r\n");
    assert_eq!(kept(b"AE"), "Host: a\r\nB: 2\r\nC: 3\r\nD: \r\nF: 6\r\nG: 7\r\n");
    assert_eq!(kept(b"HABCDEFG"), "");
}
