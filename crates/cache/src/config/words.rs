//! Values that are written as one word.

use rempart_base::config::{
    Context, Decode, FromText, Mark, Node, Problem, Shape, Shown, Spanned, Value, report_word,
};

use super::zone::{ServeStaleConfig, TTL_S_MAX, VaryHeaderConfig};
use crate::plan::{Level, Ttl, VaryAction};

/// `on` or `off`. Tools that write YAML as it was before version 1.2 make `true` and `false` of them, which is also
/// what some of Cloudflare's settings are called in its API; both are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Switch(pub bool);

impl Decode for Switch {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let is_plain = matches!(&node.value, Value::Scalar(scalar) if scalar.plain);
        match node.text() {
            Some("on") => Some(Self(true)),
            Some("off") => Some(Self(false)),
            Some("true") if is_plain => Some(Self(true)),
            Some("false") if is_plain => Some(Self(false)),
            _ => {
                report_word(node, &["on", "off"], cx);
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::OneOf(&["on", "off"]), Shape::Bool])
    }

    fn show(&self) -> Shown {
        Shown::Text(if self.0 { "on" } else { "off" }.into())
    }
}

rempart_base::config_words!(Level {
    Level::Bypass = "bypass",
    Level::Basic = "basic",
    Level::Simplified = "simplified",
    Level::Aggressive = "aggressive",
    Level::Everything = "everything",
});

rempart_base::config_words!(VaryAction {
    VaryAction::Normalize = "normalize",
    VaryAction::Passthrough = "passthrough",
    VaryAction::Bypass = "bypass",
    VaryAction::Ignore = "ignore",
});

/// Where the edge's lifetime comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the word of that name")]
pub enum EdgeModeName {
    RespectOrigin,
    OverrideOrigin,
    BypassByDefault,
}

rempart_base::config_words!(EdgeModeName {
    EdgeModeName::RespectOrigin = "respect_origin",
    EdgeModeName::OverrideOrigin = "override_origin",
    EdgeModeName::BypassByDefault = "bypass_by_default",
});

/// Where browsers' lifetime comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserMode {
    /// `respect_origin`.
    RespectOrigin,
    /// `override_origin`.
    OverrideOrigin,
    /// `bypass`.
    Bypass,
    /// The same by its older name, `bypass_by_default`.
    BypassByDefault,
}

rempart_base::config_words!(BrowserMode {
    BrowserMode::RespectOrigin = "respect_origin",
    BrowserMode::OverrideOrigin = "override_origin",
    BrowserMode::Bypass = "bypass",
    BrowserMode::BypassByDefault = "bypass_by_default",
});

/// What of the query counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryWord {
    /// All of it.
    Keep,
    /// Nothing.
    Ignore,
    /// All of it, in any order.
    Sort,
}

rempart_base::config_words!(QueryWord {
    QueryWord::Keep = "keep",
    QueryWord::Ignore = "ignore",
    QueryWord::Sort = "sort",
});

/// Whether directives of requests are obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestDirectives {
    /// No.
    Ignore,
    /// Yes.
    Obey,
}

rempart_base::config_words!(RequestDirectives {
    RequestDirectives::Ignore = "ignore",
    RequestDirectives::Obey = "obey",
});

/// When stale responses are used.
#[derive(Clone, Debug, Default)]
pub struct ServeStale(pub ServeStaleConfig);

impl Decode for ServeStale {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        if let Value::Map(_) = &node.value {
            return ServeStaleConfig::decode(node, cx).map(Self);
        }
        Switch::decode(node, cx).map(|switch| match switch {
            Switch(true) => Self::default(),
            Switch(false) => Self(ServeStaleConfig {
                disable_stale_while_updating: Switch(true),
                stale_while_revalidate_s: 0,
                stale_if_error_s: 0,
            }),
        })
    }

    fn shape() -> Shape {
        Shape::Either(vec![Switch::shape(), ServeStaleConfig::shape()])
    }

    fn show(&self) -> Shown {
        Switch(true).show()
    }
}

/// For how long a status is used: seconds or a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusTtlValue(pub Ttl);

impl Decode for StatusTtlValue {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let is_plain = matches!(&node.value, Value::Scalar(scalar) if scalar.plain);
        match node.text() {
            Some("no-cache") => return Some(Self(Ttl::NoCache)),
            Some("no-store") => return Some(Self(Ttl::NoStore)),
            Some("-1") if is_plain => return Some(Self(Ttl::NoStore)),
            Some(text) if is_plain && text.bytes().all(|byte| byte.is_ascii_digit()) => match text.parse() {
                Ok(0) => return Some(Self(Ttl::NoCache)),
                Ok(ttl_s) if ttl_s <= TTL_S_MAX => return Some(Self(Ttl::For(ttl_s))),
                Ok(_) | Err(_) => {}
            },
            Some(_) | None => {}
        }
        let problem =
            Problem::new("invalid-value", format!("{node} is no time to live"), "Correct the value.");
        cx.error(node.mark, problem.expecting(Self::shape().to_string()));
        None
    }

    fn shape() -> Shape {
        Shape::Either(vec![
            Shape::Integer { min: 0, max: TTL_S_MAX.into() },
            Shape::OneOf(&["no-cache", "no-store"]),
        ])
    }

    fn show(&self) -> Shown {
        match self.0 {
            Ttl::For(ttl_s) => ttl_s.show(),
            Ttl::NoCache => Shown::Text("no-cache".into()),
            Ttl::NoStore => Shown::Text("no-store".into()),
        }
    }
}

