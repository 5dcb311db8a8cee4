//! Finding a request's line in an access log of any size, with a few MiB of memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;

use memchr::memmem::FinderRev;
use serde_json::Value;

/// So much of a file is looked at in one piece.
const PIECE_BYTES: u64 = 1 << 20;
/// No line is longer.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// How the line of a ray begins to be told from others: quotes within texts are escaped, so it stands nowhere else.
fn needle(ray: &str) -> String {
    format!("\"RayID\":\"{ray}\"")
}

/// The newest line of this ray, looked for from the end of the file.
pub(super) fn newest(file: &File, ray: &str) -> io::Result<Option<Value>> {
    let needle = needle(ray);
    let finder = FinderRev::new(&needle);
    let mut end = file.metadata()?.len();
    let whole = end;
    let mut piece = Vec::new();
    while end > 0 {
        let begin = end.saturating_sub(PIECE_BYTES);
        // What begins in this piece may end in the one behind it.
        let until = whole.min(end + needle.len() as u64 - 1);
        read_between(file, begin, until, &mut piece)?;
        let mut left = piece.len();
        while let Some(at) = finder.rfind(piece.get(..left).unwrap_or_default()) {
            if let Some(line) = line_around(file, begin + at as u64, whole, ray)? {
                return Ok(Some(line));
            }
            left = at;
        }
        end = begin;
    }
    Ok(None)
}

/// The line in which this place is, if it is the one of this ray.
fn line_around(file: &File, at: u64, whole: u64, ray: &str) -> io::Result<Option<Value>> {
    let begin = at.saturating_sub(LINE_BYTES_MAX);
    let mut around = Vec::new();
    read_between(file, begin, whole.min(at + LINE_BYTES_MAX), &mut around)?;
    let (before, behind) = around.split_at_checked((at - begin) as usize).unwrap_or((&around, &[]));
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let rest = behind.iter().position(|byte| *byte == b'\n').unwrap_or(behind.len());
    let line = around.get(start..before.len() + rest).unwrap_or_default();
    Ok(of_ray(line, ray))
}

fn read_between(file: &File, begin: u64, end: u64, into: &mut Vec<u8>) -> io::Result<()> {
    into.resize(usize::try_from(end.saturating_sub(begin)).unwrap_or(0), 0);
    match file.read_exact_at(into, begin) {
        // It was cut meanwhile.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => into.clear(),
        outcome => outcome?,
    }
    Ok(())
}

/// The same of what cannot be read from its end: the last line of this ray. Lines that are too long are left out.
pub(super) fn newest_of_stream(stream: impl Read, ray: &str) -> io::Result<Option<Value>> {
    let needle = needle(ray);
    let finder = memchr::memmem::Finder::new(&needle);
    let mut lines = BufReader::with_capacity(PIECE_BYTES as usize, stream);
    let (mut line, mut found) = (Vec::new(), None);
    loop {
        line.clear();
        let read = (&mut lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(found);
        }
        if finder.find(&line).is_some() {
            found = of_ray(&line, ray).or(found);
        }
    }
}

fn of_ray(line: &[u8], ray: &str) -> Option<Value> {
    // A service manager may have written something before it.
    let json = line.get(line.iter().position(|byte| *byte == b'{')?..)?;
    let value: Value = serde_json::from_slice(json.trim_ascii_end()).ok()?;
    (value.get("RayID").and_then(Value::as_str) == Some(ray)).then_some(value)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn line(number: u64, more: &str) -> String {
        format!("{{\"RayID\":\"{number:016x}\",\"More\":\"{more}\"}}\n")
    }

    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn found(text: &str, number: u64) -> Option<String> {
        let ray = format!("{number:016x}");
        let of_file = newest(&file(text), &ray).unwrap();
        assert_eq!(of_file, newest_of_stream(text.as_bytes(), &ray).unwrap());
        Some(of_file?["More"].as_str().unwrap().to_owned())
    }

    #[test]
    fn the_newest_line_is_found_wherever_it_stands() {
        let text = line(1, "old") + &line(2, "b") + &line(1, "new") + &line(3, "c");
        assert_eq!(found(&text, 1).as_deref(), Some("new"));
        assert_eq!(found(&text, 2).as_deref(), Some("b"));
        assert_eq!(found(&text, 3).as_deref(), Some("c"));
        assert_eq!(found(&text, 4), None);
        assert_eq!(found("", 4), None);
        assert_eq!(found(text.trim_end(), 3).as_deref(), Some("c"), "without the last line end");
    }

    #[test]
    fn a_line_that_lies_across_pieces_is_found() {
        let one = line(1, "here");
        for shift in 0..one.len() as u64 + 2 {
            let behind = "x".repeat((PIECE_BYTES - shift) as usize);
            let text = format!("{}{one}{behind}", line(2, "before"));
            assert_eq!(found(&text, 1).as_deref(), Some("here"), "{shift}");
        }
    }

    #[test]
    fn what_a_visitor_writes_is_no_line() {
        // As a user agent stands in a line.
        let quoted = format!("\\\"RayID\\\":\\\"{:016x}\\\"", 7);
        let text = line(7, "mine") + &line(8, &quoted);
        assert_eq!(found(&text, 7).as_deref(), Some("mine"));
        assert_eq!(
            found(&format!("{}{{\"RayID\":\"{:016x}\",\"cut", line(7, "mine"), 7), 7).as_deref(),
            Some("mine")
        );
    }

    #[test]
    fn what_a_service_manager_writes_before_it_is_left_out() {
        let text = format!("Nov 26 10:00:00 host rempart[7]: {}", line(7, "mine"));
        assert_eq!(found(&text, 7).as_deref(), Some("mine"));
    }
}
