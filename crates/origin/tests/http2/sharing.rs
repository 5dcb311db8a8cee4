//! How exchanges share connections, and how many there are.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::Builder;
use rempart_base::Now;
use rempart_flow::{BodyLength, Fault, Method};
use rempart_origin::plan::Offer;
use rempart_origin::{Origins, Shelves};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_local};

use super::stand::{
    Asked, DATA, END_HEADERS, END_STREAM, HEADERS, OK, Origin, Raw, SETTINGS, connection, core, get, h2c,
    plan, run, setting, status,
};

/// Asks so often at once, and answers how many connections there were and how many exchanges at once.
async fn crowd(count: usize, streams_max: u32, connections_max: usize) -> (usize, usize) {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(streams_max);
    let (now, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (count_now, count_most) = (Rc::clone(&now), Rc::clone(&most));
    let origin = Origin::start(builder, move |mut call| {
        let (now, most) = (Rc::clone(&count_now), Rc::clone(&count_most));
        async move {
            now.set(now.get() + 1);
            most.set(now.get().max(most.get()));
            let mut send = call.respond.send_response(status(200), false).unwrap();
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            now.set(now.get() - 1);
            send.send_data(Bytes::from_static(b"done"), true).unwrap();
        }
    })
    .await;
    let (core, plan) = (
        Rc::new(core()),
        plan(origin.address, Offer::Http2, |terms| terms.connections_max = connections_max),
    );
    let mut asking = JoinSet::new();
    for _ in 0..count {
        let (core, plan) = (Rc::clone(&core), Arc::clone(&plan));
        asking.spawn_local(async move { get(&core, &plan).await });
    }
    while let Some(answer) = asking.join_next().await {
        assert_eq!(answer.unwrap().unwrap().body, b"done");
    }
    assert_eq!(core.idle_count(), origin.connections.get());
    (origin.connections.get(), most.get())
}

#[test]
fn a_crowd_shares_one_connection() {
    run(async {
        let (connections, most) = crowd(100, 100, 1000).await;
        assert_eq!(connections, 1);
        assert!(most > 1);
    });
}

#[test]
fn visitors_who_do_not_read_stop_nobody_else() {
    run(async {
        let mut builder = Builder::new();
        builder.max_concurrent_streams(200);
        let origin = Origin::start(builder, |mut call| async move {
            let mut send = call.respond.send_response(status(200), false).unwrap();
            // More than the window of a stream.
            send.send_data(Bytes::from(vec![b'x'; 1 << 20]), true).unwrap();
        })
        .await;
        let (core, plan) = (core(), h2c(origin.address));
        let mut held = Vec::new();
        for _ in 0..127 {
            let mut one = connection(&core, &plan).await.unwrap();
            one.begin(&Asked::default(), BodyLength::None);
            std::future::poll_fn(|cx| one.poll_head(cx, Method::Get)).await.unwrap();
            assert!(std::future::poll_fn(|cx| one.poll_body(cx)).await.unwrap());
            held.push(one);
        }
        assert_eq!(get(&core, &plan).await.unwrap().body.len(), 1 << 20);
        assert_eq!(origin.connections.get(), 1);
        assert!(held.iter().all(|one| one.body().len() <= 256 * 1024));
    });
}

#[test]
fn a_connection_of_one_stream_carries_ten_exchanges_one_after_the_other() {
    run(async { assert_eq!(crowd(10, 1, 1).await, (1, 1)) });
}

#[test]
fn others_are_opened_as_far_as_is_allowed_when_the_streams_are_used_up() {
    run(async {
        let (connections, most) = crowd(30, 2, 4).await;
        assert!((2..=4).contains(&connections) && (3..=8).contains(&most), "{connections}, {most}");
    });
}

#[test]
fn a_bound_that_is_lowered_meanwhile_holds() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plan = plan(listener.local_addr().unwrap(), Offer::Http2, |terms| terms.connections_max = 1);
        let (lowered, both) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
        let (tell_lowered, both_are_asking) = (Rc::clone(&lowered), Rc::clone(&both));
        spawn_local(async move {
            let mut raw = Raw::accept(&listener, &setting(3, 10)).await;
            let stream = raw.request().await;
            raw.send(SETTINGS, 0, 0, &setting(3, 1)).await;
            raw.send(HEADERS, END_HEADERS, stream, OK).await;
            tell_lowered.notify_one();
            both_are_asking.notified().await;
            raw.send(DATA, END_STREAM, stream, b"").await;
            let second = raw.request().await;
            assert_eq!(raw.requests_so_far().await, 0, "the third waits for the second");
            raw.send(HEADERS, END_HEADERS | END_STREAM, second, OK).await;
            let third = raw.request().await;
            raw.send(HEADERS, END_HEADERS | END_STREAM, third, OK).await;
            raw.next(HEADERS).await;
        });
        let core = Rc::new(core());
        let order = Rc::new(RefCell::new(Vec::new()));
        let mut asking = JoinSet::new();
        for number in 0..3 {
            let (core, plan, order) = (Rc::clone(&core), Arc::clone(&plan), Rc::clone(&order));
            asking.spawn_local(async move {
                assert_eq!(get(&core, &plan).await.unwrap().status, 200);
                order.borrow_mut().push(number);
            });
            if number == 0 {
                lowered.notified().await;
            }
        }
        tokio::task::yield_now().await;
        both.notify_one();
        while let Some(ended) = asking.join_next().await {
            ended.unwrap();
        }
        assert_eq!(*order.borrow(), [0, 1, 2], "who waits first goes first");
    });
}

