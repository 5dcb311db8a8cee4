//! What of a request is not written into events: visitors send it to the website alone.

/// Words in the names of fields, of header fields, cookies and parameters whose values are not kept.
const WORDS: [&str; 11] = [
    "cookie",
    "authorization",
    "http.request.body",
    "token",
    "passw",
    "secret",
    "session",
    "api-key",
    "api_key",
    "apikey",
    "credential",
];

/// Whether the value of this, in the words of expressions (`http.request.headers["x-api-key"][0]`), may be such a one. Of
/// header fields that are not named it is not known, so it may.
pub(super) fn is_secret(what: &str) -> bool {
    let what = what.to_ascii_lowercase();
    WORDS.iter().any(|word| what.contains(word))
        || what.split("headers").skip(1).any(|rest| {
            let is_harmless = ["[\"", ".names", ".truncated"].iter().any(|begin| rest.starts_with(begin));
            !is_harmless
        })
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn what_visitors_send_to_the_website_alone_is_known() {
        for (what, is) in [
            (r#"http.request.uri.path"#, false),
            (r#"http.user_agent"#, false),
            (r#"http.request.headers["x-plan"][0]"#, false),
            (r#"http.request.headers.names[3]"#, false),
            (r#"http.request.headers.truncated"#, false),
            (r#"http.request.uri.args["page"][0]"#, false),
            (r#"http.cookie"#, true),
            (r#"http.request.cookies["a"][0]"#, true),
            (r#"http.request.headers["authorization"][0]"#, true),
            (r#"http.request.headers["X-Api-Key"][0]"#, true),
            (r#"http.request.headers["x-auth-token"][0]"#, true),
            (r#"http.request.uri.args["password"][0]"#, true),
            (r#"http.request.headers.values[2]"#, true),
            (r#"raw.http.request.headers.values[*]"#, true),
            (r#"http.request.headers[*][0]"#, true),
            (r#"http.request.body.raw"#, true),
        ] {
            assert_eq!(is_secret(what), is, "{what}");
        }
    }
}
