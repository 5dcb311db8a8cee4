//! From what the operator wrote about lists to lists that can be asked.

use std::net::IpAddr;
use std::sync::Arc;

use rempart_base::config::{Context, Decode as _, Mark, Node, Problem, Spanned, Value};
use rempart_base::prefix::Prefix;
use rempart_rules::lists::{HostSet, IntSet, IpSet, List, Texts};

use super::config::{HostnameItem, ItemConfig, ListConfig, ListKindName, RedirectConfig, asn};
use super::redirects::{SLASHES_MAX, URL_BYTES_MAX};
use super::{ITEMS_MAX, LISTS_MAX, ListPlan, ListSet, REDIRECTS_MAX, RedirectEntry, RedirectList};

/// Makes the lists of the account, or those of a zone, which may use the account's. What is wrong is reported.
pub fn compile(lists: &[Spanned<ListConfig>], account: Option<&Arc<ListSet>>, cx: &mut Context) -> ListSet {
    let mut set = ListSet::under(account);
    let (mut items, mut redirects) = (0, 0);
    for list in lists {
        cx.in_item(list.item, |cx| {
            let config = &list.value;
            let of = if config.kind == ListKindName::Redirect { &mut redirects } else { &mut items };
            let plan = cx.in_key("items", |cx| plan(config.kind, &config.items.value.0, of, cx));
            let name = &config.name;
            // A zone's own goes before the account's.
            if set.lists.contains_key(name.value.0.as_str()) {
                let message = format!("there is a list `{}` already", name.value.0);
                let problem = Problem::new("list-duplicate", message, "Give it another name.");
                cx.in_key("name", |cx| cx.error(name.mark, problem));
            }
            set.lists.insert(name.value.0.as_str().into(), plan);
        });
    }
    check_count(lists, cx);
    set
}

fn check_count(lists: &[Spanned<ListConfig>], cx: &mut Context) {
    if let Some(list) = lists.get(LISTS_MAX) {
        cx.error(list.mark, too_many(LISTS_MAX, "lists"));
    }
}

fn plan(kind: ListKindName, node: &Node, count: &mut usize, cx: &mut Context) -> ListPlan {
    let (max, what) = match kind {
        ListKindName::Redirect => (REDIRECTS_MAX, "redirects in lists"),
        ListKindName::Ip | ListKindName::Hostname | ListKindName::Asn => (ITEMS_MAX, "items in lists"),
    };
    let mut items = Vec::new();
    match &node.value {
        Value::List(list) => {
            *count += list.len();
            if *count > max {
                cx.error(node.mark, too_many(max, what));
            } else {
                items.extend(list.iter().enumerate());
            }
        }
        Value::Scalar(_) | Value::Map(_) => {
            let action = "Write a list: `[a, b]`, or one `- item` a line.";
            cx.error(node.mark, Problem::new("wrong-type", format!("{node} is no list of items"), action));
        }
    }
    let mut redirects = None;
    let contents = match kind {
        ListKindName::Ip => List::Ips(IpSet::of_prefixes(read(&items, cx, ip))),
        ListKindName::Hostname => {
            let hosts: Vec<HostnameItem> = read(&items, cx, hostname);
            let exact = hosts.iter().filter(|host| host.with_exact);
            let exact = exact.filter_map(|host| host.name.strip_prefix("*."));
            List::Hosts(HostSet::of(hosts.iter().map(|host| &*host.name).chain(exact)))
        }
        ListKindName::Asn => {
            let numbers = read(&items, cx, number).into_iter().map(i64::from);
            List::Ints(IntSet::of(numbers.map(|number| (number, number))))
        }
        ListKindName::Redirect => {
            let list = Arc::new(redirect_list(&items, cx));
            redirects = Some(Arc::clone(&list));
            List::Texts(list)
        }
    };
    ListPlan { kind: kind.into(), contents: Arc::new(contents), redirects }
}

fn read<T>(items: &[(usize, &Node)], cx: &mut Context, read: fn(&Node, &mut Context) -> Option<T>) -> Vec<T> {
    items.iter().filter_map(|(i, node)| cx.in_item(*i, |cx| read(node, cx))).collect()
}

/// What an item that is written as a mapping has under the key of its kind.
fn of_mapping<T>(node: &Node, cx: &mut Context, key: &str, take: fn(ItemConfig) -> Option<T>) -> Option<T> {
    let before = cx.found();
    let item = ItemConfig::decode(node, cx)?;
    let taken = take(item);
    if taken.is_none() && cx.found() == before {
        let message = format!("this item has no `{key}`, which is what the list's kind asks for");
        cx.error(node.mark, Problem::new("list-item", message, format!("Add `{key}:`.")));
    }
    taken
}

fn ip(node: &Node, cx: &mut Context) -> Option<(IpAddr, u8)> {
    let prefix = match &node.value {
        Value::Map(_) => of_mapping(node, cx, "ip", |item| item.ip.map(|ip| ip.value))?,
        Value::Scalar(_) | Value::List(_) => Prefix::decode(node, cx)?,
    };
    let bits_min = if prefix.address().is_ipv4() { 8 } else { 4 };
    if prefix.bits() < bits_min {
        let message = format!("`{prefix}` is a larger block than a list may have");
        let problem = Problem::new("list-item", message, "Write several smaller blocks.");
        cx.error(node.mark, problem.expecting(format!("at least /{bits_min}")));
        return None;
    }
    Some((prefix.address(), prefix.bits()))
}

fn number(node: &Node, cx: &mut Context) -> Option<u32> {
    match &node.value {
        Value::Map(_) => of_mapping(node, cx, "asn", |item| item.asn),
        Value::Scalar(_) | Value::List(_) => asn(node, cx),
    }
}

