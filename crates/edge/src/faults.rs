//! The one table that turns a fault into what visitor, log and metric see of it. Nobody else picks a
//! status.

use std::fmt::Write as _;

use rempart_base::RayId;
use rempart_flow::{Fault, Side};

/// What is seen of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The answer's status. 499 is for the log alone: there is nobody left to answer.
    pub status: u16,
    /// Its name in log and metrics, and its heading in `docs/errors/`.
    pub code: &'static str,
    /// The page's title.
    pub title: &'static str,
    /// A sentence for the visitor.
    pub text: &'static str,
}

macro_rules! shown {
    ($status:literal, $code:literal, $title:literal, $text:literal) => {
        Shown { status: $status, code: $code, title: $title, text: $text }
    };
}

/// What is seen of this fault.
#[must_use]
pub const fn shown(fault: Fault) -> Shown {
    match fault {
        Fault::BadRequest(_) => {
            shown!(400, "bad-request", "Bad request", "The request does not follow the rules of HTTP.")
        }
        Fault::HeadTooLarge => {
            shown!(
                431,
                "head-too-large",
                "Request header fields too large",
                "The request's header is larger than this site allows."
            )
        }
        Fault::TargetTooLong => shown!(
            414,
            "target-too-long",
            "URI too long",
            "The address asked for is longer than this site allows."
        ),
        Fault::BodyTooLarge => {
            shown!(
                413,
                "body-too-large",
                "Content too large",
                "What was sent is larger than this site allows."
            )
        }
        Fault::HeadTimeout => {
            shown!(408, "head-timeout", "Request timeout", "The request did not arrive in time.")
        }
        Fault::BodyTimeout => {
            shown!(408, "body-timeout", "Request timeout", "The request's content did not arrive in time.")
        }
        Fault::ReadTooSlow => {
            shown!(499, "read-too-slow", "Client too slow", "The answer was taken too slowly.")
        }
        Fault::ClientGone => shown!(499, "client-gone", "Client closed request", "The visitor went away."),
        Fault::UnknownHost => {
            shown!(421, "unknown-host", "Misdirected request", "No site of this name is served here.")
        }
        Fault::Misdirected => shown!(
            421,
            "misdirected",
            "Misdirected request",
            "This site is not served on a connection that was made for another one."
        ),
        Fault::ZoneHeldBack => shown!(
            503,
            "zone-held-back",
            "Site is not ready",
            "This site is set up here, but its configuration has a mistake and has never worked."
        ),
        Fault::MethodRefused => {
            shown!(405, "method-refused", "Method not allowed", "This method is not allowed here.")
        }
        Fault::CodingUnknown => {
            shown!(
                501,
                "coding-unknown",
                "Not implemented",
                "The request uses a transfer coding that is not supported."
            )
        }
        Fault::ExpectationUnknown => {
            shown!(
                417,
                "expectation-unknown",
                "Expectation failed",
                "The request expects what this server cannot meet."
            )
        }
        Fault::VersionUnknown => {
            shown!(
                505,
                "version-unknown",
                "HTTP version not supported",
                "This version of HTTP is not spoken here."
            )
        }
        Fault::Loop => {
            shown!(508, "loop", "Loop detected", "The request has come through this server before.")
        }
        Fault::OnlyIfCached => shown!(
            504,
            "only-if-cached",
            "Not stored",
            "The request asks for a stored answer, and there is none that may be used."
        ),
        Fault::OriginDns => {
            shown!(530, "origin-dns", "Origin not found", "The name of the site's server has no address.")
        }
        Fault::OriginRefused => {
            shown!(521, "origin-refused", "Web server is down", "The site's server refused the connection.")
        }
        Fault::OriginConnectTimeout => {
            shown!(
                522,
                "origin-connect-timeout",
                "Connection timed out",
                "The site's server did not accept the connection in time."
            )
        }
        Fault::OriginUnreachable => {
            shown!(
                523,
                "origin-unreachable",
                "Origin is unreachable",
                "There is no way to the site's server."
            )
        }
        Fault::OriginTimeout => {
            shown!(524, "origin-timeout", "A timeout occurred", "The site's server did not answer in time.")
        }
        Fault::OriginTls => {
            shown!(
                525,
                "origin-tls",
                "SSL handshake failed",
                "No secure connection to the site's server could be made."
            )
        }
        Fault::OriginCertificate => {
            shown!(
                526,
                "origin-certificate",
                "Invalid SSL certificate",
                "The certificate of the site's server is not valid."
            )
        }
        Fault::BadResponse(_) => {
            shown!(
                520,
                "bad-response",
                "Web server returned an unknown error",
                "The site's server sent no usable answer."
            )
        }
        Fault::OriginBodyTruncated => {
            shown!(
                520,
                "origin-body-truncated",
                "Web server broke off",
                "The site's server broke off inside its answer."
            )
        }
        Fault::Panic => shown!(500, "panic", "Internal error", "This server failed."),
        Fault::StageOverrun => shown!(
            500,
            "stage-overrun",
            "Internal error",
            "Looking at the request took this server too long."
        ),
        Fault::ZoneOverShare => {
            shown!(
                503,
                "zone-over-share",
                "Site is busy",
                "This site has as many requests under way as its fair share of this server allows. Please try \
                 again."
            )
        }
        Fault::Overloaded { .. } => {
            shown!(
                503,
                "overloaded",
                "Service unavailable",
                "Too many requests are under way. Please try again."
            )
        }
    }
}

