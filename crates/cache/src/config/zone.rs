//! How a zone caches.

use rempart_base::config::{Context, Decode, Node, OneOrMany, Problem, Shape, Shown, Spanned, Value};

use super::words::{
    BrowserMode, CookieName, EdgeModeName, FieldName, HeaderTexts, ParameterName, QueryWord,
    RequestDirectives, ServeStale, StatusTtlValue, Switch, VaryHeaders,
};
use crate::plan::{Level, VaryAction};

/// A year: what HTTP takes as "for ever" (RFC 9111 has no bound; Cloudflare's is the same).
pub(super) const TTL_S_MAX: u32 = 31_536_000;

rempart_base::config! {
    /// How a zone caches. Names and values are Cloudflare's where it has them.
    pub struct CacheConfig {
        /// How much is cached. `bypass`: nothing. `aggressive`: what the origin allows with `Cache-Control` or
        /// `Expires`, whatever its path; of what it says nothing about, static files, told by their extension.
        /// `basic`: the same, but nothing that is asked for with a query. `simplified`: the same, but the
        /// query of static files makes no difference. `everything`: also what the origin says nothing about,
        /// whatever its path.
        level: Spanned<Level> = unwritten(Level::default());
        /// For how long the edge uses what it stores.
        edge_ttl: EdgeTtlConfig = EdgeTtlConfig::default();
        /// For how long browsers do.
        browser_ttl: BrowserTtlConfig = BrowserTtlConfig::default();
        /// What of the query tells one URL from another. `keep`: all of it, as it is. `ignore`: nothing. `sort`:
        /// all of it, whatever the order of its parameters. Or a mapping that names them.
        query_string: Option<Spanned<QueryString>> = None;
        /// Whether phones, tablets and other devices, told apart by `User-Agent`, get responses of their own. The
        /// origin is told which in `CF-Device-Type`.
        by_device_type: Switch = Switch(false);
        /// What else tells one stored response from another.
        custom_key: CustomKeyConfig = CustomKeyConfig::default();
        /// What becomes of the fields that an origin names in `Vary`.
        vary: VaryConfig = VaryConfig::default();
        /// While it is on, nothing is taken from the cache and nothing is stored. It stays on until it is
        /// switched off.
        development_mode: Switch = Switch(false);
        /// Whether what is stored only because its path ends like a static file's must be one by its
        /// `Content-Type`: `/account/x.css` that comes as HTML is not stored.
        deception_armor: Switch = Switch(true);
        /// Whether `Cache-Control` of the origin is obeyed to the letter. `off`: what `no-cache`, `max-age=0`
        /// or `private="…"` stands in is not stored, and `must-revalidate`, `proxy-revalidate` and the
        /// visitor's `Authorization` are not regarded.
        origin_cache_control: Switch = Switch(true);
        /// When responses are used after their time, where the origin says nothing about it: `on`, `off`, or a
        /// mapping. What it forbids stays forbidden.
        serve_stale: ServeStale = ServeStale::default();
        /// Whether a response without a lifetime is fresh for a tenth of the time since its `Last-Modified`, whatever
        /// its path, if its status allows that (RFC 9111 section 4.2.2). This takes the place of the lifetimes by
        /// status that `edge_ttl` has for responses which say nothing.
        heuristic: Switch = Switch(false);
        /// Whether responses with `Set-Cookie` are stored, and given to everybody with it.
        store_set_cookie: Switch = Switch(false);
        /// Whether `Cache-Control` and `Pragma` of visitors are obeyed: `ignore` or `obey`.
        request_directives: RequestDirectives = RequestDirectives::Ignore;
        /// After a response that could not be stored, in seconds: so long no visitor waits for another's
        /// fetch of the same URL.
        hit_for_miss_s: u32 = 120, in 0..=86_400;
    }
}

rempart_base::config! {
    /// For how long the edge uses what it stores.
    pub struct EdgeTtlConfig {
        /// `respect_origin`: as long as the origin says; if it says nothing, what is cached by its path is used for
        /// two hours with status 200, 206 and 301, 20 minutes with 302 and 303, 3 minutes with 404 and 410, and
        /// not stored with another. `bypass_by_default`: as long as the origin says; if it says nothing, it is not
        /// stored. `override_origin`: as long as `default` says, whatever the origin says.
        mode: Spanned<EdgeModeName> = unwritten(EdgeModeName::RespectOrigin);
        /// Seconds, with `override_origin`. 0: it is stored, and validated before each use.
        default: Option<Spanned<Seconds>> = None;
        /// For how long with certain statuses, whatever the origin says. The first that fits holds.
        status_code_ttl: Vec<Spanned<StatusEntry>> = Vec::new();
    }
}

