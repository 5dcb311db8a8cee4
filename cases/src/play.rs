//! Plays one script: each step either succeeds or says what was expected and what came instead.

mod compare;

pub use self::compare::{Wrong, compare};
use self::compare::{joined, told, told_head, told_subject, told_unreceived};
use crate::case::{Act, Extent, Message as Sent, Protocol, Relation, Script, Subject};
use crate::certificates::Made;
use crate::http2::{Request, Talk};
use crate::meeting::Meetings;
use crate::message::{self, Message, Unread, values};
use crate::peer::{Filled, Peer};
use crate::text::{Text, Variables, show};
use rempart_base::Now;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What all scripts of a case share.
pub struct Shared {
    /// `${name}`.
    pub variables: Mutex<Variables>,
    /// `sync`.
    pub meetings: Meetings,
    /// Made for this case.
    pub certificates: BTreeMap<String, Made>,
    /// How long each step may take.
    pub deadline: Duration,
}

/// A step that did not go as the case says.
#[derive(Debug)]
pub struct Failure {
    /// Line of the step.
    pub line: usize,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub got: String,
}

/// Where new connections of a script come from: connecting or accepting.
pub type Open<'a> = Box<dyn FnMut(Instant) -> Result<Peer, String> + Send + 'a>;

/// One script at work.
pub struct Player<'a> {
    shared: &'a Shared,
    open: Open<'a>,
    protocol: Protocol,
    peer: Option<Peer>,
    /// What is said on it in HTTP/2.
    talk: Option<Talk>,
    /// Earlier connections, which stay open until the case is over.
    kept: Vec<Peer>,
    message: Option<Message>,
    /// Methods of the requests sent by `ask` and not yet answered.
    asked: VecDeque<Vec<u8>>,
}

impl<'a> Player<'a> {
    /// Plays all of it. What comes back on success holds the connections open until it is dropped.
    ///
    /// # Errors
    /// The first step that failed.
    pub fn play(
        shared: &'a Shared,
        script: &Script,
        protocol: Protocol,
        open: Open<'a>,
    ) -> Result<Vec<Peer>, Failure> {
        let mut player = Self {
            shared,
            open,
            protocol,
            peer: None,
            talk: None,
            kept: Vec::new(),
            message: None,
            asked: VecDeque::new(),
        };
        for step in &script.steps {
            let until = Now::read().mono + shared.deadline;
            player.act(&step.act, until).map_err(|wrong| Failure {
                line: step.line,
                expected: wrong.expected,
                got: wrong.got,
            })?;
        }
        player.kept.extend(player.peer.take());
        Ok(player.kept)
    }

    fn act(&mut self, act: &Act, until: Instant) -> Result<(), Wrong> {
        match act {
            Act::Connect | Act::Accept => self.open_next(until),
            Act::HandshakeFails => match (self.open)(until) {
                Err(_) => Ok(()),
                Ok(_) => Err(Wrong::new("a TLS handshake that fails", "it succeeded")),
            },
            Act::Send(text) => {
                let bytes = self.render(text)?;
                self.send(&bytes, until)
            }
            Act::Offer(text) => {
                self.is_of_http1()?;
                let bytes = self.render(text)?;
                // A peer that closes instead of reading is what this verb is for.
                let _ = self.peer(until)?.write(&bytes, until);
                Ok(())
            }
            Act::Ask(sent) => self.ask(sent, until),
            Act::Answer(sent) => self.answer(sent, until),
            Act::Receive(extent) => self.receive(*extent, until),
            Act::Read(text) => self.read(text, until),
            Act::Expect(subject, relation) => self.expect(subject, relation),
            Act::Capture(name, subject) => self.capture(name, subject),
            Act::ExpectClosed => self.expect_closed(until),
            Act::ExpectNobody => match (self.open)(Now::read().mono) {
                Err(_) => Ok(()),
                Ok(_) => Err(Wrong::new("nobody", "a new connection")),
            },
            Act::ExpectNothing => self.expect_nothing(until),
            Act::Sync(name) => {
                let met = self.shared.meetings.wait(name, until);
                met.map_err(|got| Wrong::new(format!("everybody at `sync {name}`"), got))
            }
            Act::Close => {
                drop(self.peer.take());
                Ok(())
            }
            Act::Reset => {
                if let Some(peer) = self.peer.take() {
                    peer.reset();
                }
                Ok(())
            }
            Act::Finish => {
                if let Some((talk, peer)) = self.talk(until)? {
                    talk.finish(peer);
                } else {
                    self.peer(until)?.finish();
                }
                Ok(())
            }
        }
    }

