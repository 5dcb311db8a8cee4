use rempart_http1::{HeadLimits, Parsed, request};

use super::*;

fn head(text: &str) -> RequestHead {
    let mut head = RequestHead::default();
    let limits = HeadLimits { head_bytes_max: 1 << 16, target_bytes_max: 1 << 15, fields_max: 100 };
    let parsed = request::parse(text.as_bytes(), &limits, &mut head);
    assert!(matches!(parsed, Ok(Parsed::Complete { .. })), "{parsed:?}");
    head.scheme = Scheme::Https;
    head
}

fn sample(text: &str) -> Vec<u8> {
    let samples = CoreSamples::default();
    samples.pass(&head(text));
    samples.read().pop().unwrap().bytes
}

#[test]
fn nothing_secret_is_kept_under_whatever_name_it_comes() {
    let bytes = sample(
        "POST /reset/Secret0123456789/x?token=Secret&Secret0123456789&page=Secret HTTP/1.1\r\nHost: a.example\r\n\
         Cookie: sid=Secret\r\nAuthorization: Bearer Secret\r\nProxy-Authorization: Basic Secret\r\n\
         Set-Cookie: Secret\r\nX-Api-Key: Secret\r\nX-Whatever: Secret\r\nReferer: http://b/?Secret\r\n\
         X-Forwarded-For: Secret\r\nIf-None-Match: Secret\r\nAccept: text/html\r\nContent-Length: 6\r\n\r\nSecret",
    );
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains("Secret"), "{text}");
    assert!(
        text.starts_with(
            "POST /reset/xxxxxxxxxxxxxxxx/x?token=&xxxxxxxxxxxxxxxx&page= HTTP/1.1\r\nHost: a.example\r\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("\r\nCookie: xxxxxxxxxx\r\n") && text.contains("\r\nAccept: text/html\r\n"),
        "{text}"
    );
    assert!(text.ends_with("Content-Length: 0\r\nConnection: close\r\n\r\n"), "{text}");
}

#[test]
fn what_is_kept_is_a_request_again_and_scrubbing_it_changes_nothing() {
    let text = "GET /a/b.css?v=1 HTTP/1.1\r\nHost: a.example:8080\r\nUser-Agent: test\r\nCookie: a=b\r\n\
                Connection: keep-alive, X-Own\r\nX-Own: 1\r\nTE: trailers\r\n\r\n";
    let once = sample(text);
    assert_eq!(sample(std::str::from_utf8(&once).unwrap()), once);
    assert!(!once.windows(5).any(|bytes| bytes == b"X-Own"), "what belonged to the connection is gone");
}

#[test]
fn one_in_so_many_is_kept_and_only_the_youngest_stay() {
    let samples = CoreSamples::default();
    let all = CORE_SAMPLES_MAX as u32 + 1;
    for round in 0..all {
        samples.pass(&head(&format!("GET /{round} HTTP/1.1\r\nHost: a.example\r\n\r\n")));
        let other = head("GET /other HTTP/1.1\r\nHost: a.example\r\n\r\n");
        (1..SAMPLE_EVERY).for_each(|_| samples.pass(&other));
    }
    let kept = samples.read();
    assert_eq!(kept.len(), CORE_SAMPLES_MAX);
    assert!(kept[0].bytes.starts_with(b"GET /1 ") && kept.last().unwrap().bytes.starts_with(b"GET /64 "));
}

#[test]
fn a_head_of_the_longest_is_kept_and_one_byte_more_is_not() {
    let frame = sample("GET / HTTP/1.1\r\nHost: a.example\r\nAccept: \r\n\r\n").len();
    let of =
        |bytes| head(&format!("GET / HTTP/1.1\r\nHost: a.example\r\nAccept: {}\r\n\r\n", "y".repeat(bytes)));
    let samples = CoreSamples::default();
    samples.keep(&of(SAMPLE_BYTES_MAX - frame));
    assert_eq!(samples.read()[0].bytes.len(), SAMPLE_BYTES_MAX);
    samples.keep(&of(SAMPLE_BYTES_MAX - frame + 1));
    assert_eq!(samples.read().len(), 1);
}

#[test]
fn the_file_is_bounded_private_and_read_back_and_damage_is_seen() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("releases")).unwrap();
    let cores: Vec<Arc<CoreMetrics>> = (0..20).map(|_| Arc::default()).collect();
    for core in &cores {
        for round in 0..CORE_SAMPLES_MAX {
            core.samples.keep(&head(&format!("GET /{round} HTTP/1.1\r\nHost: a.example\r\n\r\n")));
        }
    }
    write(folder.path(), &cores).unwrap();
    let read = read(folder.path()).unwrap();
    assert_eq!(read.len(), SAMPLES_MAX / cores.len() * cores.len());
    assert!(read[0].tls && read[0].bytes.starts_with(b"GET /63 "), "the youngest come first");
    assert_eq!(std::fs::metadata(path(folder.path())).unwrap().permissions().mode() & 0o777, 0o600);
    let whole = std::fs::read(path(folder.path())).unwrap();
    for cut in [0, 7, 9, whole.len() - 1] {
        std::fs::write(path(folder.path()), &whole[..cut]).unwrap();
        assert!(super::read(folder.path()).is_err(), "cut at {cut}");
    }
}
