//! Reads one step of a script.

use crate::case::{Act, Extent, Message, Relation, Subject};
use crate::text::{Text, Token};
use regex_lite::Regex;

/// A step of a client.
///
/// # Errors
/// Says what is wrong with it.
pub fn client(words: &[Token]) -> Result<Act, String> {
    match head(words) {
        ("connect", []) => Ok(Act::Connect),
        ("ask", [method, target, rest @ ..]) => {
            Ok(Act::Ask(message(&[method.clone(), target.clone()], rest)?))
        }
        (verb, rest) => shared(verb, rest, "connect, ask METHOD TARGET"),
    }
}

/// A step of an origin.
///
/// # Errors
/// Says what is wrong with it.
pub fn origin(words: &[Token]) -> Result<Act, String> {
    match head(words) {
        ("accept", []) => Ok(Act::Accept),
        ("handshake", [fails]) if fails.word() == Some("fails") => Ok(Act::HandshakeFails),
        ("expect", [nobody]) if nobody.word() == Some("nobody") => Ok(Act::ExpectNobody),
        ("answer", [status, rest @ ..]) => Ok(Act::Answer(message(std::slice::from_ref(status), rest)?)),
        (verb, rest) => shared(verb, rest, "accept, handshake fails, answer STATUS"),
    }
}

/// `= VALUE`, `!= VALUE`, `has VALUE`, `~ REGEX`, `!~ REGEX`, `absent` or `present`.
///
/// # Errors
/// Says what is wrong with it.
pub fn relation(words: &[Token]) -> Result<Relation, String> {
    match head(words) {
        ("=", value @ [_, ..]) => Ok(Relation::Is(Text::from_tokens(value)?)),
        ("!=", value @ [_, ..]) => Ok(Relation::IsNot(Text::from_tokens(value)?)),
        ("has", value @ [_, ..]) => Ok(Relation::Has(Text::from_tokens(value)?)),
        ("~", value @ [_, ..]) => Ok(Relation::Matches(regex(value)?)),
        ("!~", value @ [_, ..]) => Ok(Relation::MatchesNot(regex(value)?)),
        ("absent", []) => Ok(Relation::Absent),
        ("present", []) => Ok(Relation::Present),
        (other, _) => Err(format!(
            "`{other}` is not a relation with its value; known are = != has ~ !~ with a value, absent, present"
        )),
    }
}

fn shared(verb: &str, rest: &[Token], own: &str) -> Result<Act, String> {
    let words: Vec<&str> = rest.iter().map(|word| word.word().unwrap_or_default()).collect();
    match (verb, words.as_slice()) {
        ("send", [_, ..]) => Ok(Act::Send(Text::from_tokens(rest)?)),
        ("offer", [_, ..]) => Ok(Act::Offer(Text::from_tokens(rest)?)),
        ("read", [_, ..]) => Ok(Act::Read(Text::from_tokens(rest)?)),
        ("receive", []) => Ok(Act::Receive(Extent::Whole)),
        ("receive", ["head"]) => Ok(Act::Receive(Extent::Head)),
        ("receive", ["body"]) => Ok(Act::Receive(Extent::Body)),
        ("receive", ["truncated"]) => Ok(Act::Receive(Extent::Truncated)),
        ("expect", ["closed"]) => Ok(Act::ExpectClosed),
        ("expect", ["nothing"]) => Ok(Act::ExpectNothing),
        ("expect", [_, ..]) => {
            let (subject, rest) = subject(rest)?;
            Ok(Act::Expect(subject, relation(rest)?))
        }
        ("capture", [name, "=", _, ..]) => match subject(rest.get(2..).unwrap_or_default())? {
            (subject, []) => Ok(Act::Capture((*name).to_owned(), subject)),
            (_, more) => Err(format!("{} words too many", more.len())),
        },
        ("sync", [name]) => Ok(Act::Sync((*name).to_owned())),
        ("close", []) => Ok(Act::Close),
        ("reset", []) => Ok(Act::Reset),
        ("finish", []) => Ok(Act::Finish),
        (verb, _) => Err(format!(
            "`{verb}` with {} words is not a step here; known are {own}, send TEXT, offer TEXT, read TEXT, \
             receive [head|body|truncated], expect SUBJECT RELATION, expect closed, expect nothing, \
             capture NAME = SUBJECT, sync NAME, close, reset, finish",
            rest.len()
        )),
    }
}

fn subject(words: &[Token]) -> Result<(Subject, &[Token]), String> {
    let (what, rest) = head(words);
    let plain = match what {
        "line" => Some(Subject::Line),
        "status" => Some(Subject::Status),
        "method" => Some(Subject::Method),
        "target" => Some(Subject::Target),
        "version" => Some(Subject::Version),
        "body" => Some(Subject::Body),
        "length" => Some(Subject::Length),
        "framing" => Some(Subject::Framing),
        "certificate" => Some(Subject::Certificate),
        _ => None,
    };
    if let Some(subject) = plain {
        return Ok((subject, rest));
    }
    let (name, rest) = head(rest);
    let name = name.to_owned();
    match what {
        "header" => Ok((Subject::Header(name), rest)),
        "count" => Ok((Subject::Count(name), rest)),
        "trailer" => Ok((Subject::Trailer(name), rest)),
        _ => Err(format!(
            "`{what}` is not a subject; known are line, status, method, target, version, header NAME, \
             count NAME, trailer NAME, body, length, framing, certificate"
        )),
    }
}

/// `START... "Name: value"... [body TEXT]`
fn message(start: &[Token], rest: &[Token]) -> Result<Message, String> {
    let at = rest.iter().position(|word| word.word() == Some("body"));
    let (fields, body) = match at {
        Some(at) => (rest.get(..at), Some(Text::from_tokens(rest.get(at + 1..).unwrap_or_default())?)),
        None => (Some(rest), None),
    };
    Ok(Message {
        start: start.iter().map(one).collect::<Result<_, _>>()?,
        fields: field_texts(fields.unwrap_or_default())?,
        body,
    })
}

/// Each quoted text is a field of its own.
fn field_texts(words: &[Token]) -> Result<Vec<Text>, String> {
    if words.iter().any(|word| !word.quoted) {
        return Err("after the start come fields in quotes, then `body TEXT`".to_owned());
    }
    words.iter().map(one).collect()
}

fn one(word: &Token) -> Result<Text, String> {
    Text::from_tokens(std::slice::from_ref(word))
}

fn regex(words: &[Token]) -> Result<Regex, String> {
    let text = Text::from_tokens(words)?.render(&crate::text::Variables::new())?;
    let text = String::from_utf8(text).map_err(|_| "a pattern is UTF-8".to_owned())?;
    Regex::new(&text).map_err(|error| format!("the pattern does not compile: {error}"))
}

fn head(words: &[Token]) -> (&str, &[Token]) {
    match words {
        [first, rest @ ..] => (first.word().unwrap_or_default(), rest),
        [] => ("", &[]),
    }
}
