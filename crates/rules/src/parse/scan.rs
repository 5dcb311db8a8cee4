//! Characters and words.

use super::Parser;
use crate::ast::Span;
use crate::error::Error;

impl<'a> Parser<'a> {
    /// What is still to be read.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    /// The next character.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes white space: space, CR and LF, no others.
    pub(super) fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\r', '\n']).len();
    }

    /// Passes this, if it is next.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let is_next = self.rest().starts_with(wanted);
        if is_next {
            self.at += wanted.len();
        }
        is_next
    }

    /// Passes this after white space, or says what was expected.
    pub(super) fn expect(&mut self, wanted: &str, expected: &str) -> Result<(), Error> {
        self.skip_space();
        if self.take(wanted) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// The name or word operator that is next, not passed; empty if there is none.
    pub(super) fn word(&self) -> &'a str {
        self.run(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
    }

    /// The characters of a kind that are next, not passed.
    pub(super) fn run(&self, is_in: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        rest.get(..rest.len() - rest.trim_start_matches(is_in).len()).unwrap_or_default()
    }

    /// The span from here over so many bytes.
    pub(super) fn ahead(&self, bytes: usize) -> Span {
        Span { start: self.at, end: self.at + bytes }
    }

    /// The span from there to here.
    pub(super) fn since(&self, start: usize) -> Span {
        Span { start, end: self.at }
    }

    /// The word or character that is next, for a message about it.
    pub(super) fn next_token(&self) -> Span {
        match self.word() {
            "" => self.ahead(self.peek().map_or(0, char::len_utf8)),
            word => self.ahead(word.len()),
        }
    }

    /// Refuses what is left.
    pub(super) fn end(&mut self, expected: &str) -> Result<(), Error> {
        self.skip_space();
        if self.at == self.end { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// What is next does not belong here.
    pub(super) fn unexpected(&self, expected: &str) -> Error {
        let span = self.next_token();
        let Some(next) = self.peek() else {
            return self.error(span, "the expression ends too early").expected(expected);
        };
        let message = match next {
            '\t' => "a tab is no white space here".to_owned(),
            _ => format!("{} does not belong here", self.shown(span)),
        };
        let hint = match next {
            '\t' => "Use spaces",
            '“' | '”' | '„' | '‘' | '’' | '\'' => "Text stands between \"",
            '#' => "There are no comments",
            '/' if self.rest().starts_with("//") => "There are no comments",
            ',' => "Elements of a set are separated by spaces, arguments of a call by commas",
            ')' if self.depth == 0 => "No parenthesis is open here",
            '.' if self.rest().starts_with("..") => "A range has no spaces: first..last",
            '=' => "Equality is `==` or `eq`",
            _ if is_shouted(self.word()) => "Operators are lower case",
            _ => "",
        };
        self.error(span, message).expected(expected).hint(hint)
    }
}

/// Whether this is an operator in capitals.
fn is_shouted(word: &str) -> bool {
    matches!(word, "AND" | "OR" | "XOR" | "NOT" | "IN" | "EQ" | "NE")
}
