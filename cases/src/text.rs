//! Words and quoted texts of a case: escapes, variables, repetition.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What `${name}` stands for.
pub type Variables = BTreeMap<String, Vec<u8>>;

/// One word or one quoted text of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    parts: Vec<Part>,
    /// Whether it stood in quotes.
    pub quoted: bool,
}

/// A value: quoted texts one after another, each perhaps repeated (`"a" * 100`), or one bare word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(Vec<(Token, usize)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Bytes(Vec<u8>),
    Variable(String),
}

/// The most that one repeated text may grow to, so that a slip of the pen does not fill the memory.
const TEXT_BYTES_MAX: usize = 256 << 20;

impl Token {
    /// The word, if it is a bare one without variables.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match (self.quoted, self.parts.as_slice()) {
            (false, [Part::Bytes(bytes)]) => std::str::from_utf8(bytes).ok(),
            (true | false, _) => None,
        }
    }

    fn render(&self, variables: &Variables, out: &mut Vec<u8>) -> Result<(), String> {
        for part in &self.parts {
            match part {
                Part::Bytes(bytes) => out.extend_from_slice(bytes),
                Part::Variable(name) => match variables.get(name) {
                    Some(value) => out.extend_from_slice(value),
                    None => return Err(format!("no variable `{name}` is known here")),
                },
            }
        }
        Ok(())
    }
}

impl Text {
    /// All of `tokens` as one value.
    ///
    /// # Errors
    /// Says what is wrong when a repetition has no number, or several bare words stand side by side.
    pub fn from_tokens(tokens: &[Token]) -> Result<Self, String> {
        let mut pieces: Vec<(Token, usize)> = Vec::new();
        let mut rest = tokens.iter();
        while let Some(token) = rest.next() {
            if token.word() == Some("*") {
                let times = rest.next().and_then(Token::word).and_then(|word| word.parse().ok());
                let (Some(times), Some(last)) = (times, pieces.last_mut()) else {
                    return Err("`*` stands between a text and a number".to_owned());
                };
                last.1 = times;
            } else {
                pieces.push((token.clone(), 1));
            }
        }
        if pieces.len() > 1 && pieces.iter().any(|(token, _)| !token.quoted) {
            return Err("a value of several words stands in quotes".to_owned());
        }
        Ok(Self(pieces))
    }

    /// Whether nothing was written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, with variables filled in.
    ///
    /// # Errors
    /// Names the variable that is not known, or says that the text is too large.
    pub fn render(&self, variables: &Variables) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        for (token, times) in &self.0 {
            let mut once = Vec::new();
            token.render(variables, &mut once)?;
            if once.len().saturating_mul(*times) > TEXT_BYTES_MAX {
                return Err(format!("a text may have at most {TEXT_BYTES_MAX} bytes"));
            }
            out.extend(once.repeat(*times));
        }
        Ok(out)
    }
}

/// Splits one line into words and quoted texts.
///
/// # Errors
/// Says what is wrong: an unknown escape, an open quote, an unfinished variable.
pub fn tokens(line: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(&next) = chars.peek() {
        match next {
            ' ' | '\t' => drop(chars.next()),
            '"' => {
                chars.next();
                out.push(Token { parts: parts(&mut chars, Some('"'))?, quoted: true });
            }
            _ => out.push(Token { parts: parts(&mut chars, None)?, quoted: false }),
        }
    }
    Ok(out)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Reads up to the closing quote, or up to a space where there is none.
fn parts(chars: &mut Chars, close: Option<char>) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut bytes = Vec::new();
    loop {
        match chars.next() {
            None if close.is_some() => return Err("a quote is not closed".to_owned()),
            None => break,
            Some(char) if Some(char) == close => break,
            Some(' ' | '\t') if close.is_none() => break,
            Some('$') if chars.peek() == Some(&'{') => {
                chars.next();
                if !bytes.is_empty() {
                    parts.push(Part::Bytes(std::mem::take(&mut bytes)));
                }
                parts.push(Part::Variable(variable(chars)?));
            }
            Some('\\') if close.is_some() => bytes.push(escape(chars)?),
            Some(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if !bytes.is_empty() {
        parts.push(Part::Bytes(bytes));
    }
    Ok(parts)
}

fn variable(chars: &mut Chars) -> Result<String, String> {
    let mut name = String::new();
    for char in chars {
        if char == '}' {
            return Ok(name);
        }
        name.push(char);
    }
    Err("`${` is not closed by `}`".to_owned())
}

fn escape(chars: &mut Chars) -> Result<u8, String> {
    match chars.next() {
        Some('r') => Ok(b'\r'),
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('"') => Ok(b'"'),
        Some('$') => Ok(b'$'),
        Some('x') => {
            let hex: String = chars.by_ref().take(2).collect();
            u8::from_str_radix(&hex, 16).map_err(|_| format!("`\\x{hex}` is not a byte in hex"))
        }
        other => Err(format!(
            "unknown escape `\\{}`; known are \\r \\n \\t \\0 \\\\ \\\" \\$ \\xHH",
            other.map(String::from).unwrap_or_default()
        )),
    }
}

/// Bytes as they would be written in a case; long ones are cut in the middle.
#[must_use]
pub fn show(bytes: &[u8]) -> String {
    const EDGE_BYTES: usize = 700;
    if let (Some(head), Some(tail)) = (
        bytes.get(..EDGE_BYTES),
        bytes.len().checked_sub(EDGE_BYTES).filter(|at| *at > EDGE_BYTES).and_then(|at| bytes.get(at..)),
    ) {
        let hidden = bytes.len() - 2 * EDGE_BYTES;
        return format!("{} … {hidden} more bytes … {}", show(head), show(tail));
    }
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'\r' => out.push_str("\\r"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            0x20..=0x7e => out.push(char::from(byte)),
            _ => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(line: &str) -> Result<Vec<u8>, String> {
        let known = Variables::from([("port".to_owned(), b"80".to_vec())]);
        Text::from_tokens(&tokens(line)?)?.render(&known)
    }

    #[test]
    fn escapes_variables_and_repetition_become_bytes() {
        assert_eq!(render(r#""a\r\n\x00\"\$" "x" * 3 ":${port}""#).unwrap(), b"a\r\n\0\"$xxx:80");
        assert_eq!(render("word:${port}").unwrap(), b"word:80");
        assert_eq!(render(r#""x" * 0"#).unwrap(), b"");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for wrong in
            [r#""open"#, r#""\q""#, r#""\xZZ""#, r#"* 3"#, r#""a" * b"#, "two words", "${open", "${no}"]
        {
            assert!(render(wrong).is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn shown_bytes_read_back_as_themselves() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(render(&show(&all).replace('$', "\\$")).unwrap(), all);
    }
}
