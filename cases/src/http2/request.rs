//! A request of a case as HTTP/2 tells it.

use super::OF_HTTP1;
use crate::message::Fields;
use crate::text::show;

/// A request as HTTP/2 tells it.
#[derive(Debug)]
pub struct Request {
    /// Pseudo-header fields first.
    pub(super) fields: Fields,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The same as a request of HTTP/1 with this method and target and these lines, for the host that they name or
    /// this one.
    ///
    /// # Errors
    /// Says what HTTP/2 cannot tell.
    pub fn new(
        method: &[u8],
        target: &[u8],
        lines: &[Vec<u8>],
        host: &[u8],
        body: Option<Vec<u8>>,
    ) -> Result<Self, String> {
        let mut authority = host.to_vec();
        let mut fields = Vec::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':');
            let (name, value) = colon.and_then(|at| line.split_at_checked(at)).ok_or_else(|| show(line))?;
            let (name, value) = (name.to_ascii_lowercase(), value.get(1..).unwrap_or_default().trim_ascii());
            if OF_HTTP1.contains(&name.as_slice()) {
                return Err(format!("a field of HTTP/1: {}", show(line)));
            }
            if name == b"host" {
                value.clone_into(&mut authority);
            } else {
                fields.push((name, value.to_vec()));
            }
        }
        if !target.starts_with(b"/") && target != b"*" {
            return Err(format!("a target of HTTP/1: {}", show(target)));
        }
        let has_length = fields.iter().any(|(name, _)| name == b"content-length");
        if let (Some(body), false) = (&body, has_length) {
            fields.push((b"content-length".to_vec(), body.len().to_string().into_bytes()));
        }
        let pseudo = [
            (b":method".as_slice(), method),
            (b":scheme", b"https"),
            (b":authority", &authority),
            (b":path", target),
        ];
        let pseudo = pseudo.map(|(name, value)| (name.to_vec(), value.to_vec()));
        Ok(Self { fields: pseudo.into_iter().chain(fields).collect(), body: body.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, lines: &[&str], body: Option<&str>) -> Result<String, String> {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let body = body.map(|body| body.as_bytes().to_vec());
        let request = Request::new(b"POST", target.as_bytes(), &lines, b"shop.test", body)?;
        let line = |(name, value): &(Vec<u8>, Vec<u8>)| [&**name, b"=", &**value].concat();
        Ok(show(&request.fields.iter().map(line).collect::<Vec<_>>().join(&b' ')))
    }

    #[test]
    fn fields_are_told_and_what_http2_does_not_have_is_no_request() {
        let told = request("/a?b", &["X-A: b", "Host: other.test:1"], Some("hello"));
        let path = ":method=POST :scheme=https :authority=other.test:1 :path=/a?b";
        assert_eq!(told.unwrap(), format!("\"{path} x-a=b content-length=5\""));
        let told = request("*", &["content-length: 9"], Some("hello")).unwrap();
        assert!(told.ends_with(":authority=shop.test :path=* content-length=9\""), "{told}");
        for (target, line) in [
            ("/", "Connection: x"),
            ("/", "Transfer-Encoding: chunked"),
            ("/", "no field"),
            ("http://shop.test/", "x: y"),
        ] {
            assert!(request(target, &[line], None).is_err(), "{line}");
        }
    }
}