#[test]
fn what_idles_is_closed_in_its_time() {
    run(async {
        let origin = Origin::start(Builder::new(), |mut call| {
            call.respond.send_response(status(200), true).unwrap();
            std::future::ready(())
        })
        .await;
        let (core, plan) = (core(), h2c(origin.address));
        get(&core, &plan).await.unwrap();
        let now = Now::mono();
        core.sweep(now + plan.settings.idle_timeout / 2);
        get(&core, &plan).await.unwrap();
        assert_eq!((core.idle_count(), origin.connections.get()), (1, 1));
        core.sweep(Now::mono() + plan.settings.idle_timeout + Duration::from_secs(1));
        assert_eq!(core.idle_count(), 0);
        get(&core, &plan).await.unwrap();
        assert_eq!(origin.connections.get(), 2);
        assert_eq!((core.close_idle(5), core.idle_count()), (1, 0));
    });
}

#[test]
fn a_core_that_has_the_last_connection_gives_it_up_for_another() {
    run(async {
        let origin = Origin::start(Builder::new(), |mut call| {
            call.respond.send_response(status(200), true).unwrap();
            std::future::ready(())
        })
        .await;
        let shelves = Arc::new(Shelves::default());
        let cores = [(); 2].map(|()| Origins::new(Arc::clone(&shelves), 2, Arc::default()));
        let plan = plan(origin.address, Offer::Http2, |terms| terms.connections_max = 1);
        get(&cores[0], &plan).await.unwrap();
        // The other core waits, and the next exchange of this one sees that.
        let (other, own) = tokio::join!(get(&cores[1], &plan), async {
            tokio::task::yield_now().await;
            get(&cores[0], &plan).await
        });
        assert_eq!((other.unwrap().status, own.unwrap().status), (200, 200));
        assert_eq!(origin.connections.get(), 2);
    });
}

#[test]
fn all_who_wait_for_an_origin_that_refuses_hear_so_at_once() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plan = h2c(listener.local_addr().unwrap());
        drop(listener);
        let core = core();
        let asked = tokio::join!(get(&core, &plan), get(&core, &plan), get(&core, &plan));
        for answer in [asked.0, asked.1, asked.2] {
            assert_eq!(answer.unwrap_err(), Fault::OriginRefused);
        }
    });
}
