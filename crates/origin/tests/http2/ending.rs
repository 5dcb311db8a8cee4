//! How exchanges and connections end early, and what may be said again.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use h2::Reason;
use h2::server::Builder;
use rempart_base::Now;
use rempart_flow::{BadResponse, Fault, Method};
use rempart_origin::Needs;
use rempart_origin::plan::Offer;
use tokio::net::TcpListener;
use tokio::task::spawn_local;

use super::stand::{
    Asked, Call, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, OK, Origin, PING, RST_STREAM, Raw, ask_on,
    connection, core, get, h2c, plan, run, status,
};

const EMPTY: Fault = Fault::BadResponse(BadResponse::Empty);

/// What becomes of a request on a connection that has carried others, and whether it may be sent again: GET, POST.
async fn asked(answer: impl Fn(Call) + 'static) -> (Fault, bool, bool) {
    let is_first = Cell::new(true);
    let origin = Origin::start(Builder::new(), move |mut call| {
        if is_first.replace(false) {
            call.respond.send_response(status(200), true).unwrap();
        } else {
            answer(call);
        }
        std::future::ready(())
    })
    .await;
    let (core, plan) = (core(), h2c(origin.address));
    get(&core, &plan).await.unwrap();
    let mut connection = connection(&core, &plan).await.unwrap();
    assert!(connection.is_reused());
    let fault = ask_on(&mut connection, Asked::default()).await.unwrap_err();
    let may = |method| connection.may_be_repeated(fault, method);
    let answer = (fault, may(Method::Get), may(Method::Post));
    drop(connection);
    // The connection is not to blame.
    assert!(core.idle(&plan, Needs::Exchange, Now::mono()).is_some());
    answer
}

#[test]
fn a_stream_that_is_reset_is_the_fault_of_where_its_answer_was() {
    run(async {
        let before = asked(|mut call| call.respond.send_reset(Reason::INTERNAL_ERROR)).await;
        assert_eq!(before, (EMPTY, true, false));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plan = h2c(listener.local_addr().unwrap());
        spawn_local(async move {
            let mut raw = Raw::accept(&listener, &[]).await;
            let stream = raw.request().await;
            raw.send(HEADERS, END_HEADERS, stream, OK).await;
            raw.send(DATA, 0, stream, b"half").await;
            raw.send(RST_STREAM, 0, stream, &[0, 0, 0, 2]).await;
            raw.next(HEADERS).await;
        });
        let core = core();
        let mut connection = connection(&core, &plan).await.unwrap();
        let fault = ask_on(&mut connection, Asked::default()).await.unwrap_err();
        assert_eq!(fault, Fault::OriginBodyTruncated);
        assert!(!connection.may_be_repeated(fault, Method::Get));
    });
}

#[test]
fn a_refused_stream_may_be_tried_again_whatever_its_method() {
    run(async {
        let refused = asked(|mut call| call.respond.send_reset(Reason::REFUSED_STREAM)).await;
        assert_eq!(refused, (Fault::OriginRefused, true, true));
    });
}

#[test]
fn an_origin_that_demands_http11_is_not_asked_otherwise_again() {
    run(async {
        let demanded = Rc::new(Cell::new(0));
        let count = Rc::clone(&demanded);
        let origin = Origin::start(Builder::new(), move |mut call| {
            count.set(count.get() + 1);
            call.respond.send_reset(Reason::HTTP_1_1_REQUIRED);
            std::future::ready(())
        })
        .await;
        let (core, plan) = (core(), h2c(origin.address));
        let mut connection = connection(&core, &plan).await.unwrap();
        let fault = ask_on(&mut connection, Asked::default()).await.unwrap_err();
        assert!(connection.may_be_repeated(fault, Method::Post));
        drop(connection);
        // In HTTP/1.1, of which this origin knows nothing.
        assert!(get(&core, &plan).await.is_err());
        assert_eq!((demanded.get(), origin.connections.get()), (1, 2));
    });
}

#[test]
fn what_a_goaway_does_not_cover_may_be_sent_again_and_the_rest_is_answered() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        spawn_local(async move {
            let mut first = Raw::accept(&listener, &[]).await;
            let streams = [first.request().await, first.request().await];
            assert_eq!(streams, [1, 3]);
            first.send(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]).await;
            let mut second = Raw::accept(&listener, &[]).await;
            let stream = second.request().await;
            second.send(HEADERS, END_HEADERS | END_STREAM, stream, OK).await;
            first.send(HEADERS, END_HEADERS | END_STREAM, 1, OK).await;
            assert!(first.next(HEADERS).await.is_none(), "it is closed when nothing is open");
            second.next(HEADERS).await;
        });
        let (core, plan) = (core(), h2c(address));
        let first = async { get(&core, &plan).await.unwrap().status };
        let second = async {
            let mut one = connection(&core, &plan).await.unwrap();
            let fault = ask_on(&mut one, Asked::default()).await.unwrap_err();
            assert!(one.may_be_repeated(fault, Method::Post));
            drop(one);
            get(&core, &plan).await.unwrap().status
        };
        assert_eq!(tokio::join!(first, second), (200, 200));
    });
}

