//! What a `.case` file says, as types. `parse` makes them, `stage` plays them.

use crate::text::Text;
use regex_lite::Regex;
use std::path::PathBuf;
use std::time::Duration;

/// One behaviour.
#[derive(Debug)]
pub struct Case {
    /// The file, for messages.
    pub file: PathBuf,
    /// The sentence that says what is so.
    pub says: String,
    /// The protocols for which it is so.
    pub protocols: Vec<Protocol>,
    /// What is added to the configuration.
    pub configuration: Configuration,
    /// How long each step may take.
    pub deadline: Duration,
    /// Certificates to make before anything starts.
    pub certificates: Vec<CertificateOrder>,
    /// The site's origins, in the order in which the zone names them.
    pub origins: Vec<Origin>,
    /// The visitors, in the order in which they come.
    pub clients: Vec<Client>,
    /// Lines that the access log must have at the end.
    pub logs: Vec<LogLine>,
}

/// What visitors speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 or what the case writes itself.
    Http1,
    /// HTTP/2, over TLS.
    Http2,
}

impl Protocol {
    /// The word that a case uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
        }
    }
}

/// Lines of YAML, as they stand, and where they go.
#[derive(Debug, Default)]
pub struct Configuration {
    /// At the top level.
    pub top: Vec<String>,
    /// Into the zone `shop.test`. A key that the runner writes as well (`origins`) takes its place.
    pub zone: Vec<String>,
    /// Further zones, as items of the list.
    pub zones: Vec<String>,
    /// Into the HTTP listener, as keys beside `address`.
    pub listener: Vec<String>,
}

/// A self-signed certificate, as `${dir}/NAME.pem` and `${dir}/NAME.key`.
#[derive(Debug)]
pub struct CertificateOrder {
    /// The name by which the case calls it.
    pub name: String,
    /// The host names that it is for.
    pub hosts: Vec<String>,
    /// Whether its time is over.
    pub expired: bool,
}

/// One origin.
#[derive(Debug)]
pub struct Origin {
    /// By which the case and its variables call it.
    pub name: String,
    /// How it meets connections.
    pub kind: OriginKind,
    /// What it does.
    pub script: Script,
}

/// How an origin meets connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginKind {
    /// It plays its script.
    Plain,
    /// The same, over TLS with the certificate of that name.
    Tls(String),
    /// The same, on a Unix socket.
    Unix,
    /// Not one byte may reach it.
    Untouched,
    /// Nobody listens on its port.
    Refusing,
    /// Its backlog is full: a connection attempt is never answered.
    Full,
}

/// One visitor.
#[derive(Debug)]
pub struct Client {
    /// For messages.
    pub name: String,
    /// Whether it comes over TLS, and which server name it asks for.
    pub tls: Option<Option<String>>,
    /// Comes in plain text to the port for HTTPS.
    pub wrong_port: bool,
    /// Starts together with the client before it, instead of after it.
    pub alongside: bool,
    /// What it does.
    pub script: Script,
}

/// The steps of one peer.
#[derive(Debug, Default)]
pub struct Script {
    /// In order.
    pub steps: Vec<Step>,
}

/// One step and where it stands.
#[derive(Debug)]
pub struct Step {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is done.
    pub act: Act,
}

/// What a peer can do.
#[derive(Debug)]
pub enum Act {
    /// A client opens a new connection; the old one stays open.
    Connect,
    /// An origin takes a new connection; the old one stays open.
    Accept,
    /// The TLS handshake of the next connection must fail.
    HandshakeFails,
    /// Writes bytes; all must be taken.
    Send(Text),
    /// Writes bytes as far as the peer takes them.
    Offer(Text),
    /// A client sends a whole request.
    Ask(Message),
    /// An origin sends a whole response.
    Answer(Message),
    /// Reads a message, or a part of one.
    Receive(Extent),
    /// Reads exactly these bytes.
    Read(Text),
    /// The message read last has this property.
    Expect(Subject, Relation),
    /// Keeps a property of the message read last as a variable.
    Capture(String, Subject),
    /// The peer closes, having sent nothing more.
    ExpectClosed,
    /// Up to now the peer has sent nothing more.
    ExpectNothing,
    /// Up to now nobody has opened another connection to this origin.
    ExpectNobody,
    /// Waits until every script that names it has come to this point.
    Sync(String),
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
    /// Closes the sending half.
    Finish,
}

/// A message that is sent whole, with its framing made for it.
#[derive(Debug)]
pub struct Message {
    /// Method and target, or status.
    pub start: Vec<Text>,
    /// Field lines, without their line ends.
    pub fields: Vec<Text>,
    /// The body, if there is one.
    pub body: Option<Text>,
}

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Head, body and trailers.
    Whole,
    /// The head only.
    Head,
    /// The rest of the message whose head was read.
    Body,
    /// A message whose connection ends before the message does.
    Truncated,
}

/// A property of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole first line.
    Line,
    /// The status of a response.
    Status,
    /// The method of a request.
    Method,
    /// The target of a request.
    Target,
    /// `HTTP/1.1` or `HTTP/1.0`.
    Version,
    /// All values of a field, joined by `, `.
    Header(String),
    /// How often a field occurs.
    Count(String),
    /// The same as [`Subject::Header`], in the trailers.
    Trailer(String),
    /// The body, decoded.
    Body,
    /// Length of the decoded body in bytes.
    Length,
    /// `none`, `length`, `chunked` or `close`.
    Framing,
    /// Name of the certificate that the server showed: one that the case ordered, else `other`.
    Certificate,
}

/// What must be so of a property.
#[derive(Debug)]
pub enum Relation {
    /// It is exactly this.
    Is(Text),
    /// It is something else.
    IsNot(Text),
    /// This is a part of it.
    Has(Text),
    /// It matches.
    Matches(Regex),
    /// It does not match.
    MatchesNot(Regex),
    /// It is not there.
    Absent,
    /// It is there, whatever it is.
    Present,
}

/// Fields that one line of the access log has all together.
#[derive(Debug)]
pub struct LogLine {
    /// Where it stands in the file.
    pub line: usize,
    /// All of them.
    pub fields: Vec<LogField>,
}

/// What must be so of one field of a log line.
#[derive(Debug)]
pub struct LogField {
    /// As it is written in the case, for messages.
    pub written: String,
    /// Name of the field.
    pub name: String,
    /// What must be so of its value.
    pub relation: Relation,
}
