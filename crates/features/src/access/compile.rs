//! From access rules as they are written to [`Access`].

use std::net::IpAddr;
use std::sync::Arc;

use rempart_base::config::{Context, Mark, Problem, Spanned};
use rempart_base::prefix::Prefix;

use crate::lists::is_host;
use crate::rulesets::ids::hash;
use crate::words::Identifier;

use super::config::{
    AccessRuleConfig, AccessTarget, LockdownConfig, LockdownTarget, LockdownTargetName, TargetName,
    UserAgentRuleConfig,
};
use super::lockdown::UrlPattern;
use super::{
    ACCESS_RULES_MAX, Access, AccessRule, LOCKDOWNS_MAX, Lockdown, Mode, USER_AGENT_RULES_MAX, mask, number,
};

/// The longest URL with stars, in bytes.
const PATTERN_BYTES_MAX: usize = 512;
/// Addresses of one lockdown, and URLs.
const LOCKDOWN_ENTRIES_MAX: usize = 1_000;

/// What is written about access.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    /// `access_rules`.
    pub rules: &'a [Spanned<AccessRuleConfig>],
    /// `user_agent_rules`.
    pub user_agents: &'a [Spanned<UserAgentRuleConfig>],
    /// `lockdowns`.
    pub lockdowns: &'a [Spanned<LockdownConfig>],
}

/// Makes the access rules of the account (whose owner is the empty text) or of a zone. What is wrong is reported.
pub fn compile(written: Written<'_>, owner: &str, cx: &mut Context) -> Access {
    let mut making = Making { access: Access::default(), owner };
    cx.in_key("access_rules", |cx| {
        bounded(written.rules, ACCESS_RULES_MAX, "access rules", cx);
        written.rules.iter().for_each(|rule| cx.in_item(rule.item, |cx| making.rule(&rule.value, cx)));
    });
    cx.in_key("user_agent_rules", |cx| {
        bounded(written.user_agents, USER_AGENT_RULES_MAX, "user agent rules", cx);
        written
            .user_agents
            .iter()
            .for_each(|rule| cx.in_item(rule.item, |cx| making.user_agent(&rule.value, cx)));
    });
    cx.in_key("lockdowns", |cx| {
        bounded(written.lockdowns, LOCKDOWNS_MAX, "lockdowns", cx);
        written.lockdowns.iter().for_each(|rule| cx.in_item(rule.item, |cx| making.lockdown(rule, cx)));
    });
    let mut access = making.access;
    access.lengths = access.prefixes.keys().map(|(bits, _)| *bits).collect();
    access.lengths.sort_unstable_by(|one, other| other.cmp(one));
    access.lengths.dedup();
    access
}

fn bounded<T>(list: &[Spanned<T>], max: usize, what: &str, cx: &mut Context) {
    if let Some(one) = list.get(max) {
        let message = format!("there are more than {max} {what}");
        cx.in_item(one.item, |cx| cx.error(one.mark, Problem::new("rule-limit", message, "Remove some.")));
    }
}

struct Making<'a> {
    access: Access,
    owner: &'a str,
}

impl Making<'_> {
    fn add(&mut self, id: Option<&Identifier>, content: &str, description: &str, mode: Mode) -> u32 {
        let index = u32::try_from(self.access.rules.len()).unwrap_or(u32::MAX);
        self.access.rules.push(rule(self.owner, id, content, description, mode));
        index
    }

    fn rule(&mut self, config: &AccessRuleConfig, cx: &mut Context) {
        let AccessTarget { target, value } = &config.configuration.value;
        let text = value.value.trim();
        if matches!(target, TargetName::Asn | TargetName::Country) && !config.paused {
            let what = if *target == TargetName::Asn { "networks" } else { "countries" };
            let message =
                format!("access rules for {what} are not built yet: whose an address is, is not known");
            let action = "Remove it, or write the addresses with `target: ip_range`.";
            cx.in_key("configuration", |cx| {
                cx.in_key("value", |cx| {
                    cx.error(value.mark, Problem::new("rule-not-built", message, action));
                });
            });
            return;
        }
        let of = cx.in_key("configuration", |cx| {
            cx.in_key("value", |cx| match read(*target, text) {
                Ok(of) => Some(of),
                Err(expected) => {
                    let message = format!("`{text}` is not what `target` says");
                    let problem = Problem::new("access-rule", message, "Correct it.").expecting(expected);
                    cx.error(value.mark, problem);
                    None
                }
            })
        });
        let Some(of) = of.filter(|_| !config.paused) else { return };
        let index = self.add(config.id.as_ref(), &format!("{of:?}"), &config.notes.0, config.mode);
        let access = &mut self.access;
        let before = match of {
            Whom::Block(bits, number) => access.prefixes.insert((bits, number), index),
            Whom::Network(asn) => access.networks.insert(asn, index),
            Whom::Country(letters) => access.countries.insert(letters, index),
        };
        if before.is_some() {
            duplicate(&format!("`{text}`"), value.mark, cx);
        }
    }

    fn user_agent(&mut self, config: &UserAgentRuleConfig, cx: &mut Context) {
        let value = &config.configuration.value.value;
        if config.paused {
            return;
        }
        let description = &config.description.0;
        let index = self.add(config.id.as_ref(), &value.value, description, config.mode.0);
        if self.access.user_agents.insert(value.value.as_bytes().into(), index).is_some() {
            duplicate("this user agent", value.mark, cx);
        }
    }

    fn lockdown(&mut self, config: &Spanned<LockdownConfig>, cx: &mut Context) {
        let LockdownConfig { urls, configurations, description, id, paused, .. } = &config.value;
        cx.in_key("urls", |cx| bounded(urls, LOCKDOWN_ENTRIES_MAX, "URLs in one lockdown", cx));
        cx.in_key("configurations", |cx| {
            bounded(configurations, LOCKDOWN_ENTRIES_MAX, "addresses in one lockdown", cx);
        });
        let patterns: Vec<UrlPattern> = cx.in_key("urls", |cx| {
            urls.iter().filter_map(|url| cx.in_item(url.item, |cx| pattern(url, cx))).collect()
        });
        let allowed = cx.in_key("configurations", |cx| {
            configurations.iter().filter_map(|own| cx.in_item(own.item, |cx| allowed(own, cx))).collect()
        });
        if *paused {
            return;
        }
        let content: Vec<&str> = urls.iter().map(|url| url.value.as_str()).collect();
        let rule = rule(self.owner, id.as_ref(), &content.join(" "), &description.0, Mode::Block);
        self.access.lockdowns.push(Lockdown { rule, urls: patterns.into(), allowed });
    }
}

