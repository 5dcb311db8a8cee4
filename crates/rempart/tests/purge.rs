//! Purges: over the API and by `ctl purge`, and at each step of a fetch.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "all of it is test code")]

mod stand;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use stand::process::signal;
use stand::{Folder, PATIENCE, Up, ask, text};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// Of the zone test.example, as `printf %s test.example | sha256sum | cut -c1-32` says.
const ZONE: &str = "b26ff30fdec0fbd1cbd7d5ccf740a2de";

/// An origin that answers when the test says so.
struct Origin(TcpListener);

/// A request that has come to the origin.
struct Asked {
    stream: TcpStream,
    head: String,
}

impl Origin {
    fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// The next request.
    fn asked(&self) -> Asked {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = String::new();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(lines.read_line(&mut head).unwrap(), 0, "the request ends early: {head}");
        }
        Asked { stream, head }
    }

    /// Whether nobody asks: only when the visitor has its answer already.
    fn assert_not_asked(&self) {
        self.0.set_nonblocking(true).unwrap();
        assert!(self.0.accept().is_err(), "the origin was asked");
        self.0.set_nonblocking(false).unwrap();
    }
}

impl Asked {
    fn say(&mut self, bytes: &str) -> &mut Self {
        self.stream.write_all(bytes.as_bytes()).unwrap();
        self
    }

    /// Answers with what is stored, and is called so.
    fn answer(mut self, body: &str) {
        let length = body.len();
        self.say(&format!("{HEAD}Content-Length: {length}\r\n\r\n{body}"));
    }
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=1000\r\nCache-Tag: blue, Green\r\nConnection: close\r\n";

/// A visitor with a connection of its own.
struct Visitor {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Visitor {
    fn asks(address: SocketAddr, target: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n\r\n").unwrap();
        Self { stream: BufReader::new(stream) }
    }

    fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "the answer ends early: {head}");
        }
        head
    }

    /// So many bytes of the body.
    fn bytes(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        text(&bytes)
    }

    fn answer(mut self) -> Answer {
        let head = self.head();
        let mut body = Vec::new();
        self.stream.read_to_end(&mut body).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: text(&body) }
    }
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn cache_status(&self) -> &str {
        self.field("cf-cache-status").unwrap_or("")
    }
}

/// A program with an admin endpoint, before an origin.
struct Site {
    folder: Folder,
    origin: Origin,
    up: Up,
}

impl Site {
    fn new() -> Self {
        Self::with("admin: {listen: \"127.0.0.1:0\", token_file: token}\n")
    }

    fn with(settings: &str) -> Self {
        let (folder, origin) = (Folder::new(), Origin::start());
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        folder.write(&format!(
            "listen: {{http: [\"127.0.0.1:0\"]}}\ndata_dir: ./data\nworkers: 2\nuser: root\n{settings}\
             zones:\n  - {{name: test.example, hosts: [\"*\"], origins: [\"http://{}\"]}}\n  \
             - {{name: other.example, origins: [\"http://{}\"]}}\n",
            origin.0.local_addr().unwrap(),
            origin.0.local_addr().unwrap(),
        ));
        let up = folder.up();
        Self { folder, origin, up }
    }

    fn visit(&self, target: &str) -> Visitor {
        Visitor::asks(self.up.http, target)
    }

    /// Asks for what must be stored already.
    fn hit(&self, target: &str) -> String {
        let answer = self.visit(target).answer();
        assert_eq!(answer.cache_status(), "HIT", "{answer:?}");
        self.origin.assert_not_asked();
        answer.body
    }

    /// Asks for what must be fetched, and is then stored.
    fn miss(&self, target: &str, body: &str) {
        let visitor = self.visit(target);
        self.origin.asked().answer(body);
        let answer = visitor.answer();
        assert_eq!((answer.cache_status(), &*answer.body), ("MISS", body), "{answer:?}");
    }

    fn admin(&self) -> SocketAddr {
        admin(self.up.edge(), self.up.http)
    }

