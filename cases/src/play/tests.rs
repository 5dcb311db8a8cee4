//! The runner's own promise: what a case says and is not so, fails, at its line.

use super::*;
use crate::case::{Case, OriginKind};
use crate::parse;
use crate::peer::Stream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

/// Plays the origin of a case against its client, with nothing between them.
fn play(steps: &str) -> (Result<(), Failure>, Result<(), Failure>) {
    let case: Case = parse::case(Path::new("x.case"), &format!("says: x\nfor: http1\n{steps}")).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let shared = Shared {
        variables: Mutex::default(),
        meetings: Meetings::of(&case),
        certificates: BTreeMap::new(),
        deadline: Duration::from_millis(300),
    };
    let origin = case.origins.first().unwrap();
    assert_eq!(origin.kind, OriginKind::Plain);
    let once = |stream: UnixStream| -> Open<'static> {
        let mut stream = Some(stream);
        Box::new(move |_| {
            stream.take().map(|stream| Peer::new(Stream::Unix(stream))).ok_or_else(|| "nobody".to_owned())
        })
    };
    thread::scope(|scope| {
        let origin = scope.spawn(|| Player::play(&shared, &origin.script, Protocol::Http1, once(theirs)));
        let client =
            Player::play(&shared, &case.clients.first().unwrap().script, Protocol::Http1, once(ours));
        let origin = origin.join().unwrap();
        (origin.map(drop), client.map(drop))
    })
}

/// The line at which the client fails.
fn client_fails(steps: &str) -> (usize, String) {
    let failure = play(steps).1.unwrap_err();
    (failure.line, format!("{} / {}", failure.expected, failure.got))
}

#[test]
fn what_is_so_passes() {
    let (origin, client) = play(
        "origin\n  receive\n  expect line = \"GET /a HTTP/1.1\"\n  expect header Host = shop.test\n  \
         expect length = 0\n  answer 200 \"X-A: b\" body \"hello\"\n  expect nobody\n\
         client\n  ask GET /a\n  receive\n  expect status = 200\n  expect body = hello\n  \
         expect header X-A present\n  expect header X-B absent\n  expect framing = length\n",
    );
    assert!(client.is_ok(), "{client:?}");
    assert!(origin.is_ok(), "{origin:?}");
}

#[test]
fn each_relation_fails_at_its_line() {
    for wrong in [
        "status = 201",
        "status != 200",
        "body has bye",
        "body ~ \"^x\"",
        "body !~ \"^h\"",
        "header X-A absent",
        "header X-B present",
        "count X-A = 1",
        "header X-A = b",
        "trailer X-A present",
        "length = 6",
        "framing = chunked",
        "method = GET",
    ] {
        let steps = format!(
            "origin\n  receive\n  answer 200 \"X-A: b\" \"X-A: c\" body \"hello\"\n\
             client\n  ask GET /\n  receive\n  expect {wrong}\n"
        );
        assert_eq!(client_fails(&steps).0, 9, "{wrong} was let through");
    }
}

#[test]
fn a_whole_message_is_not_truncated_and_a_truncated_one_not_whole() {
    let whole = "origin\n  receive\n  answer 200 body \"hello\"\n  close\n";
    assert_eq!(client_fails(&format!("{whole}client\n  ask GET /\n  receive truncated\n")).0, 9);
    let cut =
        "origin\n  receive\n  send \"HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\"\n  close\n";
    assert_eq!(client_fails(&format!("{cut}client\n  ask GET /\n  receive\n")).0, 9);
    let chunks = "origin\n  receive\n  \
                  send \"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n\"\n  close\n";
    assert_eq!(client_fails(&format!("{chunks}client\n  ask GET /\n  receive\n")).0, 9);
}

#[test]
fn an_open_connection_is_not_closed_and_bytes_are_not_nothing() {
    let open = "origin\n  receive\n  answer 200\n";
    let (line, told) = client_fails(&format!("{open}client\n  ask GET /\n  receive\n  expect closed\n"));
    assert_eq!((line, told.contains("still open")), (9, true), "{told}");
    let more = "origin\n  receive\n  answer 200\n  send \"more\"\n  sync sent\n  close\n";
    let steps = format!("{more}client\n  ask GET /\n  receive\n  sync sent\n  expect nothing\n");
    assert_eq!(client_fails(&steps).0, 13);
    let steps = format!("{more}client\n  ask GET /\n  receive\n  sync sent\n  expect closed\n");
    assert_eq!(client_fails(&steps).0, 13);
}

#[test]
fn bytes_that_differ_are_shown() {
    let origin = "origin\n  receive\n  send \"hello\"\n";
    let (line, told) = client_fails(&format!("{origin}client\n  ask GET /\n  read \"help\"\n"));
    assert_eq!((line, told.as_str()), (8, "\"help\" / \"hello\""));
}

#[test]
fn nobody_waits_for_ever_at_a_sync() {
    let (origin, client) =
        play("origin\n  receive\n  expect method = POST\n  sync here\nclient\n  ask GET /\n  sync here\n");
    assert_eq!(origin.unwrap_err().line, 5);
    assert_eq!(client.unwrap_err().line, 9);
}

#[test]
fn an_unknown_variable_fails_the_step() {
    let (_, told) = client_fails("origin\n  receive\nclient\n  send \"${gone}\"\n");
    assert!(told.contains("gone"), "{told}");
}
