//! The request line, read as far as it has come.

use std::ops::Range;

use rempart_flow::{BadRequest, Fault, Version};

use rempart_flow::bytes::{IN_PATH, PATH, TARGET, TOKEN, is, len_of};

/// Where the parts of a request line stand. Filled from left to right, so that a refused request can
/// still be described.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestLine {
    /// Bytes of the method, which begins the text; 0 until it is known to be one.
    pub(super) method_len: usize,
    /// The target, or what was read of it.
    pub(super) target: Range<usize>,
    /// Where the first `?` of the target is; its end if there is none.
    pub(super) path_end: usize,
    /// The version, with 1.2 and later counted as 1.1.
    pub(super) version: Version,
    /// Where the next line begins.
    pub(super) end: usize,
}

/// Reads the request line (RFC 9112 section 3); `false` if it is not complete. Exactly one space stands
/// between its parts.
pub(super) fn read(text: &[u8], target_bytes_max: usize, line: &mut RequestLine) -> Result<bool, Fault> {
    let Some(method_len) = text.iter().position(|&b| !is(b, TOKEN)) else { return Ok(false) };
    match text.get(method_len) {
        Some(b' ') if method_len > 0 => line.method_len = method_len,
        Some(b' ') => return Err(Fault::BadRequest(BadRequest::RequestLine)),
        _ => return break_or(text, method_len, BadRequest::Method),
    }
    if !read_target(text, target_bytes_max, line)? {
        return Ok(false);
    }
    read_version(text, line)
}

/// Reads the target and the space after it. What is not ordinary is looked at again, with care.
fn read_target(text: &[u8], target_bytes_max: usize, line: &mut RequestLine) -> Result<bool, Fault> {
    let start = line.method_len + 1;
    let rest = text.get(start..).unwrap_or_default();
    let path_len = len_of(IN_PATH, rest);
    let from_query = rest.get(path_len..).unwrap_or_default();
    let len = match from_query {
        [b'?', ..] => path_len + len_of(TARGET, from_query),
        _ => path_len,
    };
    if !(1..=target_bytes_max).contains(&len) || rest.get(len) != Some(&b' ') {
        return read_odd_target(text, target_bytes_max, line);
    }
    line.target = start..start + len;
    line.path_end = start + path_len;
    Ok(true)
}

/// A target that is not complete, or not right.
#[cold]
fn read_odd_target(text: &[u8], target_bytes_max: usize, line: &mut RequestLine) -> Result<bool, Fault> {
    let start = line.method_len + 1;
    let rest = text.get(start..).unwrap_or_default();
    let rest = rest.get(..=target_bytes_max).unwrap_or(rest);
    let len = rest.iter().position(|&b| !is(b, TARGET));
    let target = rest.get(..len.unwrap_or(rest.len()).min(target_bytes_max)).unwrap_or_default();
    let path_len = memchr::memchr(b'?', target).unwrap_or(target.len());
    line.target = start..start + target.len();
    line.path_end = start + path_len;
    let Some(len) = len else {
        return if rest.len() > target_bytes_max { Err(Fault::TargetTooLong) } else { Ok(false) };
    };
    match rest.get(len) {
        Some(b' ') if len > 0 => {}
        _ => return break_or(text, start + len, BadRequest::Target),
    }
    if target.get(..path_len).unwrap_or_default().iter().all(|&b| is(b, PATH)) {
        Ok(true)
    } else {
        Err(Fault::BadRequest(BadRequest::Target))
    }
}

/// `HTTP/` digit `.` digit and the end of the line. A later minor version of HTTP/1 is a message that
/// HTTP/1.1 can read (RFC 9110 section 2.5), so it is taken as 1.1, which is also what goes on.
fn read_version(text: &[u8], line: &mut RequestLine) -> Result<bool, Fault> {
    let start = line.target.end + 1;
    let rest = text.get(start..).unwrap_or_default();
    if rest.starts_with(b"HTTP/1.1\r\n") {
        line.end = start + VERSION_LINE.len();
        line.version = Version::Http11;
        return Ok(true);
    }
    read_other_version(text, start, line)
}

fn read_other_version(text: &[u8], start: usize, line: &mut RequestLine) -> Result<bool, Fault> {
    let rest = text.get(start..).unwrap_or_default();
    for (at, &byte) in rest.iter().take(VERSION_LINE.len()).enumerate() {
        let expected = VERSION_LINE.get(at).copied().unwrap_or_default();
        let right = if expected == b'0' { byte.is_ascii_digit() } else { byte == expected };
        if !right {
            let inside_break = expected == b'\n';
            return break_or(text, start + at - usize::from(inside_break), BadRequest::RequestLine);
        }
    }
    line.end = start + VERSION_LINE.len();
    line.version = match rest.get(5..VERSION_LINE.len()) {
        None => return Ok(false),
        Some(b"1.0\r\n") => Version::Http10,
        Some([b'1', ..]) => Version::Http11,
        Some(b"2.0\r\n") if text.starts_with(b"PRI * ") => {
            return Err(Fault::BadRequest(BadRequest::Preface));
        }
        Some(_) => return Err(Fault::VersionUnknown),
    };
    Ok(true)
}

/// The shape of a version and the end of its line; `0` stands for any digit.
const VERSION_LINE: &[u8] = b"HTTP/0.0\r\n";

/// The fault of a byte that may not stand at `at`: a broken line end, a line that ends too early, or
/// `otherwise`. Not known yet where a CR is the last byte.
fn break_or(text: &[u8], at: usize, otherwise: BadRequest) -> Result<bool, Fault> {
    Err(Fault::BadRequest(match text.get(at..).unwrap_or_default() {
        [b'\r'] => return Ok(false),
        [b'\r', b'\n', ..] => BadRequest::RequestLine,
        [b'\r', ..] => BadRequest::BareCr,
        [b'\n', ..] => BadRequest::BareLf,
        _ => otherwise,
    }))
}