    fn api(&self, body: &str) -> (u16, Value) {
        let (status, head, body) = call(self.admin(), "POST", ZONE, Some(&format!("Bearer {TOKEN}")), body);
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{head}{body}")))
    }

    fn purge(&self, body: &Value) {
        let (status, answer) = self.api(&body.to_string());
        let expected = json!({"result": {"id": ZONE}, "success": true, "errors": [], "messages": []});
        assert_eq!((status, &answer), (200, &expected), "{body}");
    }

    fn ctl(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let data_dir = self.folder.data_dir();
        let before = ["ctl", "--data-dir", data_dir.to_str().unwrap(), "purge"];
        let output = ask(&[&before, arguments].concat());
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }
}

/// Where an edge has its admin endpoint: the listening socket that is none of the visitors'.
fn admin(edge: Pid, http: SocketAddr) -> SocketAddr {
    let folder = format!("/proc/{}/fd", edge.as_raw_nonzero());
    let links =
        std::fs::read_dir(folder).unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let inodes: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listening = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut ports = listening
        .filter(|fields| fields[3] == "0A" && inodes.iter().any(|inode| inode == fields[9]))
        .map(|fields| u16::from_str_radix(fields[1].split(':').nth(1).unwrap(), 16).unwrap());
    let port = ports.find(|port| *port != http.port()).expect("it has an admin endpoint");
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn call(
    admin: SocketAddr,
    method: &str,
    zone: &str,
    auth: Option<&str>,
    body: &str,
) -> (u16, String, String) {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let auth = auth.map(|auth| format!("Authorization: {auth}\r\n")).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} /client/v4/zones/{zone}/purge_cache HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n{auth}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let answer = stand::read(stream);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
}

/// What names the object /css/x.css?v=1 of these tests, in each way.
fn every_way() -> [Value; 5] {
    [
        json!({"purge_everything": true}),
        json!({"files": ["https://test.example/css/x.css?v=1"]}),
        json!({"hosts": ["test.example"]}),
        json!({"prefixes": ["test.example/css"]}),
        json!({"tags": ["GREEN"]}),
    ]
}

const TARGET: &str = "/css/x.css?v=1";

