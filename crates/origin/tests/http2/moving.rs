//! What moves: heads, bodies of both directions, trailers, interim answers.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use h2::server::Builder;
use rempart_flow::{BodyLength, Fields};
use rempart_origin::Needs;
use tokio::net::TcpListener;

use super::stand::{
    Asked, Call, END_HEADERS, END_STREAM, HEADERS, OK, Origin, Raw, ask, ask_on, core, get, h2c, run, status,
};

/// Larger than every window.
const LARGE: usize = 3 << 20;

async fn echo(mut call: Call) {
    let mut send = call.respond.send_response(status(200), false).unwrap();
    while let Some(piece) = call.piece().await {
        send.reserve_capacity(piece.len());
        send.send_data(piece, false).unwrap();
    }
    match call.body.trailers().await.unwrap() {
        Some(trailers) => send.send_trailers(trailers).unwrap(),
        None => send.send_data(Bytes::new(), true).unwrap(),
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[test]
fn a_get_arrives_as_it_was_meant_and_its_answer_too() {
    run(async {
        let seen = Rc::new(RefCell::new(None));
        let see = Rc::clone(&seen);
        let origin = Origin::start(Builder::new(), move |mut call| {
            see.replace(Some(call.head));
            async move {
                let head = http::Response::builder().status(201).header("x-answer", "yes").body(()).unwrap();
                let mut send = call.respond.send_response(head, false).unwrap();
                send.send_data(Bytes::from_static(b"hello"), true).unwrap();
            }
        })
        .await;
        let core = core();
        let fields = vec![(b"X-One".as_slice(), b"1".as_slice()), (b"TE", b"trailers")];
        let mut connection = core.open(&h2c(origin.address), Needs::Exchange).await.unwrap();
        let answer = ask_on(&mut connection, Asked { fields, ..Asked::default() }).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (201, b"hello".as_slice()));
        assert!(connection.head().fields.iter().any(|field| field.name == b"x-answer"));
        let head = seen.take().unwrap();
        assert_eq!(
            (head.method, head.uri.to_string()),
            (http::Method::GET, "http://a.example/path?query".into())
        );
        assert_eq!(
            (head.headers["x-one"].as_bytes(), head.headers["te"].as_bytes()),
            (b"1".as_slice(), b"trailers".as_slice())
        );
        assert!(!head.headers.contains_key("content-length"));
    });
}

#[test]
fn a_length_that_is_known_is_said() {
    run(async {
        let origin = Origin::start(Builder::new(), |mut call| async move {
            assert_eq!(call.head.headers["content-length"], "0");
            assert!(call.body.is_end_stream());
            call.respond.send_response(status(204), true).unwrap();
        })
        .await;
        let mut connection = core().open(&h2c(origin.address), Needs::Exchange).await.unwrap();
        connection.begin(&Asked { method: "POST", ..Asked::default() }, BodyLength::Exact(0));
        std::future::poll_fn(|cx| connection.poll_head(cx, rempart_flow::Method::Post)).await.unwrap();
        assert_eq!((connection.head().status, connection.head().body), (204, BodyLength::None));
    });
}

#[test]
fn both_directions_move_at_once_and_beyond_every_window() {
    run(async {
        let origin = Origin::start(Builder::new(), echo).await;
        let (core, plan) = (core(), h2c(origin.address));
        let upload = pattern(LARGE);
        let asked = Asked { method: "POST", upload: Some(upload.clone()), ..Asked::default() };
        let answer = ask(&core, &plan, asked).await.unwrap();
        assert_eq!(answer.body.len(), LARGE);
        assert!(answer.body == upload);
        // Nothing of it stays behind: the next exchange has the same windows.
        let asked = Asked { method: "POST", upload: Some(upload), ..Asked::default() };
        assert_eq!(ask(&core, &plan, asked).await.unwrap().body.len(), LARGE);
        assert_eq!(origin.connections.get(), 1);
    });
}

#[test]
fn trailers_are_passed_both_ways() {
    run(async {
        let origin = Origin::start(Builder::new(), echo).await;
        let mut trailers = Fields::default();
        trailers.append(b"Grpc-Status", b"0");
        let asked = Asked {
            method: "POST",
            upload: Some(b"message".to_vec()),
            trailers: Some(trailers),
            ..Asked::default()
        };
        let answer = ask(&core(), &h2c(origin.address), asked).await.unwrap();
        assert_eq!(answer.body, b"message");
        let trailers = answer.trailers.unwrap();
        let shown: Vec<_> = trailers.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(shown, [(b"grpc-status".as_slice(), b"0".as_slice())]);
    });
}

#[test]
fn interim_answers_come_before_the_final_one() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::task::spawn_local(async move {
            let mut raw = Raw::accept(&listener, &[]).await;
            let stream = raw.request().await;
            // `:status` is a literal with the name of index 8.
            raw.send(HEADERS, END_HEADERS, stream, b"\x08\x03103").await;
            raw.send(HEADERS, END_HEADERS | END_STREAM, stream, OK).await;
            raw.next(HEADERS).await;
        });
        let answer = get(&core(), &h2c(address)).await.unwrap();
        assert_eq!((answer.interims.as_slice(), answer.status), ([103].as_slice(), 200));
    });
}
