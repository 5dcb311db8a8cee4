//! What rules do.

use std::sync::Arc;

use rempart_rules::ValueId;

use crate::content::Content;
use crate::lists::RedirectList;

use super::{CacheControlChange, CacheOverride, HeaderChange, RulesetName, SetCacheTags, SetConfig, Skip};

/// What a rule does. The walk does the first three itself.
#[derive(Clone, Debug)]
pub enum Action {
    /// Goes through another ruleset, whose rules stand behind this one.
    Execute {
        /// Which.
        ruleset: Arc<RulesetName>,
        /// The index behind its last rule.
        end: u32,
    },
    /// Leaves something out.
    Skip(Arc<Skip>),
    /// Nothing but an event.
    Log,
    /// Refuses the request: this response, or the page of the edge. Ends the walk.
    Block(Option<Arc<Reply>>),
    /// Asks the visitor for a proof. Ends the walk.
    Challenge(Challenge),
    /// Sends the visitor elsewhere. Ends the walk if there is somewhere to go.
    Redirect(Arc<Redirect>),
    /// Changes the URL, or header fields of the request or the response: by the phase.
    Rewrite(Arc<Rewrite>),
    /// Chooses another origin, or speaks to it otherwise.
    Route(Arc<Route>),
    /// Changes settings for this request.
    SetConfig(Arc<SetConfig>),
    /// Changes how this request is cached.
    SetCacheSettings(Arc<CacheOverride>),
    /// Changes the cache tags of the response.
    SetCacheTags(Arc<SetCacheTags>),
    /// Changes `Cache-Control` of the response.
    SetCacheControl(Arc<CacheControlChange>),
    /// Says with which codings the response may be compressed, best first.
    CompressResponse(Arc<[Algorithm]>),
    /// Answers with this instead of an error. Ends the walk.
    ServeError(Arc<Reply>),
    /// Adds fields to the log line.
    LogCustomField(Arc<LogFields>),
    /// Closes the visitor's connection without an answer. Ends the walk.
    ForceConnectionClose,
}

/// Bytes that are written, or come of the request.
#[derive(Debug)]
pub enum Text {
    /// These.
    Fixed(Box<[u8]>),
    /// What this expression comes to; where that is nothing, no bytes.
    Computed(ValueId),
}

/// A response that a rule gives by itself.
#[derive(Clone, Debug)]
pub struct Reply {
    /// 400 to 499 for `block`; 400 to 999 for `serve_error`, `None`: that of the error.
    pub status: Option<u16>,
    /// Of the content.
    pub content_type: ContentType,
    /// At most 10 KB inline, 1.5 MB as an asset.
    pub content: Content,
}

/// Types that a rule's own response can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the type of that name")]
pub enum ContentType {
    TextHtml,
    TextPlain,
    TextXml,
    ApplicationJson,
}

/// Which proof is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Challenge {
    /// `managed_challenge`.
    Managed,
    /// `js_challenge`.
    Js,
    /// `challenge`.
    Interactive,
}

/// Where a visitor is sent.
#[derive(Debug)]
pub enum Redirect {
    /// To one target.
    To {
        /// A URL, or a path.
        target: Text,
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The query of the request goes with it.
        preserve_query_string: bool,
    },
    /// Where the list says, if it has this key.
    FromList {
        /// The list.
        list: Arc<RedirectList>,
        /// The URL that is looked up: mostly `http.request.full_uri`.
        key: ValueId,
    },
}

/// A change of the URL or of header fields.
#[derive(Debug, Default)]
pub struct Rewrite {
    /// The new path. Empty means `/`.
    pub path: Option<Text>,
    /// The new query, without `?`. Empty: none.
    pub query: Option<Text>,
    /// Changes of header fields, in order.
    pub headers: Box<[HeaderChange]>,
}

/// Another way to the origin.
#[derive(Debug, Default)]
pub struct Route {
    /// `Host` toward the origin.
    pub host_header: Option<Text>,
    /// The origin's name or address.
    pub host: Option<Box<str>>,
    /// Its port.
    pub port: Option<u16>,
    /// The name in the TLS handshake, and the one that its certificate must hold for.
    pub sni: Option<Box<str>>,
}

/// A coding of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Not at all.
    None,
    /// Whatever suits the visitor.
    Auto,
    /// As if there were no rule.
    Default,
    /// gzip.
    Gzip,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd,
}

/// Fields that are added to the log line. Names of header fields are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFields {
    /// Cookies of the request.
    pub cookies: Box<[Box<str>]>,
    /// Header fields of the request, as it came.
    pub request: Box<[Box<str>]>,
    /// Header fields of the request, as it went to the origin.
    pub transformed_request: Box<[Box<str>]>,
    /// Header fields of the response, as it went to the visitor.
    pub response: Box<[LoggedField]>,
    /// Header fields of the response, as it came from the origin.
    pub raw_response: Box<[LoggedField]>,
}

/// A header field of a response in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedField {
    /// Its name.
    pub name: Box<str>,
    /// All of its values are logged; else the last.
    pub preserve_duplicates: bool,
}

impl Action {
    /// Its name in the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Execute { .. } => "execute",
            Self::Skip(_) => "skip",
            Self::Log => "log",
            Self::Block(_) => "block",
            Self::Challenge(Challenge::Managed) => "managed_challenge",
            Self::Challenge(Challenge::Js) => "js_challenge",
            Self::Challenge(Challenge::Interactive) => "challenge",
            Self::Redirect(_) => "redirect",
            Self::Rewrite(_) => "rewrite",
            Self::Route(_) => "route",
            Self::SetConfig(_) => "set_config",
            Self::SetCacheSettings(_) => "set_cache_settings",
            Self::SetCacheTags(_) => "set_cache_tags",
            Self::SetCacheControl(_) => "set_cache_control",
            Self::CompressResponse(_) => "compress_response",
            Self::ServeError(_) => "serve_error",
            Self::LogCustomField(_) => "log_custom_field",
            Self::ForceConnectionClose => "force_connection_close",
        }
    }
}

impl ContentType {
    /// As it stands in `Content-Type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TextHtml => "text/html; charset=utf-8",
            Self::TextPlain => "text/plain; charset=utf-8",
            Self::TextXml => "text/xml; charset=utf-8",
            Self::ApplicationJson => "application/json; charset=utf-8",
        }
    }
}
