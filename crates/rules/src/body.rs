//! What rules can ask about a request's body: `http.request.body.*`, and `lookup_json_*` over any text.
//!
//! All of it works on a prefix that somebody else holds and has bounded. Nothing here copies a body, grows faster than
//! the prefix, or takes more time than in proportion to it.

pub mod form;
pub mod json;
pub mod mime;
pub mod multipart;
pub mod parameters;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::Hash;

pub use self::form::Form;
pub use self::multipart::{Multipart, Part};

/// What was held of a request's body, and what it says. What is parsed is parsed once, when it is asked for first.
#[derive(Debug)]
pub struct Body<'b> {
    raw: &'b [u8],
    is_whole: bool,
    bytes: u64,
    kind: Kind<'b>,
    form: OnceCell<Form<'b>>,
    multipart: OnceCell<Multipart<'b>>,
}

/// How the body is to be read, as its `Content-Type` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind<'b> {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/…`, with its boundary (RFC 2046 section 5.1.1).
    Multipart(Cow<'b, [u8]>),
    /// As this, but origins may read it in another way: there is no boundary that can be one, there are several, or several
    /// fields say different things. It is shown as truncated.
    Unclear(Box<Self>),
    /// As bytes.
    #[default]
    Other,
}

impl<'b> Kind<'b> {
    /// By the values of all `Content-Type` fields of the head, in order. A request should have one; of several, origins
    /// take whichever they like, so the first that is a form of either kind counts, unless another is another form.
    pub fn of(content_types: impl IntoIterator<Item = &'b [u8]>) -> Self {
        let mut forms = content_types.into_iter().map(Self::of_one).filter(|kind| *kind != Self::Other);
        let first = forms.next().unwrap_or_default();
        if forms.all(|other| other == first) { first } else { first.unclear() }
    }

    fn unclear(self) -> Self {
        match self {
            Self::Unclear(_) => self,
            Self::Form | Self::Multipart(_) | Self::Other => Self::Unclear(Box::new(self)),
        }
    }

    /// As what it is read.
    fn read(&self) -> &Self {
        if let Self::Unclear(kind) = self { kind } else { self }
    }

    fn of_one(value: &'b [u8]) -> Self {
        let (essence, parameters) = parameters::split(value);
        if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            return Self::Form;
        }
        let top = essence.get(..b"multipart/".len()).unwrap_or_default();
        if !top.eq_ignore_ascii_case(b"multipart/") {
            return Self::Other;
        }
        let mut boundaries =
            parameters.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"boundary"));
        match (boundaries.next(), boundaries.next()) {
            (Some((_, boundary)), None) if is_boundary(&boundary) => Self::Multipart(boundary),
            (Some((_, boundary)), _) if !boundary.is_empty() => Self::Multipart(boundary).unclear(),
            (Some(_) | None, _) => Self::Other.unclear(),
        }
    }
}

/// The longest boundary, in bytes (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// Whether everybody reads this boundary alike. RFC 2046 allows fewer bytes; what browsers and libraries send is among these.
fn is_boundary(boundary: &[u8]) -> bool {
    let is_in = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b';');
    let is_short = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len());
    is_short && boundary.iter().all(is_in) && !boundary.ends_with(b" ")
}

impl<'b> Body<'b> {
    /// A body of which `raw` was held. `is_whole`: that is all of it. `bytes`: how long all of it is, or if that is not
    /// known, how much of it has come.
    #[must_use]
    pub const fn new(raw: &'b [u8], is_whole: bool, bytes: u64, kind: Kind<'b>) -> Self {
        Self { raw, is_whole, bytes, kind, form: OnceCell::new(), multipart: OnceCell::new() }
    }

    /// `http.request.body.raw`: what was held, as it was received.
    #[must_use]
    pub const fn raw(&self) -> &'b [u8] {
        self.raw
    }

    /// `http.request.body.size`: bytes of the whole body, if its head has said so; else of what has come so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.bytes
    }

    /// `http.request.body.truncated`: whether the other fields show only a prefix. Too many fields or parts make it so
    /// too ([`form::FIELDS_MAX`], [`multipart::PARTS_MAX`]), and so does a boundary of which nobody can say what it is.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        !self.is_whole
            || matches!(self.kind, Kind::Unclear(_))
            || self.form().is_cut()
            || self.multipart().is_cut()
    }

    /// `http.request.body.mime`: what the first bytes look like.
    #[must_use]
    pub fn mime(&self) -> Option<&'static str> {
        mime::sniff(self.raw)
    }

    /// `http.request.body.form`; empty if the body is none.
    #[must_use]
    pub fn form(&self) -> &Form<'b> {
        self.form.get_or_init(|| match self.kind.read() {
            Kind::Form => Form::parse(self.raw),
            Kind::Multipart(_) | Kind::Unclear(_) | Kind::Other => Form::default(),
        })
    }

    /// `http.request.body.multipart`; empty if the body is none.
    #[must_use]
    pub fn multipart(&self) -> &Multipart<'b> {
        self.multipart.get_or_init(|| match self.kind.read() {
            Kind::Multipart(boundary) => Multipart::parse(self.raw, boundary),
            Kind::Form | Kind::Unclear(_) | Kind::Other => Multipart::default(),
        })
    }
}

/// Gathers values by their names: names in the order in which they came first, the values of each in order.
pub fn by_name<N: Clone + Eq + Hash, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Vec<(N, Vec<V>)> {
    // The standard library's hash has a key of its own for each process: a visitor cannot choose names that collide.
    let mut places: HashMap<N, usize> = HashMap::new();
    let mut gathered: Vec<(N, Vec<V>)> = Vec::new();
    for (name, value) in pairs {
        let place = *places.entry(name.clone()).or_insert(gathered.len());
        match gathered.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => gathered.push((name, vec![value])),
        }
    }
    gathered
}