#[test]
fn each_kind_of_purge_is_seen_by_the_very_next_request() {
    let site = Site::new();
    site.miss(TARGET, "0");
    site.miss("/js/y.js", "unrelated");
    for (round, way) in every_way().iter().enumerate() {
        assert_eq!(site.hit(TARGET), round.to_string());
        site.purge(way);
        site.miss(TARGET, &(round + 1).to_string());
    }
    let (status, _, _) =
        call(site.admin(), "DELETE", ZONE, Some(&format!("bearer {TOKEN}")), r#"{"tags":["blue"]}"#);
    assert_eq!(status, 200);
    site.miss(TARGET, "6");
    // What names something else takes nothing.
    for other in [
        json!({"files": ["https://test.example/css/x.css"]}),
        json!({"prefixes": ["test.example/cs"]}),
        json!({"tags": ["bl", "reen"]}),
    ] {
        site.purge(&other);
        assert_eq!(site.hit(TARGET), "6", "{other}");
    }
}

#[test]
fn a_soft_purge_makes_stale_and_a_validation_makes_fresh_again() {
    let site = Site::new();
    let visitor = site.visit("/page.css");
    site.origin.asked().say(&format!("{HEAD}ETag: \"1\"\r\nContent-Length: 3\r\n\r\nold"));
    assert_eq!(visitor.answer().body, "old");
    site.purge(&json!({"tags": ["blue"], "soft": true}));
    let visitor = site.visit("/page.css");
    let mut asked = site.origin.asked();
    assert!(asked.head.to_ascii_lowercase().contains("if-none-match: \"1\""), "{}", asked.head);
    asked.say("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=1000\r\nConnection: close\r\n\r\n");
    drop(asked);
    assert_eq!(visitor.answer().body, "old");
    assert_eq!(site.hit("/page.css"), "old");
}

#[test]
fn the_api_says_what_is_wrong_in_cloudflare_s_form() {
    let site = Site::new();
    let bearer = format!("Bearer {TOKEN}");
    let code = |zone: &str, auth: Option<&str>, body: &str| {
        let (status, _, body) = call(site.admin(), "POST", zone, auth, body);
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (&answer["success"], &answer["result"], &answer["messages"]),
            (&json!(false), &Value::Null, &json!([]))
        );
        assert!(answer["errors"][0]["message"].is_string());
        (status, answer["errors"][0]["code"].as_u64().unwrap())
    };
    let good = r#"{"tags":["blue"]}"#;
    let nobody = "0".repeat(32);
    let cases = [
        (ZONE, None, good, (400, 9106)),
        (ZONE, Some("Basic abc"), good, (400, 6003)),
        (ZONE, Some("Bearer 0123456789abcdef0123456789abcdee"), good, (403, 9109)),
        (ZONE, Some("Bearer 0123456789abcdef"), good, (403, 9109)),
        (&nobody, Some(&bearer), good, (404, 7003)),
        ("test.example", Some(&bearer), good, (404, 7003)),
        (ZONE, Some(&bearer), "{", (400, 6007)),
        (ZONE, Some(&bearer), "{}", (400, 1012)),
        (ZONE, Some(&bearer), r#"{"tags":[]}"#, (400, 1014)),
        (ZONE, Some(&bearer), r#"{"files":["nonsense"]}"#, (400, 1015)),
        (ZONE, Some(&bearer), r#"{"files":["https://other.example/"]}"#, (400, 1015)),
    ];
    for (zone, auth, body, expected) in cases {
        assert_eq!(code(zone, auth, body), expected, "{zone} {auth:?} {body}");
    }
    let many = json!({"tags": vec!["x"; 101]}).to_string();
    assert_eq!(code(ZONE, Some(&bearer), &many), (400, 1014));
    let long = format!("{{\"tags\":[\"{}\"]}}", "x".repeat(3 << 20));
    assert_eq!(code(ZONE, Some(&bearer), &long), (413, 413));
}

#[test]
fn without_a_token_nobody_purges_over_the_api_and_ctl_does() {
    let site = Site::with("admin: {listen: \"127.0.0.1:0\"}\n");
    let (status, answer) = site.api(r#"{"purge_everything":true}"#);
    assert_eq!((status, answer["errors"][0]["code"].as_u64()), (403, Some(10000)));
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("admin.token_file"));
    site.miss(TARGET, "0");
    let ways: [&[&str]; 6] = [
        &["--everything"],
        &["--url", "https://test.example/other", "--url", "http://test.example/css/x.css?v=1"],
        &["--host", "test.example"],
        &["--prefix", "test.example/css/"],
        &["--tag", "red", "--tag", "blue"],
        &["--everything", "--soft"],
    ];
    for (round, way) in ways.iter().enumerate() {
        assert_eq!(site.hit(TARGET), round.to_string());
        let zone = if round % 2 == 0 { "test.example" } else { ZONE };
        let (code, said) = site.ctl(&[&["--zone", zone], *way].concat());
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("zone test.example (id {ZONE})")), "{said}");
        let visitor = site.visit(TARGET);
        site.origin.asked().answer(&(round + 1).to_string());
        assert_eq!(visitor.answer().body, (round + 1).to_string(), "{way:?}");
    }
    for (wrong, why) in [
        (&["--zone", "nobody.example", "--everything"][..], "there is no zone"),
        (&["--zone", "test.example", "--url", "nonsense"], "Unable to purge nonsense"),
        (&["--zone", "test.example", "--host", "other.example"], "not a host of zone"),
        (&["--zone", "test.example"], "required"),
    ] {
        let (code, said) = site.ctl(wrong);
        assert!(code != Some(0) && said.contains(why), "{wrong:?}: {said}");
    }
    assert_eq!(site.hit(TARGET), "6");
}

/// Where a fetch stands when a purge comes.
#[derive(Clone, Copy, Debug)]
enum Step {
    BeforeTheHead,
    BetweenHeadAndBody,
    DuringTheBody,
    /// All of it has come, but that it was all.
    BeforeTheInsert,
}

#[test]
fn a_purge_during_a_fetch_is_never_lost() {
    let site = Site::new();
    let steps = [Step::BeforeTheHead, Step::BetweenHeadAndBody, Step::DuringTheBody, Step::BeforeTheInsert];
    for step in steps {
        for (round, way) in every_way().iter().enumerate() {
            fetch_and_purge(&site, step, way, round);
        }
    }
}

fn fetch_and_purge(site: &Site, step: Step, way: &Value, round: usize) {
    let about = format!("{step:?} {way}");
    let purge = |now: bool| {
        if now {
            site.purge(way);
        }
    };
    let mut first = site.visit(TARGET);
    let mut fetch = site.origin.asked();
    purge(matches!(step, Step::BeforeTheHead));
    fetch.say(&format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n"));
    let head = first.head();
    assert!(head.contains("CF-Cache-Status: MISS"), "{about}: {head}");
    purge(matches!(step, Step::BetweenHeadAndBody));
    fetch.say("2\r\nol\r\n");
    let mut body = first.bytes(if head.contains("chunked") { 7 } else { 2 });
    purge(matches!(step, Step::DuringTheBody));
    fetch.say("1\r\nd\r\n");
    body += &first.bytes(if head.contains("chunked") { 6 } else { 1 });
    purge(matches!(step, Step::BeforeTheInsert));
    // Who comes after the purge is not given what was fetched before it, though it is still on its way.
    let second = site.visit(TARGET);
    let mut anew = site.origin.asked();
    anew.say(&format!("{HEAD}Content-Length: 4\r\n\r\nnew{round}"));
    assert_eq!(second.answer().body, format!("new{round}"), "{about}");
    // Who was there before gets all of it.
    fetch.say("0\r\n\r\n");
    drop(fetch);
    let rest = first.answer_rest();
    assert!(body.contains("ol") && (body + &rest).contains('d'), "{about}");
    // And what comes to its end last does not take the place of what is newer.
    assert_eq!(site.hit(TARGET), format!("new{round}"), "{about}");
    site.purge(&json!({"purge_everything": true}));
}

impl Visitor {
    /// What is left of an answer.
    fn answer_rest(mut self) -> String {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        text(&rest)
    }
}

#[test]
fn a_purge_while_visitors_wait_for_one_fetch_is_not_lost_on_those_who_come_later() {
    let site = Site::new();
    for way in every_way() {
        let before = [(); 3].map(|()| site.visit(TARGET));
        let fetch = site.origin.asked();
        site.purge(&way);
        let after = [(); 3].map(|()| site.visit(TARGET));
        fetch.answer("old");
        // Those who came after it share one fetch of their own; those who came before may do so too.
        site.origin.asked().answer("new");
        for visitor in after {
            assert_eq!(visitor.answer().body, "new", "{way}");
        }
        for visitor in before {
            let body = visitor.answer().body;
            assert!(body == "old" || body == "new", "{way}: {body}");
        }
        assert_eq!(site.hit(TARGET), "new", "{way}");
        site.purge(&json!({"purge_everything": true}));
    }
}

#[test]
fn a_purge_during_a_validation_is_never_lost() {
    let site = Site::new();
    for way in every_way() {
        let stale = "HTTP/1.1 200 OK\r\nCache-Control: max-age=0\r\nCache-Tag: green\r\nETag: \"1\"\r\nConnection: close\r\n\
             Content-Length: 3\r\n\r\nold";
        let visitor = site.visit(TARGET);
        site.origin.asked().say(stale);
        assert_eq!(visitor.answer().body, "old");
        let visitor = site.visit(TARGET);
        let mut validation = site.origin.asked();
        assert!(validation.head.to_ascii_lowercase().contains("if-none-match"), "{way}: {}", validation.head);
        site.purge(&way);
        validation.say("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=1000\r\nConnection: close\r\n\r\n");
        drop(validation);
        assert_eq!(visitor.answer().body, "old", "{way}: it was asked for before the purge");
        let visitor = site.visit(TARGET);
        let fetch = site.origin.asked();
        assert!(!fetch.head.to_ascii_lowercase().contains("if-none-match"), "{way}: {}", fetch.head);
        fetch.answer("new");
        assert_eq!(visitor.answer().body, "new", "{way}");
        site.purge(&json!({"purge_everything": true}));
    }
}

#[test]
fn a_purge_before_the_request_goes_out_counts_as_before_it() {
    // One connection to the origin, so that the second visitor waits for it.
    let site =
        Site::with("admin: {listen: \"127.0.0.1:0\", token_file: token}\nupstream: {connections_max: 1}\n");
    for way in every_way() {
        let holds = site.visit("/held");
        let held = site.origin.asked();
        let visitor = site.visit(TARGET);
        site.purge(&way);
        held.answer("held");
        assert_eq!(holds.answer().body, "held");
        // Whatever it brings was asked for after the purge, or counts as purged.
        site.origin.asked().answer("1");
        assert_eq!(visitor.answer().body, "1");
        let again = site.visit(TARGET);
        site.origin.0.set_nonblocking(true).unwrap();
        // If it counts as purged it is asked for again; both are right, but nothing else.
        let answer = again_answer(&site, again);
        assert!(answer == "1" || answer == "2", "{way}: {answer}");
        site.purge(&json!({"purge_everything": true}));
    }
}

/// Answers a fetch if there is one.
fn again_answer(site: &Site, visitor: Visitor) -> String {
    let stream = visitor.stream.get_ref().try_clone().unwrap();
    loop {
        if let Ok((stream, _)) = site.origin.0.accept() {
            stream.set_nonblocking(false).unwrap();
            site.origin.0.set_nonblocking(false).unwrap();
            Asked { stream, head: String::new() }.answer("2");
            return visitor.answer().body;
        }
        let mut fds = [rustix::event::PollFd::new(&stream, rustix::event::PollFlags::IN)];
        let moment = rustix::event::Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
        if rustix::event::poll(&mut fds, Some(&moment)).unwrap() == 1 {
            site.origin.0.set_nonblocking(false).unwrap();
            return visitor.answer().body;
        }
    }
}

#[test]
fn the_sequence_goes_on_after_the_edge_was_killed() {
    let site = Site::new();
    let number = || {
        let (code, said) = site.ctl(&["--zone", "test.example", "--everything"]);
        assert_eq!(code, Some(0), "{said}");
        said.trim().rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let first = number();
    assert_eq!(number(), first + 1);
    signal(site.up.edge(), Signal::KILL);
    site.up.line_with("the edge is back");
    assert!(number() > first + 1);
    let log = site.folder.data_dir().join("purges.log");
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(log).unwrap().permissions()) & 0o777,
        0o600
    );
}

/// Two edges have the admin endpoint while one of them drains; whichever is told, both know.
#[test]
fn a_purge_reaches_both_edges_of_an_upgrade() {
    let site = Site::new();
    let old = site.up.edge();
    let holds = site.visit("/held");
    let held = site.origin.asked();
    let file = site.folder.file();
    let output = ask(&["upgrade", "-c", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_ne!(site.up.edge(), old);
    site.miss(TARGET, "0");
    for round in 0..20 {
        assert_eq!(site.hit(TARGET), round.to_string());
        site.purge(&every_way()[round % 5]);
        site.miss(TARGET, &(round + 1).to_string());
    }
    held.answer("held");
    assert_eq!(holds.answer().body, "held");
}
