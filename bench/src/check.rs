//! Before anything is measured: does the system answer with what the origin has, in the protocol that is measured?

use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::certificate::HOST;
use crate::http::{Connection, Url};
use crate::peers::Running;
use crate::rules;
use crate::works::{Kind, Protocol, Work, body, hash};

/// No check may take longer, in seconds.
const CHECK_S_MAX: &str = "15";

/// Sees that the system answers with what the origin has, once. Over HTTP/2 it is curl that asks, which has
/// nothing in common with what we measure.
pub(crate) fn check(work: Work, server: &Running) -> Outcome<()> {
    let name = server.system.name();
    let (status, answered) = match work.protocol() {
        Protocol::Http1 => over_http1(work, server)?,
        Protocol::Http2 { .. } => {
            let asked = over_http2(work, server)?;
            if asked.version != "2" {
                return Err(format!(
                    "{name} did not negotiate h2: curl --http2 was answered over HTTP/{} with status {}",
                    asked.version, asked.status
                )
                .into());
            }
            (asked.status, asked.body)
        }
    };
    let expected = body(work.body_bytes());
    if status != 200 || answered != expected {
        return Err(format!(
            "{name} answers {} with status {status}, {} bytes, hash {:016x}; expected 200, {}, {:016x}",
            work.path(),
            answered.len(),
            hash(&answered),
            expected.len(),
            hash(&expected)
        )
        .into());
    }
    if work.kind() == Kind::Rules {
        rules::check(server)?;
    }
    Ok(())
}

fn over_http1(work: Work, server: &Running) -> Outcome<(u16, Vec<u8>)> {
    let url = Url::parse(&format!("http://127.0.0.1:{}{}", server.port, work.path()))?;
    let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", url.target, url.authority);
    let answer = Connection::open(url.address)?.exchange(request.as_bytes()).map_err(|broken| {
        format!("{} does not answer {}: {}", server.system.name(), url.target, broken.cause)
    })?;
    Ok((answer.status, answer.body))
}

/// What curl saw.
#[derive(Debug, PartialEq, Eq)]
struct Curled {
    version: String,
    status: u16,
    body: Vec<u8>,
}

fn over_http2(work: Work, server: &Running) -> Outcome<Curled> {
    let port = server.port;
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--http2", "--tlsv1.3", "--max-time", CHECK_S_MAX, "--cacert"])
        .arg(Path::new(&server.certificate))
        .args(["--resolve", &format!("{HOST}:{port}:127.0.0.1")])
        // What is written about it goes behind the body.
        .args(["--write-out", "\n%{http_version} %{http_code}"])
        .arg(format!("https://{HOST}:{port}{}", work.path()))
        .output()
        .map_err(|error| format!("curl does not start: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let curled = curled(&output.stdout).filter(|_| output.status.success());
    curled.ok_or_else(|| {
        format!("{} does not answer {}: {}", server.system.name(), work.path(), told.trim()).into()
    })
}

/// Body, line end, version, space, status.
fn curled(output: &[u8]) -> Option<Curled> {
    let cut = output.iter().rposition(|byte| *byte == b'\n')?;
    let (body, told) = output.split_at_checked(cut)?;
    let (version, status) = std::str::from_utf8(told).ok()?.trim().split_once(' ')?;
    Some(Curled { version: version.to_owned(), status: status.parse().ok()?, body: body.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_have_lines_of_its_own() {
        let seen = curled(b"a\n2 404\nb\n\n2 200").unwrap();
        assert_eq!(seen, Curled { version: "2".to_owned(), status: 200, body: b"a\n2 404\nb\n".to_vec() });
        assert_eq!(curled(b"\n1.1 502").unwrap().version, "1.1");
    }

    #[test]
    fn without_a_status_there_is_no_answer() {
        assert_eq!(curled(b""), None);
        assert_eq!(curled(b"\n2"), None);
        assert_eq!(curled(b"body\n2 two"), None);
    }
}