/// More about a fault, for the log and the page: which rule a request broke, say.
#[must_use]
pub const fn detail(fault: Fault) -> &'static str {
    match fault {
        Fault::BadRequest(reason) => reason.as_str(),
        Fault::BadResponse(reason) => reason.as_str(),
        Fault::HeadTooLarge
        | Fault::TargetTooLong
        | Fault::BodyTooLarge
        | Fault::HeadTimeout
        | Fault::BodyTimeout
        | Fault::ReadTooSlow
        | Fault::ClientGone
        | Fault::UnknownHost
        | Fault::Misdirected
        | Fault::ZoneHeldBack
        | Fault::MethodRefused
        | Fault::CodingUnknown
        | Fault::ExpectationUnknown
        | Fault::VersionUnknown
        | Fault::Loop
        | Fault::OnlyIfCached
        | Fault::OriginDns
        | Fault::OriginRefused
        | Fault::OriginConnectTimeout
        | Fault::OriginUnreachable
        | Fault::OriginTimeout
        | Fault::OriginTls
        | Fault::OriginCertificate
        | Fault::OriginBodyTruncated
        | Fault::Panic
        | Fault::StageOverrun
        | Fault::ZoneOverShare
        | Fault::Overloaded { .. } => "",
    }
}

/// The page that a visitor gets. It says who is at fault and how to name this request to the operator. It
/// shows nothing that the request brought, so nothing has to be escaped.
#[must_use]
pub fn page(fault: Fault, ray: RayId, colo: [u8; 3]) -> String {
    let Shown { status, title, text, .. } = shown(fault);
    let [visitor, edge, origin] = match fault.side() {
        Side::Client => ["error", "working", "not asked"],
        Side::Ours => ["working", "error", "not asked"],
        Side::Origin => ["working", "working", "error"],
    };
    let colo = String::from_utf8_lossy(&colo);
    let mut page = String::with_capacity(1400);
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{status}: {title}</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:10vh auto;padding:0 1rem;\
         color:#222}}h1{{font-weight:500}}td{{padding:.2rem 1.5rem .2rem 0}}.error{{color:#b00;font-weight:600}}\
         small{{color:#666}}</style>\n<h1>{title} <small>{status}</small></h1>\n<p>{text}"
    );
    let detail = detail(fault);
    if !detail.is_empty() {
        let _ = write!(page, " <small>({detail})</small>");
    }
    page.push_str("\n<table>\n");
    for (who, state) in [("Visitor", visitor), ("Edge", edge), ("Origin", origin)] {
        let _ = writeln!(page, "<tr><td>{who}<td class=\"{state}\">{state}");
    }
    let _ = write!(
        page,
        "</table>\n<p><small>Ray ID: {ray}-{colo} &middot; served by Rempart</small>\n</html>\n"
    );
    page
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rempart_flow::{BadRequest, BadResponse};

    use super::*;

    #[test]
    fn the_page_says_who_is_at_fault_and_names_the_request() {
        let ray = RayId(0xabc);
        let page = page(Fault::OriginRefused, ray, *b"FRA");
        assert!(page.contains("<td>Origin<td class=\"error\">error"));
        assert!(page.contains("<td>Visitor<td class=\"working\">working"));
        assert!(page.contains("0000000000000abc-FRA") && page.contains("521"));
        let bad = super::page(Fault::BadRequest(BadRequest::BareLf), ray, *b"FRA");
        assert!(bad.contains("<td>Visitor<td class=\"error\">error") && bad.contains("bare LF"));
    }

    #[test]
    fn statuses_are_those_of_the_side_at_fault() {
        for fault in [
            Fault::OriginDns,
            Fault::OriginRefused,
            Fault::OriginTimeout,
            Fault::OriginTls,
            Fault::BadResponse(BadResponse::Empty),
        ] {
            assert!((520..=530).contains(&shown(fault).status));
        }
        assert_eq!(shown(Fault::Overloaded { retry_after: Duration::ZERO }).status, 503);
        assert!((400..500).contains(&shown(Fault::BadRequest(BadRequest::Chunk)).status));
    }
}