    fn open_next(&mut self, until: Instant) -> Result<(), Wrong> {
        self.kept.extend(self.peer.take());
        self.asked.clear();
        let mut opened = (self.open)(until).map_err(|got| Wrong::new("a connection", got))?;
        self.talk = match self.protocol {
            Protocol::Http1 => None,
            Protocol::Http2 => {
                let talk = Talk::begin(&mut opened, until);
                Some(talk.map_err(|got| Wrong::new("a connection of HTTP/2", got))?)
            }
        };
        self.peer = Some(opened);
        Ok(())
    }

    /// The connection; the first step that needs one opens it.
    fn peer(&mut self, until: Instant) -> Result<&mut Peer, Wrong> {
        if self.peer.is_none() {
            self.open_next(until)?;
        }
        self.peer.as_mut().ok_or_else(|| Wrong::new("a connection", "none"))
    }

    /// The connection and what is said on it, in HTTP/2.
    fn talk(&mut self, until: Instant) -> Result<Option<(&mut Talk, &mut Peer)>, Wrong> {
        self.peer(until)?;
        Ok(self.talk.as_mut().zip(self.peer.as_mut()))
    }

    /// Bytes that a case writes or reads itself are of HTTP/1.
    fn is_of_http1(&self) -> Result<(), Wrong> {
        match self.protocol {
            Protocol::Http1 => Ok(()),
            Protocol::Http2 => Err(Wrong::new("a step for HTTP/2", "one for HTTP/1: say `for: http1`")),
        }
    }

    fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Wrong> {
        self.is_of_http1()?;
        let written = self.peer(until)?.write(bytes, until);
        written.map_err(|got| Wrong::new("the peer to take all bytes", got))
    }

    fn ask(&mut self, sent: &Sent, until: Instant) -> Result<(), Wrong> {
        let mut parts = Vec::new();
        for text in &sent.start {
            parts.push(self.render(text)?);
        }
        if self.protocol == Protocol::Http2 {
            return self.ask_http2(&parts, sent, until);
        }
        self.peer(until)?;
        self.asked.push_back(parts.first().cloned().unwrap_or_default());
        parts.push(b"HTTP/1.1".to_vec());
        let bytes = self.whole(&parts.join(&b' '), sent, Some(b"Host: shop.test\r\n"), false)?;
        self.send(&bytes, until)
    }

    fn ask_http2(&mut self, parts: &[Vec<u8>], sent: &Sent, until: Instant) -> Result<(), Wrong> {
        let part = |at: usize| parts.get(at).map(Vec::as_slice).unwrap_or_default();
        let lines: Result<Vec<_>, _> = sent.fields.iter().map(|field| self.render(field)).collect();
        let body = sent.body.as_ref().map(|text| self.render(text)).transpose()?;
        let request = Request::new(part(0), part(1), &lines?, b"shop.test", body);
        let request = request.map_err(|got| Wrong::new("a request that HTTP/2 can tell", got))?;
        let Some((talk, peer)) = self.talk(until)? else { return Ok(()) };
        talk.ask(peer, &request, until).map_err(|got| Wrong::new("the peer to take all of it", got))
    }