fn hostname(node: &Node, cx: &mut Context) -> Option<HostnameItem> {
    let HostnameItem { name, with_exact } = match &node.value {
        Value::Map(map) if map.iter().any(|(key, _)| &*key.text == "url_hostname") => {
            HostnameItem::decode(node, cx)?
        }
        Value::Map(_) => of_mapping(node, cx, "hostname", |item| item.hostname.map(|host| host.value))?,
        Value::Scalar(_) | Value::List(_) => HostnameItem::decode(node, cx)?,
    };
    let bare = name.strip_prefix("*.").unwrap_or(&name);
    if !is_host(bare) {
        let message = format!("`{name}` is no host name");
        let problem = Problem::new("list-item", message, "Write the name alone, in punycode.");
        cx.error(node.mark, problem.expecting("a host name, such as `a.example` or `*.a.example`"));
        return None;
    }
    Some(HostnameItem { name: name.to_ascii_lowercase(), with_exact })
}

/// Whether this can be a host's name (RFC 1123 section 2.1; `_` is met, too).
pub(crate) fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn redirect_list(items: &[(usize, &Node)], cx: &mut Context) -> RedirectList {
    let mut list = RedirectList::default();
    for (i, node) in items {
        cx.in_item(*i, |cx| {
            let is_bare = node.key("source_url").is_some();
            let config = match is_bare {
                true => RedirectConfig::decode(node, cx),
                false => of_mapping(node, cx, "redirect", |item| item.redirect.map(|own| own.value)),
            };
            let Some(config) = config else { return };
            match is_bare {
                true => redirect(&config, &mut list, cx),
                false => cx.in_key("redirect", |cx| redirect(&config, &mut list, cx)),
            }
        });
    }
    list
}

fn redirect(config: &RedirectConfig, list: &mut RedirectList, cx: &mut Context) {
    let source = cx.in_key("source_url", |cx| source(config, cx));
    let is_good = cx.in_key("target_url", |cx| check_target(config, cx));
    let status = config.status_code.value;
    if !matches!(status, 301 | 302 | 307 | 308) {
        let problem =
            Problem::new("list-redirect", format!("{status} is no redirect"), "Choose another status.");
        let problem = problem.expecting("one of `301`, `302`, `307`, `308`");
        cx.in_key("status_code", |cx| cx.error(config.status_code.mark, problem));
    }
    let Some((is_https, host, path)) = source.filter(|_| is_good) else { return };
    let entry = RedirectEntry {
        is_https,
        target: config.target_url.value.as_bytes().into(),
        status,
        preserve_query_string: config.preserve_query_string,
        include_subdomains: config.include_subdomains,
        subpath_matching: config.subpath_matching,
        preserve_path_suffix: config.preserve_path_suffix,
    };
    if list.insert(host.as_bytes(), path.as_bytes(), entry).is_err() {
        let message = format!("`{}` is the source of two redirects", config.source_url.value);
        let problem = Problem::new("list-redirect", message, "Remove one of the two.");
        cx.in_key("source_url", |cx| cx.error(config.source_url.mark, problem));
    }
}

/// The scheme, host and path of a source.
fn source(config: &RedirectConfig, cx: &mut Context) -> Option<(Option<bool>, String, String)> {
    let Spanned { value: text, mark, .. } = &config.source_url;
    let (is_https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (Some(true), rest),
        (None, Some(rest)) => (Some(false), rest),
        (None, None) => (None, text.as_str()),
    };
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let wrong = if text.len() > URL_BYTES_MAX {
        Some("is longer than 32 KB")
    } else if !is_host(host) {
        Some("does not begin with a host name, without port")
    } else if path.contains(['?', '#', '*']) {
        Some("has a query, a fragment or a wildcard")
    } else if !is_url_text(path) {
        Some("has characters that a URL cannot have")
    } else if config.subpath_matching && path.matches('/').count() > SLASHES_MAX {
        Some("has more than 16 slashes in its path")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        report(*mark, text, wrong, "a host and a path, such as `https://a.example/old`", cx);
        return None;
    }
    Some((is_https, host.to_ascii_lowercase(), path.into()))
}

fn check_target(config: &RedirectConfig, cx: &mut Context) -> bool {
    let Spanned { value: text, mark, .. } = &config.target_url;
    let is_absolute = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let wrong = if text.len() > URL_BYTES_MAX {
        Some("is longer than 32 KB")
    } else if !is_url_text(text) {
        Some("has characters that a URL cannot have")
    } else if !text.starts_with('/') && is_absolute.is_none_or(str::is_empty) {
        Some("is neither a URL nor a path")
    } else if config.preserve_query_string && text.contains('?') {
        Some("has a query, which that of the request would replace (`preserve_query_string`)")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        report(*mark, text, wrong, "a URL, such as `https://a.example/new`, or a path", cx);
    }
    wrong.is_none()
}

/// Whether a text can stand in `Location`: what a URL may have (RFC 3986 section 2), and nothing that splits a line.
pub(crate) fn is_url_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

fn report(mark: Mark, text: &str, wrong: &str, expected: &str, cx: &mut Context) {
    let shown: String = text.chars().take(80).collect();
    let problem = Problem::new("list-redirect", format!("`{shown}` {wrong}"), "Correct it.");
    cx.error(mark, problem.expecting(expected));
}

fn too_many(max: usize, what: &str) -> Problem {
    Problem::new("list-too-long", format!("there are more than {max} {what}"), "Remove some.")
}

impl Texts for RedirectList {
    fn has(&self, text: &[u8]) -> bool {
        self.find(text).is_some()
    }
}
