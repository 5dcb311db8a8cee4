//! Which idle connections are closed when the process runs short of something.

use std::os::unix::net::UnixStream;

use rempart_flow::{BodyLength, Method};

use super::*;
use crate::Request;
use crate::config::UpstreamConfig;
use crate::plan::{Endpoint, Upstream};
use crate::request::FieldWriter;

fn plan(id: u64) -> Arc<OriginPlan> {
    Arc::new(OriginPlan {
        id,
        endpoint: Endpoint::Unix("/nowhere".into()),
        tls: None,
        offer: Offer::Http1,
        host_header: None,
        settings: Arc::new(Upstream::from(&UpstreamConfig::default())),
        label: "unix:/nowhere".into(),
    })
}

/// What the pool has given.
fn http1(connection: Connection) -> Box<Http1> {
    match connection.0 {
        Way::Http1(connection) => connection,
        Way::Http2(_) => panic!("nobody speaks HTTP/2 here"),
    }
}

struct Get;

impl Request for Get {
    fn method(&self) -> &[u8] {
        b"GET"
    }

    fn target(&self) -> &[u8] {
        b"/"
    }

    fn authority(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"a.example");
    }

    fn fields<W: FieldWriter>(&self, _: &mut W) {}
}

/// A core whose origins all stand in this process, silent.
fn origins() -> Origins {
    let kept = RefCell::new(Vec::new());
    let stand_in = Dialer::StandIn(Box::new(move |_| {
        let (ours, theirs) = UnixStream::pair()?;
        theirs.set_nonblocking(true)?;
        kept.borrow_mut().push(ours);
        Ok(theirs)
    }));
    Origins::new(Arc::default(), 1, Arc::default()).with_dialer(stand_in)
}

#[tokio::test(flavor = "current_thread")]
async fn the_longest_idle_are_closed_first_wherever_they_wait() {
    let (origins, begun) = (origins(), Now::mono());
    assert_eq!(origins.close_idle(9), 0);
    // Ages in seconds: the pools of two origins, and the shelf of one of them.
    for (id, age, on_shelf) in [(1, 1, false), (1, 4, true), (2, 2, false), (1, 3, false), (2, 5, false)] {
        let mut connection = http1(origins.open(&plan(id), Needs::Exchange).await.unwrap());
        connection.idle_since = begun - Duration::from_secs(age);
        let mut pools = origins.pools.borrow_mut();
        let pool = pools.get_mut(&id).unwrap();
        if on_shelf {
            connection.detach().unwrap();
            pool.shared.shelve(connection, 9);
        } else {
            pool.idle.push(connection);
        }
    }
    let open = |id| origins.shelves.of(id).open();
    assert_eq!((origins.close_idle(0), open(1), open(2)), (0, 3, 2));
    // Five and four seconds: one of a pool, one of the shelf.
    assert_eq!((origins.close_idle(2), open(1), open(2)), (2, 2, 1));
    assert_eq!((origins.close_idle(1), open(1), open(2)), (1, 1, 1));
    assert_eq!((origins.close_idle(9), open(1), open(2)), (2, 0, 0));
}

#[tokio::test(flavor = "current_thread")]
async fn what_an_origin_was_asked_is_kept_for_a_while_after_its_last_connection() {
    let (origins, begun) = (origins(), Now::mono());
    let connection = origins.open(&plan(7), Needs::Exchange).await.unwrap();
    origins.give_back(connection, begun);
    assert!(origins.idle(&plan(7), Needs::Exchange, begun).is_some());
    let counts = origins.counters.origins();
    let counted: Vec<_> = counts.iter().map(|one| (one.id, &*one.label, one.asked(), one.open())).collect();
    assert_eq!(counted, [(7, "unix:/nowhere", 2, 0)]);
    origins.sweep(begun + FORGET_AFTER - Duration::from_nanos(1));
    assert_eq!(origins.counters.origins().len(), 1);
    origins.sweep(begun + FORGET_AFTER);
    assert_eq!(origins.counters.origins().len(), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn an_origin_that_cannot_be_reached_or_does_not_answer_has_failed() {
    let refused = Dialer::StandIn(Box::new(|_| Err(std::io::ErrorKind::ConnectionRefused.into())));
    let nobody = Origins::new(Arc::default(), 1, Arc::default()).with_dialer(refused);
    assert!(nobody.open(&plan(1), Needs::Exchange).await.is_err());
    assert_eq!(nobody.counters.origins().first().map(|one| (one.asked(), one.failed())), Some((1, 1)));

    let gone = Dialer::StandIn(Box::new(|_| {
        let (_, theirs) = UnixStream::pair()?;
        theirs.set_nonblocking(true)?;
        Ok(theirs)
    }));
    let silent = Origins::new(Arc::default(), 1, Arc::default()).with_dialer(gone);
    let mut connection = silent.open(&plan(1), Needs::Exchange).await.unwrap();
    connection.begin(&Get, BodyLength::None);
    let answered = std::future::poll_fn(|cx| connection.poll_head(cx, Method::Get)).await;
    assert!(answered.is_err());
    assert_eq!(silent.counters.origins().first().map(|one| (one.asked(), one.failed())), Some((1, 1)));
}
