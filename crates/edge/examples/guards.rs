//! What the guards cost a request, for counting instructions: `guards with 100000` and `guards without 100000`
//! do the same work for so many requests, once as the edge does and once without guards, page and counters of
//! the release. `docs/performance.md` says how it is counted.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rempart_base::{Now, RayId};
use rempart_cache::{CacheSettings, Purges};
use rempart_config::{AccessTo, Compiler, Source};
use rempart_edge::access_log::{CoreLog, Writer};
use rempart_edge::cache::CacheTier;
use rempart_edge::core::{Core, Pinned};
use rempart_edge::exchange::Screening;
use rempart_edge::forward::Client;
use rempart_edge::page::Slot;
use rempart_edge::pipeline::{self, When};
use rempart_edge::running::Running;
use rempart_edge::text::RayText;
use rempart_edge::{guard, panics};
use rempart_flow::RequestHead;
use rempart_http1::{HeadLimits, request};
use rempart_origin::Origins;
use rempart_wire::Peer;

const CONFIGURATION: &str =
    "{listen: {http: [\":80\"]}, zones: [{name: shop.test, origins: [\"http://127.0.0.1:1\"]}]}";
const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\nUser-Agent: x\r\n\r\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let is_guarded = arguments.next().as_deref() == Some("with");
    let count: u64 = arguments.next().unwrap_or_default().parse()?;
    let (core, head) = (core()?, head()?);
    for _ in 0..count {
        let release = core.pin(|_| [192, 0, 2, 1].into());
        let zone_bytes =
            if is_guarded { with(&core, &release, &head) } else { without(&core, &release, &head) };
        assert_eq!(std::hint::black_box(zone_bytes), 9);
    }
    Ok(())
}

fn core() -> Result<Core, Box<dyn std::error::Error>> {
    let snapshot = Compiler::new(Source::Text {
        name: "measure".into(),
        text: CONFIGURATION.into(),
        folder: ".".into(),
    })
    .compile(Now::read())
    .map_err(|diagnostics| diagnostics.to_string())?;
    let writer = Arc::new(Writer::start(&AccessTo::Off, 1 << 20)?);
    let slot: &'static Slot = Box::leak(Box::default());
    let origins = Origins::new(Arc::default(), 1, Arc::default());
    Ok(Core::new(
        &Running::only(snapshot),
        slot,
        origins,
        Arc::default(),
        CoreLog::new(writer),
        Box::default(),
        Arc::new(CacheTier::new(&CacheSettings::default(), Purges::default())),
    ))
}

/// A visitor in cleartext.
fn peer() -> &'static Peer {
    static PEER: LazyLock<Peer> = LazyLock::new(|| {
        let address = SocketAddr::from(([192, 0, 2, 1], 1));
        Peer { address, local: address, tls: None, is_inside: false }
    });
    &PEER
}

fn screening<'a, 'b>(core: &'a Core, release: &'b Pinned, head: &'a RequestHead) -> Screening<'a, 'b> {
    static RAY: LazyLock<RayText> = LazyLock::new(|| RayText::new(RayId(1), *b"LOC"));
    let client = Client { ip: peer().address.ip(), via_trusted: false };
    Screening::new(head, peer(), release, core, (client, &RAY, core.now()))
}

/// As the edge does it: the connection and the exchange are guarded, each stage is, and the release counts.
fn with(core: &Core, release: &Pinned, head: &RequestHead) -> usize {
    let exchange = pin!(async {
        release.counters.begin();
        let mut screening = screening(core, release, head);
        let (state, verdict) = guard::screen(core, release, &mut screening).await;
        wait_once().await;
        release.counters.end(200, None, Duration::from_micros(300), false);
        (verdict.is_ok(), state.off(), screening.zone).2.map_or(0, |zone| zone.name.len())
    });
    let connection = pin!(panics::caught(exchange));
    let mut connection = pin!(panics::caught(connection));
    loop {
        if let Poll::Ready(Ok(Ok(bytes))) = connection.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            return bytes;
        }
    }
}

fn without(core: &Core, release: &Pinned, head: &RequestHead) -> usize {
    let mut exchange = pin!(async {
        let mut screening = screening(core, release, head);
        let mut always = pipeline::REQUEST.iter().filter(|stage| stage.when == When::Always);
        let verdict = always.try_for_each(|stage| (stage.run)(&mut screening).map(|_| ()));
        let state = core.zone(screening.zone.map(|zone| &zone.name));
        wait_once().await;
        (verdict.is_ok(), state.off(), screening.zone).2.map_or(0, |zone| zone.name.len())
    });
    loop {
        if let Poll::Ready(bytes) = exchange.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return bytes;
        }
    }
}

/// The origin's answer is not there at once.
async fn wait_once() {
    let mut has_waited = false;
    poll_fn(|_| if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

fn head() -> Result<RequestHead, Box<dyn std::error::Error>> {
    let mut head = RequestHead::default();
    request::parse_from(REQUEST, 0, &HeadLimits::default(), &mut head).map_err(|_| "a bad request")?;
    Ok(head)
}