fn rule(owner: &str, id: Option<&Identifier>, content: &str, description: &str, mode: Mode) -> AccessRule {
    let id: Arc<str> = match id {
        Some(id) => id.0.as_str().into(),
        None => hash(&["access", owner, content]).into(),
    };
    AccessRule { id, description: description.into(), mode }
}

fn duplicate(what: &str, mark: Mark, cx: &mut Context) {
    let message = format!("there are two rules for {what}");
    let problem = Problem::new("access-rule", message, "Remove one of the two.");
    cx.in_key("configuration", |cx| cx.in_key("value", |cx| cx.error(mark, problem)));
}

/// Whom a rule is for.
#[derive(Debug)]
enum Whom {
    /// Bits of an IPv6 address, and the first address.
    Block(u8, u128),
    Network(u32),
    Country([u8; 2]),
}

fn read(target: TargetName, text: &str) -> Result<Whom, &'static str> {
    match target {
        TargetName::Ip | TargetName::Ip6 => {
            let ip: IpAddr = text.parse().map_err(|_| "an IP address")?;
            Ok(Whom::Block(128, number(ip)))
        }
        TargetName::IpRange => {
            let prefix: Prefix = text.parse().map_err(|_| "a block of addresses, such as `192.0.2.0/24`")?;
            let above = if prefix.address().is_ipv4() { 96 } else { 0 };
            let bits = prefix.bits() + above;
            Ok(Whom::Block(bits, number(prefix.address()) & mask(bits)))
        }
        TargetName::Asn => {
            let upper = text.to_ascii_uppercase();
            let digits = upper.strip_prefix("AS").unwrap_or(&upper);
            digits.parse().map(Whom::Network).map_err(|_| "the number of a network, such as `AS64496`")
        }
        TargetName::Country => {
            let upper = text.to_ascii_uppercase();
            let letters: [u8; 2] = upper.as_bytes().try_into().map_err(|_| "two letters, such as `NZ`")?;
            // `T1` is Tor.
            let is_good = letters.iter().all(u8::is_ascii_alphanumeric);
            is_good.then_some(Whom::Country(letters)).ok_or("two letters, such as `NZ`")
        }
    }
}

fn allowed(config: &Spanned<LockdownTarget>, cx: &mut Context) -> Option<Prefix> {
    let LockdownTarget { target, value } = &config.value;
    let is_single = *target == LockdownTargetName::Ip;
    let prefix = value.value.trim().parse::<Prefix>().ok();
    let is_good = prefix.is_some_and(|_| !is_single || !value.value.contains('/'));
    if !is_good {
        let expected =
            if is_single { "an IP address" } else { "a block of addresses, such as `192.0.2.0/24`" };
        let problem = Problem::new(
            "access-rule",
            format!("`{}` is not what `target` says", value.value),
            "Correct it.",
        );
        cx.in_key("value", |cx| cx.error(value.mark, problem.expecting(expected)));
    }
    prefix.filter(|_| is_good)
}

/// Who writes a host alone means the host, most likely, and not its first page.
fn warn_of_no_path(host: &str, mark: Mark, cx: &mut Context) {
    let message = format!("`{host}` locks the page `/` alone, and no other of this host");
    let action = format!("Write `{host}/*` to lock all of it, or `{host}/` if that page is meant.");
    cx.warning(mark, Problem::new("lockdown-path", message, action));
}

/// A URL with stars. A scheme makes no difference, and is left out.
fn pattern(url: &Spanned<String>, cx: &mut Context) -> Option<UrlPattern> {
    let text = url.value.trim();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    // A star where the host ends stands for paths as well.
    let (host, path) = match (host.strip_suffix('*'), path) {
        (Some(name), "") if !name.is_empty() && !name.ends_with('.') => (name, "/*"),
        (Some(_) | None, "") => (host, "/"),
        (Some(_) | None, path) => (host, path),
    };
    let bare = host.replace('*', "x");
    if text.len() > PATTERN_BYTES_MAX || !is_host(&bare) || !path.bytes().all(|byte| byte.is_ascii_graphic())
    {
        let problem = Problem::new("access-rule", format!("`{text}` is no URL"), "Correct it.");
        cx.error(
            url.mark,
            problem.expecting("a host and a path, such as `shop.example/admin*`, at most 512 bytes"),
        );
        return None;
    }
    if path == "/" && !rest.ends_with('/') {
        warn_of_no_path(host, url.mark, cx);
    }
    Some(UrlPattern { host: host.to_ascii_lowercase().into(), path: path.into() })
}
