//! What the operator writes about lists.

use rempart_base::config::{Bounded as _, Context, Decode, FromText, Node, Shape, Shown, Spanned, Value};
use rempart_base::prefix::Prefix;
use rempart_rules::ast::ListKind;

use crate::words::{Ignored, Wording};

use super::NAME_CHARACTERS_MAX;

rempart_base::config! {
    /// A list.
    pub struct ListConfig {
        required {
            /// What it is called in expressions, behind `$`: lower-case letters, digits and `_`, at most 50. One of
            /// Cloudflare's managed lists, such as `cf.open_proxies`, is what stands here under its name.
            name: Spanned<ListName>;
            /// What is in it.
            kind: ListKindName;
            /// The items: as Cloudflare's API has them, or just the address, name or number.
            items: Spanned<Items>;
        }
        /// What it is for.
        description: Wording = Wording::default();
        /// Ignored.
        id: Ignored = Ignored;
        /// Ignored.
        num_items: Ignored = Ignored;
        /// Ignored.
        num_referencing_filters: Ignored = Ignored;
        /// Ignored.
        created_on: Ignored = Ignored;
        /// Ignored.
        modified_on: Ignored = Ignored;
    }
}

/// The name of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListName(pub String);

impl FromText for ListName {
    const EXPECTED: &'static str = "lower-case letters, digits and `_`, at most 50";

    fn from_text(text: &str) -> Result<Self, String> {
        let is_in = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let own = text.strip_prefix("cf.").unwrap_or(text);
        if text.len() > NAME_CHARACTERS_MAX {
            return Err(format!("is longer than {NAME_CHARACTERS_MAX} characters"));
        }
        match !own.is_empty() && own.bytes().all(is_in) {
            true => Ok(Self(text.into())),
            false => Err("has other characters than a list's name may have".into()),
        }
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

rempart_base::config_text!(ListName);

/// What is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the word of that name")]
pub enum ListKindName {
    Ip,
    Hostname,
    Asn,
    Redirect,
}

rempart_base::config_words!(ListKindName {
    ListKindName::Ip = "ip",
    ListKindName::Hostname = "hostname",
    ListKindName::Asn = "asn",
    ListKindName::Redirect = "redirect",
});

impl From<ListKindName> for ListKind {
    fn from(name: ListKindName) -> Self {
        match name {
            ListKindName::Ip => Self::Ip,
            ListKindName::Hostname => Self::Hostname,
            ListKindName::Asn => Self::Asn,
            ListKindName::Redirect => Self::Redirect,
        }
    }
}

/// Items, not read yet: what they are depends on the list's kind.
#[derive(Clone, Debug)]
pub struct Items(pub Node);

impl Decode for Items {
    fn decode(node: &Node, _: &mut Context) -> Option<Self> {
        Some(Self(node.clone()))
    }

    fn shape() -> Shape {
        let short =
            vec![Shape::Text("an address, a block of them, a host name"), u32::shape(), ItemConfig::shape()];
        Shape::List(Box::new(Shape::Either(short)))
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}

rempart_base::config! {
    /// An item. Besides remarks it has the one key that the list's kind asks for.
    pub struct ItemConfig {
        /// In a list of addresses: one, or a block of them (IPv4 from /8 on, IPv6 from /4 on).
        ip: Option<Spanned<Prefix>> = None;
        /// In a list of host names.
        hostname: Option<Spanned<HostnameItem>> = None;
        /// In a list of autonomous systems: a number.
        asn: Option<u32> = None, in 0..=u32::MAX;
        /// In a list of redirects.
        redirect: Option<Spanned<RedirectConfig>> = None;
        /// What it is for.
        comment: Wording = Wording::default();
        /// Ignored.
        id: Ignored = Ignored;
        /// Ignored.
        created_on: Ignored = Ignored;
        /// Ignored.
        modified_on: Ignored = Ignored;
    }
}

/// A host name: `a.example`, or `*.a.example` for every name under it.
#[derive(Clone, Debug)]
pub struct HostnameItem {
    /// The name.
    pub name: String,
    /// Whether the name behind `*.` is meant, too.
    pub with_exact: bool,
}

rempart_base::config! {
    /// A host name.
    pub struct HostnameConfig {
        required {
            /// `a.example`, or `*.a.example` for every name under it.
            url_hostname: String;
        }
        /// Of `*.a.example`: whether `a.example` itself is not meant.
        exclude_exact_hostname: bool = true;
    }
}

impl Decode for HostnameItem {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Map(_) => HostnameConfig::decode(node, cx)
                .map(|host| Self { name: host.url_hostname, with_exact: !host.exclude_exact_hostname }),
            Value::Scalar(_) | Value::List(_) => {
                String::decode(node, cx).map(|name| Self { name, with_exact: false })
            }
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![
            Shape::Text("a host name, such as `a.example` or `*.a.example`"),
            HostnameConfig::shape(),
        ])
    }

    fn show(&self) -> Shown {
        Shown::Text(self.name.clone())
    }
}

rempart_base::config! {
    /// A redirect.
    pub struct RedirectConfig {
        required {
            /// The URL that visitors ask for: a host and a path, with `http://`, `https://` or neither. At most 32 KB.
            source_url: Spanned<String>;
            /// Where they are sent. At most 32 KB.
            target_url: Spanned<String>;
        }
        /// 301, 302, 307 or 308.
        status_code: Spanned<u16> = crate::rulesets::config::unwritten(301);
        /// Whether the query of the request goes with it. Then the target has none of its own.
        preserve_query_string: bool = false;
        /// Whether it holds for the hosts under its own, too.
        include_subdomains: bool = false;
        /// Whether it holds for the paths under its own, too. Then its path has at most 16 slashes.
        subpath_matching: bool = false;
        /// Whether what a path has more than the source's is put behind the target's.
        preserve_path_suffix: bool = true;
    }
}

/// The number of an autonomous system.
pub(super) fn asn(node: &Node, cx: &mut Context) -> Option<u32> {
    u32::decode_within(node, 0..=u32::MAX, cx)
}
