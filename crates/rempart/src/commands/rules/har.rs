//! The requests of an HTTP archive (HAR 1.2), as browsers export it. Answers in it say nothing here.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::Scheme;
use super::request::{Asked, host_of, message};
use crate::output::{Failure, complain};

/// No archive is larger.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// So many of its requests are tried.
const ENTRIES_MAX: usize = 10_000;

#[derive(Deserialize)]
struct Archive {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Field>,
    #[serde(default)]
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    #[serde(default)]
    mime_type: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    params: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(default)]
    value: String,
}

/// Reads an archive. What is no request of HTTP is left out, and said.
pub(super) fn read(file: &Path) -> Result<Vec<Asked>, Failure> {
    let name = file.display();
    let failed = |error| Failure::Text(format!("{name} cannot be read: {error}"));
    let mut text = Vec::new();
    File::open(file).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(Failure::Text(format!("{name} has more than {FILE_BYTES_MAX} bytes")));
    }
    let (all, left_out) = parse(&text).map_err(|what| Failure::Text(format!("{name}: {what}")))?;
    if left_out > 0 {
        complain(&format!(
            "{left_out} entries of {name} are no requests over http or https, and are left out\n"
        ));
    }
    Ok(all)
}

/// The requests, and how many entries are none.
fn parse(text: &[u8]) -> Result<(Vec<Asked>, usize), String> {
    // Some write a byte order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let archive: Archive =
        serde_json::from_slice(text).map_err(|error| format!("it is no HTTP archive (HAR 1.2): {error}"))?;
    let entries = archive.log.entries;
    if entries.len() > ENTRIES_MAX {
        return Err(format!("it has {} entries; at most {ENTRIES_MAX} are tried", entries.len()));
    }
    let count = entries.len();
    let all: Vec<Asked> = entries.into_iter().filter_map(|entry| asked(&entry.request)).collect();
    let left_out = count - all.len();
    Ok((all, left_out))
}

fn asked(request: &Request) -> Option<Asked> {
    let (scheme, rest) = request.url.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => Scheme::Http,
        "https" | "wss" => Scheme::Https,
        _ => return None,
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let slash = if target.starts_with('/') { "" } else { "/" };
    let has_control = |text: &str| text.bytes().any(|byte| byte < b' ' || byte == 0x7f);
    let first = format!("{} {slash}{target} HTTP/1.1", request.method);
    if has_control(&first) || has_control(authority) || request.method.contains(' ') {
        return None;
    }
    let body = request.post_data.as_ref().map(PostData::bytes).unwrap_or_default();
    let mut fields: Vec<String> = Vec::new();
    for Field { name, value } in &request.headers {
        // Pseudo fields of HTTP/2, and what says where the message ends, which is said anew.
        let is_ours = ["host", "content-length", "transfer-encoding", "connection"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own));
        if !name.starts_with(':') && !is_ours && !has_control(name) && !has_control(value) {
            fields.push(format!("{name}: {value}"));
        }
    }
    if !body.is_empty() {
        fields.push(format!("Content-Length: {}", body.len()));
    }
    let fields: Vec<&[u8]> = fields.iter().map(String::as_bytes).collect();
    let bytes = message(&first, &fields, &body, Some(authority)).ok()?;
    let host = host_of(&bytes);
    Some(Asked {
        name: format!("{} {}", request.method, request.url),
        bytes,
        host,
        ip: None,
        scheme: Some(scheme),
    })
}

impl PostData {
    /// The body; one of which only the parameters are there is written from them.
    fn bytes(&self) -> Vec<u8> {
        let is_form = self.mime_type.starts_with("application/x-www-form-urlencoded");
        if self.text.is_empty() && is_form {
            let pairs = self.params.iter().map(|parameter| format!("{}={}", parameter.name, parameter.value));
            return pairs.collect::<Vec<_>>().join("&").into_bytes();
        }
        self.text.clone().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(requests: &str) -> String {
        let entries = requests.lines().map(|request| format!("{{\"request\":{request},\"response\":{{}}}}"));
        format!("{{\"log\":{{\"version\":\"1.2\",\"entries\":[{}]}}}}", entries.collect::<Vec<_>>().join(","))
    }

    fn parsed(requests: &str) -> (Vec<Asked>, usize) {
        parse(archive(requests).as_bytes()).unwrap()
    }

    #[test]
    fn requests_are_written_as_they_were_sent() {
        let (all, left_out) = parsed(
            "{\"method\":\"GET\",\"url\":\"https://A.test:8443/a?b=c#d\",\"headers\":[{\"name\":\":authority\",\"value\":\"a.test\"},{\"name\":\"accept\",\"value\":\"*/*\"},{\"name\":\"Host\",\"value\":\"x\"}]}\n\
             {\"method\":\"POST\",\"url\":\"http://a.test\",\"postData\":{\"mimeType\":\"application/x-www-form-urlencoded\",\"params\":[{\"name\":\"a\",\"value\":\"1\"}]}}\n\
             {\"method\":\"GET\",\"url\":\"data:text/plain,x\"}",
        );
        assert_eq!(left_out, 1);
        assert_eq!(all[0].bytes, b"GET /a?b=c HTTP/1.1\r\nHost: A.test:8443\r\naccept: */*\r\n\r\n");
        assert_eq!((all[0].host.as_str(), all[0].scheme), ("a.test", Some(Scheme::Https)));
        assert_eq!(all[1].bytes, b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\na=1");
        assert_eq!(all[1].scheme, Some(Scheme::Http));
    }

    #[test]
    fn no_entry_writes_a_second_request() {
        let (all, left_out) = parsed(
            "{\"method\":\"GET\",\"url\":\"http://a.test/\",\"headers\":[{\"name\":\"x\",\"value\":\"1\\r\\nHost: b\"}]}\n\
             {\"method\":\"GET\",\"url\":\"http://a.test/\\r\\nHost: b\"}",
        );
        assert_eq!((all.len(), left_out), (1, 1));
        assert_eq!(all[0].bytes, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    }

    #[test]
    fn the_bound_is_exact() {
        let one = "{\"method\":\"GET\",\"url\":\"http://a/\"}";
        assert_eq!(parsed(&vec![one; ENTRIES_MAX].join("\n")).0.len(), ENTRIES_MAX);
        assert!(parse(archive(&vec![one; ENTRIES_MAX + 1].join("\n")).as_bytes()).is_err());
        assert!(parse(b"{\"log\":{}}").is_err());
        assert!(parse(b"\xef\xbb\xbf{\"log\":{\"entries\":[]}}").is_ok());
    }
}
