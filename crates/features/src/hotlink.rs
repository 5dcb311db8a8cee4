//! Hotlink protection: images are not given to pages of other websites.

use rempart_base::config::{Context, Decode, Node, Shape, Shown, Spanned, Value};
use rempart_cache::config::Switch;

use crate::access::{Mode, Verdict};
use crate::lists::is_host;

/// What Cloudflare protects: other files are given to everybody.
const EXTENSIONS: &[&[u8]] = &[b"gif", b"ico", b"jpg", b"jpeg", b"png"];
/// What stands in a folder of this name is given to everybody.
const FREE_FOLDER: &[u8] = b"hotlink-ok";
/// Hosts that may show the images.
const HOSTS_MAX: usize = 1_000;

/// `on`, `off`, or a mapping.
#[derive(Clone, Debug, Default)]
pub struct HotlinkConfig(pub HotlinkSettings);

rempart_base::config! {
    /// Hotlink protection.
    pub struct HotlinkSettings {
        /// Whether images are kept from pages of other websites.
        enabled: Switch = Switch(false);
        /// Hosts whose pages may show them all the same, with everything under each. The zone's own hosts always may.
        allowed_hosts: Vec<Spanned<String>> = Vec::new();
    }
}

impl Decode for HotlinkConfig {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Map(_) => HotlinkSettings::decode(node, cx).map(Self),
            Value::Scalar(_) | Value::List(_) => Switch::decode(node, cx)
                .map(|enabled| Self(HotlinkSettings { enabled, ..HotlinkSettings::default() })),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![Switch::shape(), HotlinkSettings::shape()])
    }

    fn show(&self) -> Shown {
        self.0.enabled.show()
    }
}

/// Hotlink protection of a zone. A rule can switch it on and off for a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hotlink {
    /// Whether it is on where no rule says anything.
    pub is_on: bool,
    /// Whose pages may show the images, with everything under each: lower case.
    hosts: Box<[Box<str>]>,
}

impl Hotlink {
    /// What is refused is refused by this.
    pub const VERDICT: Verdict<'static> = Verdict {
        id: "hotlink_protection",
        name: "hotlink_protection",
        description: "Hotlink protection",
        mode: Mode::Block,
    };

    /// Makes the plan of the zone of this name. What is wrong is reported.
    pub fn compile(config: &HotlinkConfig, zone: &str, cx: &mut Context) -> Self {
        let HotlinkSettings { enabled, allowed_hosts } = &config.0;
        cx.in_key("allowed_hosts", |cx| {
            for (i, host) in allowed_hosts.iter().enumerate() {
                let message = match (is_host(&host.value), i) {
                    (true, HOSTS_MAX) => format!("there are more than {HOSTS_MAX} hosts"),
                    (true, _) => continue,
                    (false, _) => format!("`{}` is no host name", host.value),
                };
                let problem =
                    rempart_base::config::Problem::new("invalid-value", message, "Correct the list.");
                cx.in_item(host.item, |cx| cx.error(host.mark, problem.expecting("host names, in punycode")));
            }
        });
        let own = std::iter::once(Box::from(zone));
        let others = allowed_hosts.iter().map(|host| host.value.to_ascii_lowercase().into());
        Self { is_on: enabled.0, hosts: own.chain(others).collect() }
    }

    /// Whether a request for this path (without query), to this host, from a page of this `Referer` is refused. A
    /// visitor without `Referer` is given everything.
    #[must_use]
    pub fn refuses(&self, path: &[u8], host: &[u8], referer: Option<&[u8]>) -> bool {
        let Some(referer) = referer.filter(|referer| !referer.trim_ascii().is_empty()) else { return false };
        is_image(path) && !is_free(path) && !self.may_show(host_of(referer), host)
    }

    fn may_show(&self, page: &[u8], host: &[u8]) -> bool {
        let is_under = |own: &[u8]| {
            let (front, end) = page.split_at_checked(page.len().wrapping_sub(own.len())).unwrap_or_default();
            !own.is_empty() && end.eq_ignore_ascii_case(own) && (front.is_empty() || front.ends_with(b"."))
        };
        page.eq_ignore_ascii_case(host) || self.hosts.iter().any(|own| is_under(own.as_bytes()))
    }
}

fn is_image(path: &[u8]) -> bool {
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let Some(dot) = last.iter().rposition(|byte| *byte == b'.') else { return false };
    let extension = last.get(dot + 1..).unwrap_or_default();
    EXTENSIONS.iter().any(|own| own.eq_ignore_ascii_case(extension))
}

fn is_free(path: &[u8]) -> bool {
    let mut segments = path.split(|byte| *byte == b'/');
    // The file itself is no folder.
    segments.next_back();
    segments.any(|segment| segment == FREE_FOLDER)
}

/// The host of a URL, without port.
fn host_of(url: &[u8]) -> &[u8] {
    let rest = match url.windows(3).position(|window| window == b"://") {
        Some(at) => url.get(at + 3..).unwrap_or_default(),
        None => url,
    };
    let authority = rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next().unwrap_or_default();
    let authority = authority.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    let end = match authority.iter().rposition(|byte| matches!(byte, b':' | b']')) {
        Some(at) if authority.get(at) == Some(&b':') => at,
        Some(_) | None => authority.len(),
    };
    let host = authority.get(..end).unwrap_or_default();
    host.strip_suffix(b".").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_refused_to_pages_of_others_and_to_nobody_else() {
        let hotlink =
            Hotlink { is_on: true, hosts: ["shop.example".into(), "partner.example".into()].into() };
        for (path, referer, is_refused) in [
            ("/a.png", "https://other.example/page", true),
            ("/a.PNG", "https://other.example/page", true),
            ("/a.jpg", "http://notshop.example/", true),
            ("/a.ico", "https://shop.example.other.example/", true),
            ("/a.gif", "https://other.example/?shop.example", true),
            ("/a.gif", "https://shop.example@other.example/", true),
            ("/a.gif", "other.example", true),
            ("/a.png", "https://shop.example/page", false),
            ("/a.png", "https://WWW.shop.example:8443/page", false),
            ("/a.png", "https://partner.example./", false),
            ("/a.png", "https://alias.example/", false),
            ("/a.png", "", false),
            ("/a.svg", "https://other.example/", false),
            ("/png", "https://other.example/", false),
            ("/hotlink-ok/a.png", "https://other.example/", false),
            ("/x/hotlink-ok/y/a.png", "https://other.example/", false),
            ("/xhotlink-ok/a.png", "https://other.example/", true),
        ] {
            let found = hotlink.refuses(path.as_bytes(), b"alias.example", Some(referer.as_bytes()));
            assert_eq!(found, is_refused, "{path} {referer}");
        }
        assert!(!hotlink.refuses(b"/a.png", b"shop.example", None));
    }
}
