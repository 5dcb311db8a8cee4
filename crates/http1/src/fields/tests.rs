use super::*;

/// Pieces of field lines, right and wrong, from which whole sections are put together.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\r\n",
    b"\r\n",
    b": ",
    b":",
    b"Host",
    b"content-length",
    b"X-Any-Name-That-Is-Longer-Than-A-Block",
    b"value",
    b"a value that is longer than two blocks of bytes, \xe9 and all",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\0",
    b"\x7f",
    b"(",
];

/// Where a section ends, and its names and values.
type Section = (usize, Vec<(Vec<u8>, Vec<u8>)>);

/// What `httparse` makes of a section.
fn read_by_other(text: &[u8]) -> Option<Section> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    match httparse::parse_headers(text, &mut slots) {
        Ok(httparse::Status::Complete((end, lines))) => {
            Some((end, lines.iter().map(|line| (line.name.into(), line.value.into())).collect()))
        }
        Ok(httparse::Status::Partial) | Err(_) => None,
    }
}

fn read_by_us(text: &[u8]) -> Option<Section> {
    let mut fields = Fields::default();
    let end = read(text, 0, 64, &mut fields, &mut Noticed::default()).ok().flatten()?;
    fields.store(text);
    Some((end, fields.iter().map(|field| (field.name.into(), field.value.into())).collect()))
}

/// Two readers, one result. Line feeds alone are the one thing that the other lets pass and we do not; no
/// section that it reads to its end has one and is read by us.
#[test]
fn another_reader_reads_the_same() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap() % below
    };
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..30_000 {
        let mut text = Vec::new();
        for _ in 0..next(4) {
            // Mostly lines that are right, so that whole sections often are.
            text.extend_from_slice(
                [&b"Host: v\r\n"[..], b"A:\t b \t\r\n", b"Server-Timing: x;\xff\r\n"][next(3)],
            );
            for _ in 0..next(6) {
                text.extend_from_slice(PIECES[next(PIECES.len())]);
            }
        }
        text.extend_from_slice(b"\r\n\r\nrest");
        let (ours, other) = (read_by_us(&text), read_by_other(&text));
        let bare_line_feed = other.as_ref().is_some_and(|(end, _)| {
            let lines = text[..*end].split(|&b| b == b'\n').filter(|line| !line.is_empty());
            lines.clone().any(|line| !line.ends_with(b"\r")) || text[..*end].windows(2).any(|w| w == b"\n\n")
        });
        if bare_line_feed {
            assert_eq!(ours, None, "{:?}", text.escape_ascii().to_string());
        } else {
            assert_eq!(ours, other, "{:?}", text.escape_ascii().to_string());
        }
        *if ours.is_some() { &mut accepted } else { &mut refused } += 1;
    }
    assert!(accepted > 3_000 && refused > 3_000, "{accepted} accepted, {refused} refused");
}