#[test]
fn a_connection_that_says_nothing_to_a_ping_is_given_up() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = plan(address, Offer::Http2, |terms| {
            terms.http2_ping_after = Duration::from_millis(30);
            terms.http2_ping_timeout = Duration::from_millis(30);
        });
        spawn_local(async move {
            let mut raw = Raw::accept(&listener, &[]).await;
            let stream = raw.request().await;
            let (_, _, _, number) = raw.next(PING).await.unwrap();
            raw.send(PING, 1, 0, &number).await;
            raw.send(HEADERS, END_HEADERS | END_STREAM, stream, OK).await;
            raw.request().await;
            assert!(raw.next(PING).await.is_some());
            assert!(raw.next(HEADERS).await.is_none());
        });
        let core = core();
        assert_eq!(get(&core, &plan).await.unwrap().status, 200, "a sign of life was enough");
        let mut connection = connection(&core, &plan).await.unwrap();
        let fault = ask_on(&mut connection, Asked::default()).await.unwrap_err();
        assert_eq!(fault, Fault::OriginTimeout);
        assert!(
            connection.may_be_repeated(fault, Method::Get)
                && !connection.may_be_repeated(fault, Method::Post)
        );
    });
}

#[test]
fn an_origin_that_never_begins_is_given_up_in_the_time_for_connecting() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plan = plan(listener.local_addr().unwrap(), Offer::Http2, |terms| {
            terms.connect_timeout = Duration::from_millis(50);
        });
        let core = core();
        let (first, second) = tokio::join!(get(&core, &plan), get(&core, &plan));
        assert_eq!(first.unwrap_err(), Fault::OriginTimeout);
        // The other has waited for the same connection.
        assert_eq!(second.unwrap_err(), Fault::OriginTimeout);
    });
}

#[test]
fn what_is_no_http2_is_a_fault_of_the_origin() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        spawn_local(async move {
            // PUSH_PROMISE, which was never allowed.
            let mut raw = Raw::accept(&listener, &[]).await;
            let stream = raw.request().await;
            raw.send(5, END_HEADERS, stream, &[0, 0, 0, 2, 0x88]).await;
            let goaway = raw.next(GOAWAY).await.unwrap();
            assert_eq!(goaway.3[4..8], [0, 0, 0, 1], "PROTOCOL_ERROR");
            drop(raw);
            // Fields that are none.
            let mut raw = Raw::accept(&listener, &[]).await;
            let stream = raw.request().await;
            raw.send(HEADERS, END_HEADERS | END_STREAM, stream, b"\x88\x00\x01A\x01b").await;
            let reset = raw.next(RST_STREAM).await.unwrap();
            assert_eq!((reset.2, reset.3.as_slice()), (stream, [0, 0, 0, 1].as_slice()));
        });
        let (core, plan) = (core(), h2c(address));
        assert_eq!(get(&core, &plan).await.unwrap_err(), Fault::BadResponse(BadResponse::Protocol));
        assert_eq!(get(&core, &plan).await.unwrap_err(), Fault::BadResponse(BadResponse::FieldLine));
    });
}

#[test]
fn a_visitor_who_leaves_frees_the_origin_and_not_the_connection() {
    run(async {
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = Cell::new(Some(tell));
        let origin = Origin::start(Builder::new(), move |mut call| {
            let tell = tell.take();
            async move {
                let Some(tell) = tell else {
                    call.respond.send_response(status(200), true).unwrap();
                    return;
                };
                let mut send = call.respond.send_response(status(200), false).unwrap();
                let reset = std::future::poll_fn(|cx| send.poll_reset(cx)).await;
                tell.send(reset.unwrap()).unwrap();
            }
        })
        .await;
        let (core, plan) = (core(), h2c(origin.address));
        let mut leaves = connection(&core, &plan).await.unwrap();
        leaves.begin(&Asked::default(), rempart_flow::BodyLength::None);
        std::future::poll_fn(|cx| leaves.poll_head(cx, Method::Get)).await.unwrap();
        drop(leaves);
        assert_eq!(told.await.unwrap(), Reason::CANCEL);
        assert_eq!(get(&core, &plan).await.unwrap().status, 200);
        assert_eq!(origin.connections.get(), 1);
    });
}
