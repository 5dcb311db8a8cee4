//! Reads a `.case` file. Everything wrong with it is an error with its line: a case that is only half
//! understood would assert less than it says.

use crate::case::{
    Case, CertificateOrder, Client, Configuration, LogField, LogLine, Origin, OriginKind, Protocol, Script,
    Step,
};
use crate::step;
use crate::text::{Token, tokens};
use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

/// How long a step may take where the case says nothing else.
const DEADLINE: Duration = Duration::from_secs(10);

/// Reads the text of one case.
///
/// # Errors
/// `file:line: what is wrong`.
pub fn case(file: &Path, text: &str) -> Result<Case, String> {
    let mut case = Case {
        file: file.to_owned(),
        says: String::new(),
        protocols: Vec::new(),
        configuration: Configuration::default(),
        deadline: DEADLINE,
        certificates: Vec::new(),
        origins: Vec::new(),
        clients: Vec::new(),
        logs: Vec::new(),
    };
    for block in blocks(text) {
        let line = block.line;
        block.add_to(&mut case).map_err(|Wrong(at, what)| {
            format!("{}:{}: {what}", file.display(), if at == 0 { line } else { at })
        })?;
    }
    let lacks = [
        (case.says.is_empty(), "`says: what is so`"),
        (case.protocols.is_empty(), "`for: http1`"),
        (case.clients.is_empty(), "a `client`"),
    ];
    match lacks.iter().find(|(lacks, _)| *lacks) {
        Some((_, what)) => Err(format!("{}:1: a case needs {what}", file.display())),
        None => Ok(case),
    }
}

/// A mistake and its line; 0 for the line on which its block begins.
struct Wrong(usize, String);

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Self(0, what)
    }
}

/// A line at the left margin and the indented lines under it.
struct Block<'a> {
    line: usize,
    head: &'a str,
    body: Vec<(usize, &'a str)>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        match blocks.last_mut() {
            Some(block) if raw.starts_with([' ', '\t']) => block.body.push((index + 1, raw)),
            _ => blocks.push(Block { line: index + 1, head: trimmed, body: Vec::new() }),
        }
    }
    blocks
}