    fn answer(&mut self, sent: &Sent, until: Instant) -> Result<(), Wrong> {
        let status = sent.start.first().map(|text| self.render(text)).transpose()?.unwrap_or_default();
        let has_length =
            !(status.starts_with(b"1") || status == b"204" || status == b"304" || status == b"205");
        let line = [b"HTTP/1.1 ".as_slice(), &status, b" Scripted"].concat();
        let bytes = self.whole(&line, sent, None, has_length)?;
        self.send(&bytes, until)
    }

    /// A message with `Host` and `Content-Length` made for it, unless it brings its own.
    fn whole(&self, line: &[u8], sent: &Sent, host: Option<&[u8]>, length: bool) -> Result<Vec<u8>, Wrong> {
        let mut out = [line, b"\r\n"].concat();
        let mut own = Vec::new();
        for field in &sent.fields {
            own.push(self.render(field)?);
        }
        let names = |name: &[u8]| {
            own.iter().any(|field| field.get(..name.len()).is_some_and(|at| at.eq_ignore_ascii_case(name)))
        };
        out.extend_from_slice(host.filter(|_| !names(b"host:")).unwrap_or_default());
        let body = sent.body.as_ref().map(|text| self.render(text)).transpose()?;
        let framed = names(b"content-length:") || names(b"transfer-encoding:");
        if (length || body.is_some()) && !framed {
            let count = body.as_ref().map_or(0, Vec::len);
            out.extend_from_slice(format!("Content-Length: {count}\r\n").as_bytes());
        }
        for field in own {
            out.extend_from_slice(&field);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend(body.unwrap_or_default());
        Ok(out)
    }

    fn receive(&mut self, extent: Extent, until: Instant) -> Result<(), Wrong> {
        let begun = self.message.take();
        self.peer(until)?;
        let Some(peer) = self.peer.as_mut() else { return Err(Wrong::new("a connection", "none")) };
        let result = match (extent, begun) {
            (_, begun) if self.talk.is_some() => match &mut self.talk {
                Some(talk) => talk.receive(peer, extent, begun, until),
                None => Err(Unread::Ended),
            },
            (Extent::Body, Some(mut message)) => {
                let done = message::body(peer, &mut message, until);
                done.map(|()| message)
            }
            (Extent::Body, None) => Err(Unread::Malformed("no head was received".to_owned())),
            (Extent::Whole | Extent::Head | Extent::Truncated, _) => {
                let head_only = self.asked.front().is_some_and(|method| method == b"HEAD");
                message::receive(peer, extent, head_only, until)
            }
        };
        let message = result.map_err(|unread| {
            let what = match extent {
                Extent::Whole => "a message",
                Extent::Head => "a message's head",
                Extent::Body => "the rest of the message",
                Extent::Truncated => "a message that breaks off",
            };
            Wrong::new(what, format!("{} (unread: {})", told(&unread), show(&peer.unread)))
        })?;
        let interim = message.line.get(9..10) == Some(b"1");
        if extent != Extent::Body && message.line.starts_with(b"HTTP/") && !interim {
            self.asked.pop_front();
        }
        self.message = Some(message);
        Ok(())
    }

    fn read(&mut self, text: &Text, until: Instant) -> Result<(), Wrong> {
        self.is_of_http1()?;
        let want = self.render(text)?;
        let peer = self.peer(until)?;
        let mut end = "";
        while peer.unread.len() < want.len() && peer.unread == want.get(..peer.unread.len()).unwrap_or(b"") {
            match peer.fill(until) {
                Filled::More => {}
                Filled::End => end = ", then the end of the connection",
                Filled::Late => end = ", then nothing more in time",
            }
            if !end.is_empty() {
                break;
            }
        }
        if peer.unread.starts_with(&want) {
            peer.unread.drain(..want.len());
            return Ok(());
        }
        Err(Wrong::new(show(&want), format!("{}{end}", show(&peer.unread))))
    }

    fn expect(&self, subject: &Subject, relation: &Relation) -> Result<(), Wrong> {
        let value = self.property(subject)?;
        let variables = self.shared.variables.lock().unwrap_or_else(PoisonError::into_inner);
        compare(value.as_deref(), relation, &variables).map_err(|wrong| {
            let head = self.message.as_ref().map(told_head).unwrap_or_default();
            Wrong::new(
                format!("{} {}", told_subject(subject), wrong.expected),
                format!("{}\n{head}", wrong.got),
            )
        })
    }

    fn capture(&self, name: &str, subject: &Subject) -> Result<(), Wrong> {
        let Some(value) = self.property(subject)? else {
            return Err(Wrong::new(format!("{} to keep", told_subject(subject)), "it is absent"));
        };
        let mut variables = self.shared.variables.lock().unwrap_or_else(PoisonError::into_inner);
        variables.insert(name.to_owned(), value);
        Ok(())
    }

    fn property(&self, subject: &Subject) -> Result<Option<Vec<u8>>, Wrong> {
        if *subject == Subject::Certificate {
            let shown = self.peer.as_ref().and_then(Peer::certificate);
            let named = |der: &Vec<u8>| {
                let known = self.shared.certificates.iter().find(|(_, made)| made.der.as_ref() == der);
                known.map_or_else(|| b"other".to_vec(), |(name, _)| name.clone().into_bytes())
            };
            return Ok(shown.as_ref().map(named));
        }
        let message = self.message.as_ref().ok_or_else(|| Wrong::new("a message to look at", "none"))?;
        let word = |at: usize| message.line.split(|b| *b == b' ').nth(at).map(<[u8]>::to_vec);
        let is_response = message.line.starts_with(b"HTTP/");
        Ok(match subject {
            Subject::Line => Some(message.line.clone()),
            Subject::Status => word(1).filter(|_| is_response),
            Subject::Method => word(0).filter(|_| !is_response),
            Subject::Target => word(1).filter(|_| !is_response),
            Subject::Version => word(if is_response { 0 } else { 2 }),
            Subject::Header(name) => joined(&values(&message.fields, name)),
            Subject::Count(name) => Some(values(&message.fields, name).len().to_string().into_bytes()),
            Subject::Trailer(name) => joined(&values(&message.trailers, name)),
            Subject::Body => Some(message.body.clone()),
            Subject::Length => Some(message.body.len().to_string().into_bytes()),
            Subject::Framing => Some(message.framing.word().as_bytes().to_vec()),
            Subject::Certificate => None,
        })
    }

    fn expect_closed(&mut self, until: Instant) -> Result<(), Wrong> {
        if let Some((talk, peer)) = self.talk(until)? {
            let unreceived = talk.unreceived(peer, Some(until));
            return told_unreceived(unreceived, "the end of the connection");
        }
        let peer = self.peer(until)?;
        while peer.unread.is_empty() {
            match peer.fill(until) {
                Filled::More => {}
                Filled::End => return Ok(()),
                Filled::Late => return Err(Wrong::new("the end of the connection", "it is still open")),
            }
        }
        Err(Wrong::new("the end of the connection", show(&peer.unread)))
    }

    fn expect_nothing(&mut self, until: Instant) -> Result<(), Wrong> {
        if let Some((talk, peer)) = self.talk(until)? {
            return told_unreceived(talk.unreceived(peer, None), "nothing");
        }
        let peer = self.peer(until)?;
        match peer.fill_now() {
            Filled::Late if peer.unread.is_empty() => Ok(()),
            Filled::End => Err(Wrong::new("nothing, and an open connection", "the end of the connection")),
            Filled::Late | Filled::More => Err(Wrong::new("nothing", show(&peer.unread))),
        }
    }

    fn render(&self, text: &Text) -> Result<Vec<u8>, Wrong> {
        let variables = self.shared.variables.lock().unwrap_or_else(PoisonError::into_inner);
        text.render(&variables).map_err(|got| Wrong::new("a text that can be written", got))
    }
}

#[cfg(test)]
mod tests;