rempart_base::config! {
    /// For how long with certain statuses. Either `status_code` or `status_code_range` says which.
    pub struct StatusCodeTtl {
        required {
            /// Seconds; `no-cache` (or 0): stored, and validated before each use; `no-store` (or -1): not stored.
            value: StatusTtlValue;
        }
        /// This status.
        status_code: Option<u16> = None, in 100..=999;
        /// These statuses.
        status_code_range: Option<StatusCodeRange> = None;
    }
}

rempart_base::config! {
    /// A range of statuses, both ends included. One of them may be left out.
    pub struct StatusCodeRange {
        /// The first.
        from: Option<u16> = None, in 100..=999;
        /// The last.
        to: Option<u16> = None, in 100..=999;
    }
}

rempart_base::config! {
    /// For how long browsers use what they store.
    pub struct BrowserTtlConfig {
        /// `respect_origin`: as the origin says. `override_origin`: as long as `default` says. `bypass`: not
        /// without asking.
        mode: Spanned<BrowserMode> = unwritten(BrowserMode::RespectOrigin);
        /// Seconds, with `override_origin`.
        default: Option<Spanned<Seconds>> = None;
    }
}

rempart_base::config! {
    /// What else tells one stored response from another.
    pub struct CustomKeyConfig {
        /// Fields of the request.
        header: HeaderKeyConfig = HeaderKeyConfig::default();
        /// Cookies.
        cookie: CookieKeyConfig = CookieKeyConfig::default();
        /// The host.
        host: HostKeyConfig = HostKeyConfig::default();
        /// The query: the same as `query_string` of the zone's `cache`, of which only one may be written.
        query_string: Option<Spanned<QueryString>> = None;
        /// Who asks.
        user: UserKeyConfig = UserKeyConfig::default();
    }
}

rempart_base::config! {
    /// Fields of the request.
    pub struct HeaderKeyConfig {
        /// Fields whose values count.
        include: Vec<Spanned<FieldName>> = Vec::new();
        /// Fields of which it counts whether they are there.
        check_presence: Vec<Spanned<FieldName>> = Vec::new();
        /// Fields of which it counts whether they are there, and which of these texts they contain, whatever the case.
        contains: HeaderTexts = HeaderTexts::default();
        /// Whether `Origin`, which counts by itself, does not.
        exclude_origin: Switch = Switch(false);
    }
}

rempart_base::config! {
    /// Cookies.
    pub struct CookieKeyConfig {
        /// Cookies whose values count.
        include: Vec<Spanned<CookieName>> = Vec::new();
        /// Cookies of which it counts whether they are there.
        check_presence: Vec<Spanned<CookieName>> = Vec::new();
    }
}

rempart_base::config! {
    /// The host.
    pub struct HostKeyConfig {
        /// Whether the `Host` that the origins are sent stands in the key instead of the visitor's, so that all hosts
        /// of the zone share what is stored. All origins must have the same `host_header`.
        resolved: Spanned<Switch> = unwritten(Switch(false));
    }
}

rempart_base::config! {
    /// Who asks.
    pub struct UserKeyConfig {
        /// The kind of device: the same as `by_device_type`.
        device_type: Switch = Switch(false);
        /// The visitor's country. Not known yet: `true` is refused.
        geo: Spanned<Switch> = unwritten(Switch(false));
        /// The first language of `Accept-Language`.
        lang: Switch = Switch(false);
    }
}

rempart_base::config! {
    /// Which parameters of the query count. Exactly one of `include` and `exclude` is written.
    pub struct QueryListConfig {
        /// These and no others; `"*"` or `{all: true}`: all.
        include: Option<ParameterNames> = None;
        /// All but these; `"*"` or `{all: true}`: none.
        exclude: Option<ParameterNames> = None;
        /// Whether their order makes no difference.
        sort: Switch = Switch(false);
    }
}

rempart_base::config! {
    /// Parameters of the query, as Cloudflare's API writes them. Exactly one of `all` and `list` says which.
    pub struct ParameterNamesConfig {
        /// `true`: all of them.
        all: bool = false;
        /// These.
        list: Vec<ParameterName> = Vec::new();
    }
}

rempart_base::config! {
    /// What becomes of the fields that an origin names in `Vary`. A response that varies by `*` is not stored.
    pub struct VaryConfig {
        /// Of those that are not listed.
        default: VaryActionConfig = VaryActionConfig::default();
        /// Of these.
        headers: VaryHeaders = VaryHeaders::default();
        /// Fields in one `Vary`; a response that varies by more is not stored.
        fields_max: usize = 16, in 1..=64;
        /// Different lists of such fields that are known of one URL, the newest.
        sets_max: usize = 8, in 1..=64;
    }
}