impl Block<'_> {
    fn add_to(&self, case: &mut Case) -> Result<(), Wrong> {
        if let Some((key, value)) = self.head.split_once(':') {
            return self.add_key(case, key, value.trim());
        }
        let words = tokens(self.head)?;
        match words.first().and_then(Token::word) {
            Some("origin") => case.origins.push(self.origin(words.get(1..).unwrap_or_default())?),
            Some("client") => case.clients.push(self.client(words.get(1..).unwrap_or_default())?),
            Some("certificate") => case.certificates.push(certificate(&words)?),
            Some("log") => case.logs.push(self.log()?),
            _ => return Err(unknown(self.head, "origin, client, certificate, log, says:, for:, config:")),
        }
        Ok(())
    }

    fn add_key(&self, case: &mut Case, key: &str, value: &str) -> Result<(), Wrong> {
        match key {
            "says" => value.clone_into(&mut case.says),
            "for" => {
                let known = [Protocol::Http1, Protocol::Http2];
                for word in value.split_whitespace() {
                    let protocol = known.into_iter().find(|protocol| protocol.word() == word);
                    case.protocols.push(protocol.ok_or_else(|| unknown(word, "http1, http2"))?);
                }
            }
            "deadline" => {
                let seconds = value.strip_suffix('s').and_then(|number| number.parse().ok());
                let seconds = seconds.ok_or_else(|| format!("`{value}` is not a time such as `20s`"))?;
                case.deadline = Duration::from_secs(seconds);
            }
            "config" => case.configuration.top = self.yaml(),
            "zone" => case.configuration.zone = self.yaml(),
            "zones" => case.configuration.zones = self.yaml(),
            "listener" => case.configuration.listener = self.yaml(),
            _ => return Err(unknown(key, "says, for, deadline, config, zone, zones, listener")),
        }
        Ok(())
    }

    /// The body without the indentation that all of it shares.
    fn yaml(&self) -> Vec<String> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let shared = self.body.iter().map(|(_, line)| indent(line)).min().unwrap_or(0);
        self.body.iter().filter_map(|(_, line)| line.get(shared..)).map(str::to_owned).collect()
    }

    fn origin(&self, words: &[Token]) -> Result<Origin, Wrong> {
        let mut origin =
            Origin { name: "origin".to_owned(), kind: OriginKind::Plain, script: Script::default() };
        let mut words = words.iter().map(|word| word.word().unwrap_or_default());
        while let Some(word) = words.next() {
            match word {
                "untouched" => origin.kind = OriginKind::Untouched,
                "refusing" => origin.kind = OriginKind::Refusing,
                "full" => origin.kind = OriginKind::Full,
                "unix" => origin.kind = OriginKind::Unix,
                "tls" => {
                    let name = words.next().ok_or_else(|| "`tls` needs a certificate's name".to_owned())?;
                    origin.kind = OriginKind::Tls(name.to_owned());
                }
                name => name.clone_into(&mut origin.name),
            }
        }
        origin.script = self.script(step::origin)?;
        let plays = matches!(origin.kind, OriginKind::Plain | OriginKind::Tls(_) | OriginKind::Unix);
        match (plays, origin.script.steps.is_empty()) {
            (true, true) => Err("an origin without steps is `origin untouched`".to_owned().into()),
            (false, false) => Err("this kind of origin has no steps".to_owned().into()),
            (true, false) | (false, true) => Ok(origin),
        }
    }

    fn client(&self, words: &[Token]) -> Result<Client, Wrong> {
        let mut client = Client {
            name: "client".to_owned(),
            tls: None,
            wrong_port: false,
            alongside: false,
            script: Script::default(),
        };
        for word in words.iter().map(|word| word.word().unwrap_or_default()) {
            match word.split_once('=') {
                Some(("sni", name)) => client.tls = Some(Some(name.to_owned())),
                Some(("port", "https")) => client.wrong_port = true,
                Some(_) => return Err(unknown(word, "tls, sni=NAME, port=https, alongside, or a name")),
                None if word == "tls" => client.tls = Some(client.tls.take().flatten()),
                None if word == "alongside" => client.alongside = true,
                None => word.clone_into(&mut client.name),
            }
        }
        client.script = self.script(step::client)?;
        if client.script.steps.is_empty() {
            return Err("a client without steps asserts nothing".to_owned().into());
        }
        Ok(client)
    }

    /// A line that begins with a quote goes on with the step before it.
    fn script(&self, read: fn(&[Token]) -> Result<crate::case::Act, String>) -> Result<Script, Wrong> {
        let mut lines: Vec<(usize, Vec<Token>)> = Vec::new();
        for (line, raw) in repeated(&self.body)? {
            let words = tokens(&raw).map_err(|what| Wrong(line, what))?;
            match lines.last_mut() {
                Some((_, step)) if words.first().is_some_and(|word| word.quoted) => step.extend(words),
                _ => lines.push((line, words)),
            }
        }
        let mut script = Script::default();
        for (line, words) in lines {
            let act = read(&words).map_err(|what| Wrong(line, what))?;
            script.steps.push(Step { line, act });
        }
        Ok(script)
    }

    fn log(&self) -> Result<LogLine, Wrong> {
        let mut fields = Vec::new();
        for &(line, raw) in &self.body {
            let words = tokens(raw).map_err(|what| Wrong(line, what))?;
            let name = words.first().and_then(Token::word).unwrap_or_default().to_owned();
            let relation = step::relation(words.get(1..).unwrap_or_default());
            let relation = relation.map_err(|what| Wrong(line, what))?;
            fields.push(LogField { written: raw.trim().to_owned(), name, relation });
        }
        if fields.is_empty() {
            return Err("a log line needs at least one field".to_owned().into());
        }
        Ok(LogLine { line: self.line, fields })
    }
}

/// A script may not grow beyond this by being repeated.
const REPEATED_MAX: usize = 10_000;

