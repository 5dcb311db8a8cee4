//! The work `rules_50`: does each of the fifty rules of a system do what it says? They stand in `peers/rules`, the
//! same conditions in the language of each: a rule that could never match would be cheap, and prove nothing.

use std::net::Ipv4Addr;

use crate::Outcome;
use crate::http::{Connection, Url};
use crate::peers::Running;

/// So many rules there are.
pub(crate) const RULES: u8 = 50;

/// A request that one rule refuses and no other.
#[derive(Debug, PartialEq, Eq)]
struct Offence {
    from: Ipv4Addr,
    method: String,
    target: String,
    user_agent: String,
}

/// Sees that each rule refuses what it is for, and that a request that is none of that is let in.
pub(crate) fn check(server: &Running) -> Outcome<()> {
    let name = server.system.name();
    for rule in 1..=RULES {
        let status = send(server, &offence(rule))?;
        if status != 403 {
            return Err(format!("{name}: rule {rule} lets in what it is for: {status}").into());
        }
    }
    let status = send(server, &Offence::none())?;
    if status == 200 { Ok(()) } else { Err(format!("{name} refuses what no rule is for: {status}").into()) }
}

fn send(server: &Running, offence: &Offence) -> Outcome<u16> {
    let url = Url::parse(&format!("http://127.0.0.1:{}/", server.port))?;
    let Offence { from, method, target, user_agent } = offence;
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {user_agent}\r\n\r\n", url.authority);
    let answered = Connection::open_from(*from, url.address)?.exchange(request.as_bytes());
    let answer = answered.map_err(|broken| {
        format!("{} does not answer {offence:?}: {}", server.system.name(), broken.cause)
    })?;
    Ok(answer.status)
}

impl Offence {
    fn none() -> Self {
        Self {
            from: Ipv4Addr::LOCALHOST,
            method: "GET".to_owned(),
            target: "/public/1k".to_owned(),
            user_agent: "Mozilla/5.0".to_owned(),
        }
    }
}

/// Kinds of rules come in turn, ten of them; each has its own number in what it looks for.
fn offence(rule: u8) -> Offence {
    let none = Offence::none();
    match rule % 10 {
        1 | 4 => Offence { user_agent: format!("badbot-{rule:02}"), ..none },
        2 | 7 => Offence { target: format!("/private-{rule:02}/page"), ..none },
        3 | 8 => Offence { from: Ipv4Addr::new(127, 3, rule, 7), ..none },
        5 => Offence { target: format!("/old/page-{rule:02}"), ..none },
        6 => Offence { target: format!("/public/1k?a=1&b=inject-{rule:02}"), ..none },
        9 => Offence { target: format!("/shop/17/old-{rule:02}.php"), ..none },
        _ => Offence { method: verb(rule), ..none },
    }
}

/// A method in letters, since some systems know none with digits.
fn verb(rule: u8) -> String {
    let letter = |digit: u8| char::from(b'A' + digit % 10);
    ['B', 'A', 'N', '_', letter(rule / 10), letter(rule)].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_has_each_condition() {
        let files = [
            include_str!("../peers/rules/rempart.yaml"),
            include_str!("../peers/rules/nginx.conf"),
            include_str!("../peers/rules/haproxy.cfg"),
        ];
        for rule in 1..=RULES {
            let Offence { from, method, target, user_agent } = offence(rule);
            let path = target.split(['?', '&']).next_back().unwrap_or_default();
            let part = match rule % 10 {
                1 | 4 => user_agent,
                2 | 7 => path.trim_end_matches("page").to_owned(),
                3 | 8 => format!("127.3.{}.0/24", from.octets()[2]),
                5 => path.to_owned(),
                6 => format!("inject-{rule:02}"),
                9 => format!("old-{rule:02}\\."),
                _ => method,
            };
            assert!(files.iter().all(|file| file.matches(&part).count() == 1), "{part}");
        }
    }
}
