//! A request as somebody writes it into a file: lines may end as the editor ends them, and what is told beside it stands
//! in remarks before it.

use std::fs::File;
use std::io::{Read, stdin};
use std::net::IpAddr;
use std::path::Path;

use super::Scheme;
use crate::output::Failure;

/// No request file is larger.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A request to be tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// What it is, for people.
    pub(super) name: String,
    /// The whole message of HTTP/1.1.
    pub(super) bytes: Vec<u8>,
    /// For which host it is, without port, in lower case.
    pub(super) host: String,
    /// From where, if that was said.
    pub(super) ip: Option<IpAddr>,
    /// How it comes, if that was said.
    pub(super) scheme: Option<Scheme>,
}

/// Reads one; `host` is whom it is for if it does not say.
pub(super) fn read(file: &Path, host: Option<&str>) -> Result<Asked, Failure> {
    let name = file.display();
    let failed = |error| Failure::Text(format!("{name} cannot be read: {error}"));
    let mut text = Vec::new();
    if file.as_os_str() == "-" {
        stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    } else {
        File::open(file).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    }
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(Failure::Text(format!("{name} has more than {FILE_BYTES_MAX} bytes")));
    }
    parse(&text, host).map_err(|(line, what)| Failure::Text(format!("{name}:{line}: {what}")))
}

/// Line and what is wrong with it.
type Wrong = (usize, String);

/// Reads a request.
pub(super) fn parse(text: &[u8], host: Option<&str>) -> Result<Asked, Wrong> {
    let mut asked = Asked::default();
    let (mut rest, mut at) = (text, 0);
    let mut begun = None;
    let mut head: Vec<&[u8]> = Vec::new();
    while !rest.is_empty() {
        let (line, behind) = next_line(rest);
        at += 1;
        rest = behind;
        match (begun, line) {
            (None, [b'#', remark @ ..]) => asked.remark(remark).map_err(|what| (at, what))?,
            (None, []) => {}
            (None, _) => {
                begun = Some(at);
                head.push(line);
            }
            (Some(_), []) => break,
            (Some(_), _) => head.push(line),
        }
    }
    let (Some(first_at), Some((first, fields))) = (begun, head.split_first()) else {
        return Err((at.max(1), "there is no request: a line like `GET / HTTP/1.1` was expected".to_owned()));
    };
    let first = request_line(first).map_err(|what| (first_at, what))?;
    for (number, field) in fields.iter().enumerate() {
        if !field.contains(&b':') {
            let line = String::from_utf8_lossy(field);
            return Err((
                first_at + 1 + number,
                format!("`{line}` is no header field: `Name: value` was expected"),
            ));
        }
    }
    asked.name.clone_from(&first);
    asked.bytes = message(&first, fields, rest, host).map_err(|what| (first_at, what))?;
    asked.host = host_of(&asked.bytes);
    Ok(asked)
}

impl Asked {
    /// A remark before the request: `ip: 203.0.113.9`, `scheme: http`. Others say nothing.
    fn remark(&mut self, remark: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(remark);
        let Some((key, value)) = text.split_once(':') else { return Ok(()) };
        let value = value.trim();
        match key.trim() {
            "ip" => {
                let ip = value.parse().map_err(|_| format!("`{value}` is no address"))?;
                self.ip = Some(ip);
            }
            "scheme" if value == "http" => self.scheme = Some(Scheme::Http),
            "scheme" if value == "https" => self.scheme = Some(Scheme::Https),
            "scheme" => return Err(format!("`{value}` is no scheme: `http` or `https` was expected")),
            _ => {}
        }
        Ok(())
    }
}

/// A line without its end, and what follows.
fn next_line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b'\n') {
        None => (text, &[]),
        Some(end) => {
            let (line, rest) = text.split_at(end);
            (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or_default())
        }
    }
}