/// The lines of a script with those under `repeat N` as often as it says, and `${n}` in them counted from 1.
fn repeated<'a>(body: &[(usize, &'a str)]) -> Result<Vec<(usize, Cow<'a, str>)>, Wrong> {
    let indent = |raw: &str| raw.len() - raw.trim_start().len();
    let mut lines = Vec::new();
    let mut rest = body;
    while let [(line, raw), after @ ..] = rest {
        rest = after;
        let Some(times) = raw.trim().strip_prefix("repeat ") else {
            lines.push((*line, Cow::Borrowed(*raw)));
            continue;
        };
        let times = times.parse().ok().filter(|times| (1..=REPEATED_MAX).contains(times));
        let times = times.ok_or_else(|| Wrong(*line, format!("repeat from 1 to {REPEATED_MAX} times")))?;
        let deeper = rest.iter().take_while(|(_, below)| indent(below) > indent(raw)).count();
        let (inside, after) = rest.split_at(deeper);
        if inside.is_empty() {
            return Err(Wrong(*line, "what is to be repeated stands under it, indented".to_owned()));
        }
        for n in 1..=times {
            let n = n.to_string();
            lines.extend(inside.iter().map(|(line, raw)| (*line, Cow::Owned(raw.replace("${n}", &n)))));
        }
        rest = after;
    }
    Ok(lines)
}

/// `certificate NAME for HOST... [expired]`
fn certificate(words: &[Token]) -> Result<CertificateOrder, Wrong> {
    let words: Vec<&str> = words.iter().skip(1).filter_map(Token::word).collect();
    let [name, "for", hosts @ ..] = words.as_slice() else {
        return Err("write `certificate NAME for HOST…`".to_owned().into());
    };
    let expired = hosts.contains(&"expired");
    let hosts = hosts.iter().filter(|host| **host != "expired").map(|host| (*host).to_owned()).collect();
    Ok(CertificateOrder { name: (*name).to_owned(), hosts, expired })
}

fn unknown(what: &str, known: &str) -> Wrong {
    Wrong(0, format!("`{what}` is not known here; known are {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "says: a\nfor: http1\nclient\n  ask GET /\n  receive\n  expect status = 200\n";

    fn read(text: &str) -> Result<Case, String> {
        case(Path::new("x.case"), text)
    }

    #[test]
    fn a_small_case_is_read() {
        let case = read(SMALL).unwrap();
        assert_eq!((case.says.as_str(), case.protocols.as_slice()), ("a", [Protocol::Http1].as_slice()));
        assert_eq!(case.clients.first().unwrap().script.steps.len(), 3);
    }

    #[test]
    fn lines_that_begin_with_a_quote_go_on_with_the_step_above() {
        let case = read(&format!("{SMALL}  send \"a\"\n       \"b\"\n  close\n")).unwrap();
        assert_eq!(case.clients.first().unwrap().script.steps.len(), 5);
    }

    #[test]
    fn what_stands_under_repeat_is_repeated_and_counted() {
        let case = read(&format!("{SMALL}  repeat 3\n    ask GET /${{n}}\n    receive\n  close\n")).unwrap();
        assert_eq!(case.clients.first().unwrap().script.steps.len(), 3 + 3 * 2 + 1);
    }

    #[test]
    fn every_mistake_names_its_line() {
        for (text, want) in [
            ("for: http1\nclient\n close\n", "x.case:1:"),
            ("says: a\nfro: b\n", "x.case:2:"),
            ("says: a\nfor: http1\nclient\n  ask GET /\n  jump\n", "x.case:5:"),
            ("says: a\nfor: http1\norigin\nclient\n  close\n", "x.case:3:"),
            ("says: a\nfor: http1\norigin untouched\n  receive\nclient\n  close\n", "x.case:3:"),
            ("says: a\nfor: http1\nclient\n  expect status 200\n", "x.case:4:"),
            ("says: a\nfor: http1\nclient\n  answer 200\n", "x.case:4:"),
            ("says: a\nfor: http1\nclient\n  close\nlog\n", "x.case:5:"),
            ("says: a\nfor: http1\nclient\n  repeat 2\n  close\n", "x.case:4:"),
            ("says: a\nfor: http1\nclient\n  repeat 10001\n    close\n", "x.case:4:"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(want), "{error} does not start with {want}");
        }
    }
}
