//! One case from beginning to end: origins, Rempart, visitors, then what was asserted of the whole.

use crate::case::{Case, Client, LogLine, OriginKind, Protocol};
use crate::certificates;
use crate::meeting::Meetings;
use crate::play::{Failure, Player, Shared, compare};
use crate::server::{Place, Server, start_deadline};
use crate::site::{Site, visits};
use crate::text::Variables;
use rempart_base::Now;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Plays one case against this program, with visitors who speak this protocol.
///
/// # Errors
/// Every step that failed, with `file:line`, what was expected and what came.
pub fn play(case: &Case, protocol: Protocol, program: &Path) -> Result<(), String> {
    let file = case.file.display();
    let system = |error: std::io::Error| format!("{file}: {error}");
    let place = Place::new().map_err(system)?;
    let folder = place.folder.path();
    let certificates = certificates::make(&case.certificates, folder)?;
    let mut sites = Vec::new();
    for origin in &case.origins {
        sites.push(Site::open(origin, folder).map_err(system)?);
    }
    let variables = variables(case, protocol, &place, &sites);
    let configuration = configuration(case, protocol, &place, &sites, &variables)?;
    let mut server = Server::start(program, &place, &configuration, start_deadline())
        .map_err(|what| format!("{file}: {what}"))?;
    let shared = Shared {
        variables: Mutex::new(variables),
        meetings: Meetings::of(case),
        certificates,
        deadline: case.deadline,
    };
    let mut failures = scripts(case, protocol, &place, &sites, &shared);
    if failures.is_empty() {
        failures.extend(case.logs.iter().filter_map(|line| log_lacks(line, &place, &shared).err()));
    }
    server.stop();
    failures.extend(touched(case, &sites));
    if failures.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = failures
        .iter()
        .map(|f| format!("{file}:{}:\n  expected: {}\n  got:      {}", f.line, f.expected, f.got))
        .collect();
    Err(format!("{}\n{}", told.join("\n"), server.printed()))
}

fn variables(case: &Case, protocol: Protocol, place: &Place, sites: &[Site]) -> Variables {
    let mut variables = Variables::new();
    let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value.into_bytes());
    set("dir", place.folder.path().display().to_string());
    set("http", place.http.port.to_string());
    set("https", place.https.port.to_string());
    let words = match protocol {
        Protocol::Http1 => ["HTTP/1.1", "1.1", "http", "80", "https"],
        Protocol::Http2 => ["HTTP/2", "2", "https", "443", "http"],
    };
    for (name, word) in ["protocol", "via", "scheme", "scheme_port", "other_scheme"].into_iter().zip(words) {
        set(name, word.to_owned());
    }
    for (origin, site) in case.origins.iter().zip(sites) {
        set(&origin.name, site.port.to_string());
    }
    variables
}

/// The configuration, in which `${name}` is filled in as in the texts of steps.
fn configuration(
    case: &Case,
    protocol: Protocol,
    place: &Place,
    sites: &[Site],
    variables: &Variables,
) -> Result<String, String> {
    let urls: Vec<String> = sites.iter().map(|site| site.url.clone()).collect();
    let mut text = place.configuration(case, protocol, &urls);
    for (name, value) in variables {
        text = text.replace(&format!("${{{name}}}"), &String::from_utf8_lossy(value));
    }
    match text.split_once("${") {
        Some((_, rest)) => Err(format!("{}: no variable `${{{rest}`", case.file.display())),
        None => Ok(text),
    }
}

/// All scripts: origins all the time, clients one after another. Connections stay open to the end.
fn scripts(case: &Case, protocol: Protocol, place: &Place, sites: &[Site], shared: &Shared) -> Vec<Failure> {
    thread::scope(|scope| {
        let playing: Vec<_> = case
            .origins
            .iter()
            .zip(sites)
            .filter(|(origin, _)| !origin.script.steps.is_empty())
            .map(|(origin, site)| {
                let open = site.connections(&origin.kind, &shared.certificates);
                scope.spawn(move || Player::play(shared, &origin.script, Protocol::Http1, open))
            })
            .collect();
        let (mut failures, mut held) = (Vec::new(), Vec::new());
        for group in case.clients.chunk_by(|_, next| next.alongside) {
            let visiting: Vec<_> = group
                .iter()
                .map(|client| scope.spawn(move || visit(client, protocol, place, shared)))
                .collect();
            for visit in visiting {
                sort(visit.join(), &mut held, &mut failures);
            }
        }
        for origin in playing {
            sort(origin.join(), &mut held, &mut failures);
        }
        failures
    })
}

type Played = Result<Vec<crate::peer::Peer>, Failure>;

fn visit(client: &Client, protocol: Protocol, place: &Place, shared: &Shared) -> Played {
    let is_secure = client.tls.is_some() || client.wrong_port || protocol == Protocol::Http2;
    let port = if is_secure { place.https.port } else { place.http.port };
    Player::play(shared, &client.script, protocol, visits(port, &client.tls, protocol))
}

fn sort(played: thread::Result<Played>, held: &mut Vec<crate::peer::Peer>, failures: &mut Vec<Failure>) {
    match played {
        Ok(Ok(peers)) => held.extend(peers),
        Ok(Err(failure)) => failures.push(failure),
        Err(_) => failures.push(Failure {
            line: 0,
            expected: "a script that ends".to_owned(),
            got: "the runner panicked: a bug in it".to_owned(),
        }),
    }
}

fn touched(case: &Case, sites: &[Site]) -> Vec<Failure> {
    let untouched = case.origins.iter().zip(sites).filter(|(o, _)| o.kind == OriginKind::Untouched);
    untouched
        .filter_map(|(origin, site)| {
            let got = site.touched()?;
            Some(Failure { line: 0, expected: format!("{} untouched", origin.name), got })
        })
        .collect()
}

/// Waits for a line of the access log with all these fields. The file is looked at again whenever the
/// wait below comes back, since the log goes through a queue and is written a moment later.
fn log_lacks(want: &LogLine, place: &Place, shared: &Shared) -> Result<(), Failure> {
    /// Between two looks.
    const LOOK: Duration = Duration::from_millis(20);
    let variables = shared.variables.lock().unwrap_or_else(PoisonError::into_inner);
    let until = Now::read().mono + shared.deadline;
    loop {
        let text = fs::read_to_string(place.access_log()).unwrap_or_default();
        let has_all = |line: &str| {
            let Ok(fields) = serde_json::from_str::<BTreeMap<String, serde_json::Value>>(line) else {
                return false;
            };
            want.fields.iter().all(|field| {
                let value = fields.get(&field.name).map(logged);
                compare(value.as_deref().map(str::as_bytes), &field.relation, &variables).is_ok()
            })
        };
        if text.lines().any(has_all) {
            return Ok(());
        }
        if Now::read().mono >= until {
            let expected: Vec<&str> = want.fields.iter().map(|field| field.written.as_str()).collect();
            return Err(Failure {
                line: want.line,
                expected: format!("a log line with {}", expected.join(", ")),
                got: format!("the log has\n{text}"),
            });
        }
        thread::park_timeout(LOOK);
    }
}

fn logged(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
