//! Both roles against the crate `h2`: random requests, bodies, trailers and resets come to what was meant.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the events that it waits for")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Request, Response};
use rempart_base::Now;
use rempart_flow::{Method, RequestHead, ResponseHead};
use rempart_http2::message::{BlockWriter, RequestLine};
use rempart_http2::{Config, Connection, ErrorCode, Event, StreamId};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// What an exchange comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// So many bytes of body, and whether trailers said so too.
    Answer(usize, bool),
    Reset(u32),
}

/// What is meant to happen on one stream; its path says so.
#[derive(Clone, Copy, Debug)]
struct Plan {
    up: usize,
    down: usize,
    trailers: bool,
    /// The server resets in place of an answer.
    resets: bool,
}

impl Plan {
    fn any(dice: &mut u64) -> Self {
        let mut roll = |below: u64| {
            *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*dice >> 33) % below
        };
        let mut size =
            || usize::try_from([0, 1, roll(2000), roll(200_000)][usize::try_from(roll(4)).unwrap()]).unwrap();
        Self { up: size(), down: size(), trailers: roll(2) == 0, resets: roll(10) == 0 }
    }

    fn path(self) -> String {
        let Self { up, down, trailers, resets } = self;
        format!("/{up}/{down}/{trailers}/{resets}")
    }

    fn read(path: &str) -> Self {
        let parts: Vec<_> = path.split('/').collect();
        Self {
            up: parts[1].parse().unwrap(),
            down: parts[2].parse().unwrap(),
            trailers: parts[3].parse().unwrap(),
            resets: parts[4].parse().unwrap(),
        }
    }

    fn outcome(self) -> Outcome {
        if self.resets { Outcome::Reset(11) } else { Outcome::Answer(self.down, self.trailers) }
    }
}

/// The body of that many bytes, at most 200,000.
fn body(len: usize) -> &'static [u8] {
    static ALL: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..200_000_usize).map(|at| (at * 7 + (at >> 8)).to_le_bytes()[0]).collect());
    &ALL[..len]
}

/// Moves bytes between a connection and its peer, and tells what happened.
struct Driver {
    connection: Connection,
    io: DuplexStream,
    unread: Vec<u8>,
}

impl Driver {
    fn new(connection: Connection, io: DuplexStream) -> Self {
        Self { connection, io, unread: Vec::new() }
    }

    /// One write, which may bring room, or one read. `false` if the other side has closed.
    async fn turn(&mut self) -> bool {
        if !self.connection.output().is_empty() {
            let Ok(count) = self.io.write(self.connection.output()).await else { return false };
            self.connection.wrote(count);
            return true;
        }
        let mut buffer = [0; 10_000];
        let Ok(count @ 1..) = self.io.read(&mut buffer).await else { return false };
        self.unread.extend_from_slice(&buffer[..count]);
        let taken = self.connection.receive(&self.unread, Now::mono());
        self.unread.drain(..taken);
        true
    }
}

/// One stream of our server.
struct Serving {
    plan: Plan,
    received: Vec<u8>,
    sent: usize,
    is_begun: bool,
}

impl Serving {
    fn go_on(&mut self, c: &mut Connection, stream: StreamId) -> bool {
        self.received.extend_from_slice(c.data(stream));
        c.consume(stream, usize::MAX);
        if self.plan.resets {
            c.reset(stream, ErrorCode::ENHANCE_YOUR_CALM);
            return true;
        }
        if !self.is_begun {
            if !c.is_received(stream) {
                return false;
            }
            assert_eq!(self.received, body(self.plan.up));
            self.is_begun = true;
            let head = c.begin_head(stream).unwrap();
            BlockWriter::response(head.encoder, head.out, 200)
                .field(b"x-down", self.plan.down.to_string().as_bytes());
            c.end_head(stream, false);
        }
        let rest = &body(self.plan.down)[self.sent..];
        self.sent += c.send_data(stream, rest, !self.plan.trailers);
        let is_done = self.sent == self.plan.down;
        if is_done && self.plan.trailers {
            let head = c.begin_head(stream).unwrap();
            BlockWriter::trailers(head.encoder, head.out).field(b"x-sum", self.sent.to_string().as_bytes());
            c.end_head(stream, true);
        }
        is_done
    }
}

