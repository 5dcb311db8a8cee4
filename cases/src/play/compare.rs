//! What is so and what should be, and how both are told.

use crate::case::{Relation, Subject};
use crate::message::{Framing, Message, Unread};
use crate::text::{Text, Variables, show};

/// Both halves of a message about a failure.
#[derive(Debug)]
pub struct Wrong {
    /// What was expected.
    pub expected: String,
    /// What came.
    pub got: String,
}

impl Wrong {
    pub(super) fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { expected: expected.into(), got: got.into() }
    }
}

/// Whether the relation holds.
///
/// # Errors
/// What it wants and what is.
pub fn compare(value: Option<&[u8]>, relation: &Relation, variables: &Variables) -> Result<(), Wrong> {
    let text = || value.map(String::from_utf8_lossy);
    let render = |want: &Text| want.render(variables).map_err(|got| Wrong::new("a value", got));
    let (holds, want) = match relation {
        Relation::Is(want) => {
            let want = render(want)?;
            (value == Some(want.as_slice()), format!("= {}", show(&want)))
        }
        Relation::IsNot(want) => {
            let want = render(want)?;
            (value.is_some_and(|value| value != want), format!("!= {}", show(&want)))
        }
        Relation::Has(want) => {
            let want = render(want)?;
            let has = |value: &[u8]| value.windows(want.len().max(1)).any(|part| part == want);
            (value.is_some_and(has), format!("has {}", show(&want)))
        }
        Relation::Matches(regex) => {
            (text().is_some_and(|text| regex.is_match(&text)), format!("~ {:?}", regex.as_str()))
        }
        Relation::MatchesNot(regex) => {
            (text().is_some_and(|text| !regex.is_match(&text)), format!("!~ {:?}", regex.as_str()))
        }
        Relation::Absent => (value.is_none(), "absent".to_owned()),
        Relation::Present => (value.is_some(), "present".to_owned()),
    };
    if holds { Ok(()) } else { Err(Wrong::new(want, value.map_or_else(|| "it is absent".to_owned(), show))) }
}

pub(super) fn joined(values: &[&[u8]]) -> Option<Vec<u8>> {
    (!values.is_empty()).then(|| values.join(b", ".as_slice()))
}

pub(super) fn told(unread: &Unread) -> String {
    match unread {
        Unread::Ended => "the connection ended".to_owned(),
        Unread::Late => "nothing more came in time".to_owned(),
        Unread::Malformed(what) => what.clone(),
    }
}

pub(super) fn told_subject(subject: &Subject) -> String {
    match subject {
        Subject::Header(name) => format!("header {name}"),
        Subject::Count(name) => format!("count {name}"),
        Subject::Trailer(name) => format!("trailer {name}"),
        Subject::Line
        | Subject::Status
        | Subject::Method
        | Subject::Target
        | Subject::Version
        | Subject::Body
        | Subject::Length
        | Subject::Framing
        | Subject::Certificate => format!("{subject:?}").to_lowercase(),
    }
}

/// The message under the failure, as it was read.
pub(super) fn told_head(message: &Message) -> String {
    let mut out = format!("    message: {}", String::from_utf8_lossy(&message.line));
    for (name, value) in message.fields.iter().chain(&message.trailers) {
        out.push_str("\n             ");
        out.push_str(&format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
    }
    if message.framing != Framing::None && !message.body.is_empty() {
        out.push_str(&format!("\n             body {}", show(&message.body)));
    }
    out
}

/// What is wrong if something came that was not expected.
pub(super) fn told_unreceived(
    unreceived: Result<Option<String>, String>,
    expected: &str,
) -> Result<(), Wrong> {
    match unreceived {
        Ok(None) => Ok(()),
        Ok(Some(got)) | Err(got) => Err(Wrong::new(expected, got)),
    }
}