rempart_base::config! {
    /// What becomes of a field in `Vary`.
    pub struct VaryHeaderConfig {
        /// As in `vary.default`: `normalize`, `passthrough`, `bypass`, or `ignore`.
        action: Spanned<VaryAction> = unwritten(VaryAction::Normalize);
        /// Not built yet: refused.
        media_types: Vec<Spanned<String>> = Vec::new();
        /// Not built yet: refused.
        languages: Vec<Spanned<String>> = Vec::new();
    }
}

rempart_base::config! {
    /// What becomes of a field in `Vary`.
    pub struct VaryActionConfig {
        /// `normalize`: values that mean the same are one (order and case of languages, codings and media types,
        /// whitespace, several lines). `passthrough`: values are compared as they are. `bypass`: the response is
        /// not stored. `ignore`: as if it were not named.
        action: Spanned<VaryAction> = unwritten(VaryAction::Normalize);
    }
}

rempart_base::config! {
    /// When responses are used after their time, where the origin says nothing about it.
    pub struct ServeStaleConfig {
        /// Whether visitors wait while another's request validates a response, instead of getting it as it is.
        disable_stale_while_updating: Switch = Switch(false);
        /// Seconds after its time during which a response is used at once and validated in the background.
        stale_while_revalidate_s: u32 = 0, in 0..=31_536_000;
        /// Seconds after its time during which a response is used if the origin does not answer, or with an
        /// error (500, 502, 503, 504).
        stale_if_error_s: u32 = 86_400, in 0..=31_536_000;
    }
}

fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned { value, mark: rempart_base::config::Mark::START, item: 0 }
}

/// An entry of `status_code_ttl`.
#[derive(Clone, Debug)]
pub struct StatusEntry {
    /// What is written.
    pub ttl: StatusCodeTtl,
    /// Nothing in it was wrong, so what is missing was never written.
    pub is_clean: bool,
}

impl Decode for StatusEntry {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let before = cx.found();
        let ttl = StatusCodeTtl::decode(node, cx)?;
        Some(Self { ttl, is_clean: cx.found() == before })
    }

    fn shape() -> Shape {
        StatusCodeTtl::shape()
    }

    fn show(&self) -> Shown {
        self.ttl.show()
    }
}

/// Parameters of the query.
#[derive(Clone, Debug)]
pub enum ParameterNames {
    /// All.
    All,
    /// These.
    These(Vec<ParameterName>),
}

impl ParameterNames {
    fn of(names: Vec<ParameterName>) -> Self {
        if names.iter().any(|name| name.0 == "*") { Self::All } else { Self::These(names) }
    }
}

impl Decode for ParameterNames {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        if !matches!(node.value, Value::Map(_)) {
            let names = OneOrMany::<ParameterName>::decode(node, cx)?.0;
            return Some(Self::of(names));
        }
        let before = cx.found();
        let config = ParameterNamesConfig::decode(node, cx);
        Some(match config.map(|config| (config.all, config.list)) {
            Some((true, list)) if list.is_empty() => Self::All,
            Some((false, list)) if !list.is_empty() => Self::of(list),
            // What is wrong is said here, and not that nothing was written.
            _ => {
                if cx.found() == before {
                    let message = "either `all: true` or `list` says which parameters";
                    let problem =
                        Problem::new("cache-contradiction", message, "Write exactly one of the two.");
                    cx.error(node.mark, problem);
                }
                Self::These(Vec::new())
            }
        })
    }

    fn shape() -> Shape {
        Shape::Either(vec![OneOrMany::<ParameterName>::shape(), ParameterNamesConfig::shape()])
    }

    fn show(&self) -> Shown {
        match self {
            Self::All => Shown::Text("*".into()),
            Self::These(names) => names.show(),
        }
    }
}

/// Seconds, up to a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub u32);

impl Decode for Seconds {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        use rempart_base::config::Bounded as _;
        u32::decode_within(node, 0..=TTL_S_MAX, cx).map(Self)
    }

    fn shape() -> Shape {
        Shape::Integer { min: 0, max: TTL_S_MAX.into() }
    }

    fn show(&self) -> Shown {
        self.0.show()
    }
}

/// What of the query counts.
#[derive(Clone, Debug)]
pub enum QueryString {
    /// A word.
    Word(QueryWord),
    /// Parameters.
    List(QueryListConfig),
}

impl Decode for QueryString {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Map(_) => QueryListConfig::decode(node, cx).map(Self::List),
            Value::Scalar(_) | Value::List(_) => QueryWord::decode(node, cx).map(Self::Word),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![QueryWord::shape(), QueryListConfig::shape()])
    }

    fn show(&self) -> Shown {
        match self {
            Self::Word(word) => word.show(),
            Self::List(list) => list.show(),
        }
    }
}