async fn our_server(io: DuplexStream, config: Config) -> usize {
    let mut driver = Driver::new(Connection::server(&config, Now::mono()), io);
    let mut streams: HashMap<StreamId, Serving> = HashMap::new();
    let mut served = 0;
    while driver.turn().await {
        let c = &mut driver.connection;
        while let Some(event) = c.poll_event() {
            let stream = match event {
                Event::Head(stream) => {
                    let mut head = RequestHead::default();
                    assert!(c.take_request(stream, &mut head));
                    let path = std::str::from_utf8(head.bytes(head.path)).unwrap();
                    let plan = Plan::read(path);
                    streams.insert(stream, Serving { plan, received: Vec::new(), sent: 0, is_begun: false });
                    stream
                }
                Event::Data(stream) | Event::End(stream) | Event::Room(stream) => stream,
                Event::Reset(stream, _) => {
                    streams.remove(&stream);
                    c.release(stream);
                    continue;
                }
                Event::Settings | Event::GoAway(_) => continue,
                other => panic!("{other:?} {:?}", c.failure()),
            };
            if streams.get_mut(&stream).unwrap().go_on(c, stream) {
                streams.remove(&stream);
                c.release(stream);
                served += 1;
            }
        }
    }
    assert_eq!((driver.connection.streams(), driver.connection.failure()), (0, None));
    served
}

async fn ask_with_h2(mut send: h2::client::SendRequest<Bytes>, plan: Plan) -> Outcome {
    let request = Request::post(format!("https://a.example{}", plan.path())).body(()).unwrap();
    let (response, mut up) = send.send_request(request, plan.up == 0).unwrap();
    if plan.up > 0 {
        // A reset may be faster than the body.
        drop(up.send_data(Bytes::from_static(body(plan.up)), true));
    }
    let mut response = match response.await {
        Ok(response) => response.into_body(),
        Err(error) => return Outcome::Reset(error.reason().unwrap().into()),
    };
    let mut received = Vec::new();
    while let Some(piece) = response.data().await {
        let piece = piece.unwrap();
        received.extend_from_slice(&piece);
        response.flow_control().release_capacity(piece.len()).unwrap();
    }
    assert_eq!(received, body(received.len()));
    let trailers = response.trailers().await.unwrap();
    Outcome::Answer(received.len(), trailers.is_some_and(|t| t["x-sum"] == received.len().to_string()))
}

#[tokio::test]
async fn our_server_serves_another_client() {
    for (seed, window) in [(1, 65_535), (2, 1000), (3, 1 << 20)] {
        let (near, far) = duplex(20_000);
        let config = Config { streams_max: 10, stream_window_bytes: window, ..Config::default() };
        let server = tokio::spawn(our_server(near, config));
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window).initial_connection_window_size(window.max(65_535));
        let (send, connection) = builder.handshake(far).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut dice = seed;
        let mut asks = Vec::new();
        for _ in 0..200 {
            let plan = Plan::any(&mut dice);
            let send = send.clone().ready().await.unwrap();
            asks.push((plan, tokio::spawn(ask_with_h2(send, plan))));
            if asks.len() == 10 {
                for (plan, ask) in asks.drain(..) {
                    assert_eq!(ask.await.unwrap(), plan.outcome(), "{plan:?}");
                }
            }
        }
        drop(send);
        connection.await.unwrap().unwrap();
        assert_eq!(server.await.unwrap(), 200);
    }
}