/// The name of a field, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldName(pub String);

/// The name of a cookie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CookieName(pub String);

/// The name of a parameter of the query, as it stands there, or `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterName(pub String);

/// A text that the value of a field may contain, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeaderText(pub String);

rempart_base::config_text!(FieldName, CookieName, ParameterName, HeaderText);

/// The longest name that may be written.
const NAME_BYTES_MAX: usize = 128;

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(is_in)
}

impl FromText for FieldName {
    const EXPECTED: &'static str = "the name of a header field, such as `x-plan`";

    fn from_text(text: &str) -> Result<Self, String> {
        is_token(text).then(|| Self(text.to_ascii_lowercase())).ok_or_else(|| "is no field name".into())
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

impl FromText for CookieName {
    const EXPECTED: &'static str = "the name of a cookie";

    fn from_text(text: &str) -> Result<Self, String> {
        is_token(text).then(|| Self(text.into())).ok_or_else(|| "is no name of a cookie".into())
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

impl FromText for ParameterName {
    const EXPECTED: &'static str = "the name of a query parameter, or `*`";

    fn from_text(text: &str) -> Result<Self, String> {
        // What separates parameters can stand in no name; the rest is compared as it came.
        let is_good = (1..=NAME_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"&=;#?".contains(&byte));
        is_good.then(|| Self(text.into())).ok_or_else(|| "is no name of a parameter".into())
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

impl FromText for HeaderText {
    const EXPECTED: &'static str = "a text of at most 128 printable characters";

    fn from_text(text: &str) -> Result<Self, String> {
        let is_good = (1..=NAME_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        is_good.then(|| Self(text.to_ascii_lowercase())).ok_or_else(|| "stands in no header field".into())
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

/// Fields with an action each.
#[derive(Clone, Debug, Default)]
pub struct VaryHeaders(pub Vec<(Spanned<FieldName>, VaryAction)>);

impl Decode for VaryHeaders {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        each_field(
            node,
            "Write one `name: {action: …}` a line.",
            VaryHeaderConfig::shape,
            cx,
            |value, cx| {
                let VaryHeaderConfig { action, media_types, languages } =
                    VaryHeaderConfig::decode(value, cx)?;
                for (key, list) in [("media_types", media_types), ("languages", languages)] {
                    if let Some(first) = list.first() {
                        let message = format!("`{key}` is not built yet");
                        let problem = Problem::new("cache-not-yet", message, format!("Remove `{key}`."));
                        cx.in_key(key, |cx| cx.error(first.mark, problem));
                    }
                }
                Some(action.value)
            },
        )
        .map(Self)
    }

    fn shape() -> Shape {
        Shape::Each { key: FieldName::EXPECTED, value: Box::new(VaryHeaderConfig::shape()) }
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}

/// Fields with texts each.
#[derive(Clone, Debug, Default)]
pub struct HeaderTexts(pub Vec<(Spanned<FieldName>, Vec<Spanned<HeaderText>>)>);

impl Decode for HeaderTexts {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        each_field(node, "Write one `name: [text]` a line.", Vec::<HeaderText>::shape, cx, Vec::decode)
            .map(Self)
    }

    fn shape() -> Shape {
        Shape::Each { key: FieldName::EXPECTED, value: Box::new(Vec::<HeaderText>::shape()) }
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}

/// Names of fields with something each.
fn each_field<T>(
    node: &Node,
    action: &'static str,
    shape: fn() -> Shape,
    cx: &mut Context,
    read: impl Fn(&Node, &mut Context) -> Option<T>,
) -> Option<Vec<(Spanned<FieldName>, T)>> {
    let Value::Map(entries) = &node.value else {
        let problem = Problem::new("wrong-type", format!("{node} is not a mapping"), action);
        let expected = Shape::Each { key: FieldName::EXPECTED, value: Box::new(shape()) };
        cx.error(node.mark, problem.expecting(expected.to_string()));
        return None;
    };
    let read = |(key, value): &(rempart_base::config::Key, Node)| {
        cx.in_key(&key.text, |cx| {
            let name = name_of(&key.text, key.mark, cx);
            let value = read(value, cx);
            Some((Spanned { value: name?, mark: key.mark, item: 0 }, value?))
        })
    };
    Some(entries.iter().filter_map(read).collect())
}

fn name_of(text: &str, mark: Mark, cx: &mut Context) -> Option<FieldName> {
    match FieldName::from_text(text) {
        Ok(name) => Some(name),
        Err(wrong) => {
            let problem = Problem::new("invalid-value", format!("`{text}` {wrong}"), "Correct the name.");
            cx.error(mark, problem.expecting(FieldName::EXPECTED));
            None
        }
    }
}