/// The request line, with its version if that was left out.
fn request_line(line: &[u8]) -> Result<String, String> {
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [method, target] if !target.starts_with("HTTP/") => Ok(format!("{method} {target} HTTP/1.1")),
        // It is asked over HTTP/1.1 whatever it was sniffed from.
        [method, target, "HTTP/2" | "HTTP/2.0" | "HTTP/3"] => Ok(format!("{method} {target} HTTP/1.1")),
        [_, _, version] if version.starts_with("HTTP/") => Ok(line.trim_end().to_owned()),
        _ => Err(format!("`{line}` is no request line: one like `GET / HTTP/1.1` was expected")),
    }
}

/// The message as it goes to the worker. A body of which the fields do not say how long it is gets a `Content-Length`,
/// and loses the end of its last line, which is the editor's.
pub(super) fn message(
    first: &str,
    fields: &[&[u8]],
    body: &[u8],
    host: Option<&str>,
) -> Result<Vec<u8>, String> {
    let has = |name: &str| {
        let is_it = |field: &&&[u8]| {
            field.get(..name.len()).is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
        };
        fields.iter().find(is_it).is_some_and(|field| field.get(name.len()) == Some(&b':'))
    };
    let mut bytes = format!("{first}\r\n").into_bytes();
    match host {
        _ if has("Host") => {}
        Some(host) => bytes.extend_from_slice(format!("Host: {host}\r\n").as_bytes()),
        None => return Err("the request has no `Host`: write one, or name the zone with --zone".to_owned()),
    }
    for field in fields {
        bytes.extend_from_slice(field);
        bytes.extend_from_slice(b"\r\n");
    }
    let mut body = body;
    if !body.is_empty() && !has("Content-Length") && !has("Transfer-Encoding") {
        body = body.strip_suffix(b"\n").unwrap_or(body);
        body = body.strip_suffix(b"\r").unwrap_or(body);
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    Ok(bytes)
}

/// The host that a message names, without its port.
pub(super) fn host_of(message: &[u8]) -> String {
    let mut lines =
        message.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty());
    let value = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(5)?;
        name.eq_ignore_ascii_case(b"host:").then_some(value)
    });
    let value = String::from_utf8_lossy(value.unwrap_or_default()).trim().to_ascii_lowercase();
    match value.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        String::from_utf8(parse(text.as_bytes(), None).unwrap().bytes).unwrap()
    }

    #[test]
    fn a_request_is_read_as_an_editor_writes_it() {
        let text =
            "# a remark\n# ip: 203.0.113.9\n# scheme: http\n\nGET /a HTTP/1.1\nHost: A.test:80\nX: y\n";
        let asked = parse(text.as_bytes(), None).unwrap();
        assert_eq!(asked.ip, Some(IpAddr::from([203, 0, 113, 9])));
        assert_eq!((asked.scheme, &*asked.host), (Some(Scheme::Http), "a.test"));
        assert_eq!(asked.bytes, b"GET /a HTTP/1.1\r\nHost: A.test:80\r\nX: y\r\n\r\n");
        assert_eq!(shown("GET /\r\nHost: a\r\n\r\n"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(shown("GET / HTTP/2\nhost: a"), "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    }

    #[test]
    fn a_body_gets_its_length_unless_the_request_says_it() {
        assert_eq!(
            shown("POST / HTTP/1.1\nHost: a\n\nx=1&y=2\n"),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nx=1&y=2"
        );
        let said = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx\n";
        assert_eq!(shown(said), said);
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("# only a remark\n", 1),
            ("# ip: nowhere\nGET / HTTP/1.1\n", 1),
            ("\n# scheme: ftp\n", 2),
            ("hello\nHost: a\n", 1),
            ("GET / HTTP/1.1\nHost: a\nno field\n", 3),
            ("\nGET / HTTP/1.1\nX: no host\n", 2),
        ] {
            assert_eq!(parse(text.as_bytes(), None).map_err(|(line, _)| line), Err(line), "{text:?}");
        }
    }

    #[test]
    fn a_request_without_host_is_for_the_zone_that_was_named() {
        let asked = parse(b"GET / HTTP/1.1\n", Some("a.test")).unwrap();
        assert_eq!(
            (asked.host.as_str(), asked.bytes.as_slice()),
            ("a.test", &b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"[..])
        );
    }
}