async fn h2_server(io: DuplexStream, window: u32) {
    let mut builder = h2::server::Builder::new();
    builder.initial_window_size(window).max_concurrent_streams(7);
    let mut connection = builder.handshake::<_, Bytes>(io).await.unwrap();
    let mut accepted = 0;
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request.unwrap();
        accepted += 1;
        if accepted == 200 {
            connection.graceful_shutdown();
        }
        tokio::spawn(async move {
            let plan = Plan::read(request.uri().path());
            if plan.resets {
                respond.send_reset(Reason::ENHANCE_YOUR_CALM);
                return;
            }
            let mut request = request.into_body();
            let mut received = Vec::new();
            while let Some(piece) = request.data().await {
                let piece = piece.unwrap();
                received.extend_from_slice(&piece);
                request.flow_control().release_capacity(piece.len()).unwrap();
            }
            assert_eq!(received, body(plan.up));
            let mut down = respond.send_response(Response::new(()), false).unwrap();
            down.send_data(Bytes::from_static(body(plan.down)), !plan.trailers).unwrap();
            if plan.trailers {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", plan.down.to_string().parse().unwrap());
                down.send_trailers(trailers).unwrap();
            }
        });
    }
}

/// One stream of our client.
struct Asking {
    plan: Plan,
    sent: usize,
    received: Vec<u8>,
}

fn ask(c: &mut Connection, plan: Plan) -> (StreamId, Asking) {
    let stream = c.open(Method::Post).unwrap();
    let head = c.begin_head(stream).unwrap();
    let path = plan.path();
    let (method, scheme, authority) = (b"POST".as_slice(), b"https".as_slice(), b"a.example".as_slice());
    let line = RequestLine { method, scheme, authority, path: path.as_bytes(), protocol: None };
    let _written = BlockWriter::request(head.encoder, head.out, &line);
    c.end_head(stream, plan.up == 0);
    (stream, Asking { plan, sent: 0, received: Vec::new() })
}

#[tokio::test]
async fn our_client_asks_another_server() {
    for (seed, window) in [(4, 65_535), (5, 1000), (6, 1 << 20)] {
        let (near, far) = duplex(20_000);
        let server = tokio::spawn(h2_server(far, window));
        let config = Config { stream_window_bytes: window, ..Config::default() };
        let mut driver = Driver::new(Connection::client(&config, Now::mono()), near);
        let (mut dice, mut left) = (seed, 200);
        let mut streams: HashMap<StreamId, Asking> = HashMap::new();
        let mut is_told = false;
        while !driver.connection.is_done() || !streams.is_empty() {
            let c = &mut driver.connection;
            while left > 0 && c.can_open() && c.is_settled() {
                left -= 1;
                let (stream, mut asking) = ask(c, Plan::any(&mut dice));
                asking.sent = c.send_data(stream, body(asking.plan.up), true);
                streams.insert(stream, asking);
            }
            assert!(driver.turn().await, "{:?}", driver.connection.failure());
            let c = &mut driver.connection;
            while let Some(event) = c.poll_event() {
                match event {
                    Event::Head(stream) => assert!(c.take_response(stream, &mut ResponseHead::default())),
                    Event::Room(stream) => {
                        let asking = streams.get_mut(&stream).unwrap();
                        asking.sent += c.send_data(stream, &body(asking.plan.up)[asking.sent..], true);
                    }
                    Event::Reset(stream, broken) => {
                        let asking = streams.remove(&stream).unwrap();
                        c.release(stream);
                        assert_eq!(Outcome::Reset(broken.code.0), asking.plan.outcome());
                    }
                    Event::GoAway(code) => is_told = code == ErrorCode::NO_ERROR,
                    Event::Data(_) | Event::End(_) | Event::Settings => {}
                    other => panic!("{other:?} {:?}", c.failure()),
                }
            }
            streams.retain(|stream, asking| {
                asking.received.extend_from_slice(c.data(*stream));
                c.consume(*stream, usize::MAX);
                if !c.is_received(*stream) {
                    return true;
                }
                let trailers =
                    c.trailers(*stream).is_some_and(|t| t.iter().any(|field| field.name == b"x-sum"));
                assert_eq!(asking.received, body(asking.plan.down));
                assert_eq!(Outcome::Answer(asking.received.len(), trailers), asking.plan.outcome());
                c.release(*stream);
                false
            });
        }
        assert_eq!((left, is_told, driver.connection.failure()), (0, true, None));
        drop(driver);
        server.await.unwrap();
    }
}
