//! `{ … }` and `$name`.

use super::Parser;
use crate::ast::{ListKind, ListName, Operand, Root, Set, Span};
use crate::error::Error;
use crate::types::Type;
use rempart_base::config::closest;
use std::net::IpAddr;

/// A list's name has at most so many characters (documented).
const LIST_NAME_CHARACTERS_MAX: usize = 50;

impl Parser<'_> {
    /// The elements of a set, of the type that stands left of it.
    pub(super) fn set(&mut self, ty: Type) -> Result<Set, Error> {
        let open = self.at;
        if !self.take("{") {
            let is_other_bracket = self.rest().starts_with(['(', '[']);
            let hint = if self.is_at_text() || is_other_bracket {
                "Elements stand between { and }, separated by spaces"
            } else {
                ""
            };
            return Err(self.unexpected("`{` and elements, or `$` and a list's name").hint(hint));
        }
        let mut set = match ty {
            Type::Int => Set::Ints(Vec::new()),
            Type::Ip => Set::Ips(Vec::new()),
            Type::Bytes | Type::Bool | Type::Array(_) | Type::Map(_) => Set::Bytes(Vec::new()),
        };
        loop {
            self.skip_space();
            if self.take("}") {
                return Ok(set);
            }
            if self.rest().is_empty() {
                let error = self.error(Span { start: open, end: open + 1 }, "this set does not end");
                return Err(error.expected("`}` before the end of the expression"));
            }
            match &mut set {
                Set::Ints(ranges) => ranges.push(self.int_range()?),
                Set::Bytes(texts) => texts.push(self.bytes("a text in quotes or `}`")?.bytes.into()),
                Set::Ips(ranges) => ranges.push(self.address_range()?),
            }
        }
    }

    /// A number, or `first..last`.
    fn int_range(&mut self) -> Result<(i64, i64), Error> {
        let start = self.at;
        if self.is_at_text() {
            let text = self.quoted()?;
            let message = format!("{} is a String", self.shown(text.span));
            return Err(self.error(text.span, message).expected("an Integer, such as 200 or 200..299"));
        }
        let first = self.int()?;
        let last = if self.take("..") { self.int()? } else { first };
        if first > last {
            let error = self.error(self.since(start), "this range is empty");
            return Err(error.expected("a first number that is not above the last"));
        }
        Ok((first, last))
    }

    /// An address, a prefix, or `first..last`.
    fn address_range(&mut self) -> Result<(IpAddr, IpAddr), Error> {
        const EXPECTED: &str = "an IP address, such as 192.0.2.1, 192.0.2.0/24 or 192.0.2.1..192.0.2.9";
        if self.is_at_text() {
            let text = self.quoted()?;
            let message = format!("{} is a String", self.shown(text.span));
            return Err(self.error(text.span, message).expected(EXPECTED).hint("Write it without quotes"));
        }
        let token = self.token();
        let span = self.ahead(token.len());
        if token.is_empty() {
            return Err(self.unexpected(EXPECTED));
        }
        let (first, last) = token.split_once("..").unwrap_or((token, token));
        let (Ok(first), Ok(last)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>()) else {
            return Err(self
                .error(span, format!("{} is no IP address", self.shown(span)))
                .expected(EXPECTED));
        };
        if first.is_ipv4() != last.is_ipv4() {
            return Err(self.error(span, "both ends of a range are of one family"));
        }
        if first > last {
            let error = self.error(span, "this range is empty");
            return Err(error.expected("a first address that is not above the last"));
        }
        self.at = span.end;
        if self.rest().starts_with('/') && !token.contains("..") {
            self.prefix(first, span.start)
        } else {
            Ok((first, last))
        }
    }

    /// The rest of `address/bits`.
    fn prefix(&mut self, address: IpAddr, start: usize) -> Result<(IpAddr, IpAddr), Error> {
        self.at += 1;
        let digits = self.run(|c| c.is_ascii_alphanumeric());
        self.at += digits.len();
        let span = self.since(start);
        let bits_max: u32 = if address.is_ipv4() { 32 } else { 128 };
        let bits = digits.parse().ok().filter(|bits| *bits <= bits_max && digits.len() <= 3);
        let Some(bits) = bits else {
            let error = self.error(span, format!("{} is no prefix", self.shown(span)));
            return Err(error.expected(format!("a length from 0 to {bits_max} behind `/`")));
        };
        let (first, last) = crate::address::network(address, bits);
        if first != address {
            let error = self.error(span, format!("{} has bits behind its prefix", self.shown(span)));
            return Err(error.expected("zeros there").hint(format!("Write {first}/{bits}")));
        }
        Ok((first, last))
    }

    /// A list's name.
    pub(super) fn list(&mut self, left: &Operand) -> Result<ListName, Error> {
        let start = self.at;
        self.at += 1;
        let name = self.run(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.'));
        self.at += name.len();
        let span = self.since(start);
        let is_name = !name.is_empty() && !name.starts_with('.') && !name.ends_with('.');
        let is_longer = !self.word().is_empty() || self.rest().starts_with('-');
        if !is_name || is_longer {
            let rest = self.token().len();
            let whole = Span { end: span.end + rest, ..span };
            let error = self.error(whole, format!("{} is no list's name", self.shown(whole)));
            return Err(error.expected("`$` and lower-case letters, digits, `_`, and dots inside"));
        }
        if name.len() > LIST_NAME_CHARACTERS_MAX {
            let message = format!(
                "a list's name has at most {LIST_NAME_CHARACTERS_MAX} characters, and this has {}",
                name.len()
            );
            return Err(self.error(span, message));
        }
        let Some(kind) = self.scope.lists.kind(name) else {
            let error = self.error(span, format!("there is no list `{name}`"));
            let names = self.scope.lists.names();
            let meant = closest(name, &names).map(|meant| format!("Did you mean ${meant}?"));
            let managed = "Cloudflare's managed lists are not built: write a list of this name, and fill it.";
            let managed = name.starts_with("cf.").then(|| managed.to_owned());
            return Err(error.hint(meant.or(managed).unwrap_or_default()));
        };
        let (ty, holds) = match kind {
            ListKind::Ip => (Type::Ip, "IP addresses"),
            ListKind::Hostname => (Type::Bytes, "host names"),
            ListKind::Asn => (Type::Int, "AS numbers"),
            ListKind::Redirect => (Type::Bytes, "redirects"),
        };
        if left.ty != ty {
            let message = format!(
                "`${name}` holds {holds}, and {} is {}",
                self.shown(left.span),
                left.ty.with_article()
            );
            return Err(self.error(span, message));
        }
        if kind == ListKind::Redirect && !matches!(left.root, Root::Field(_)) {
            let error = self.error(left.span, "only a field may stand left of a list of redirects");
            return Err(error.expected("a field such as http.request.full_uri"));
        }
        Ok(ListName { name: name.into(), kind })
    }
}
