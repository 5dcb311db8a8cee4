//! What the tests stand on: origins that speak HTTP/2 by another library or frame by frame, and a core that asks them.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Builder, SendResponse};
use rempart_base::Now;
use rempart_flow::{BodyLength, Fault, Fields, Method};
use rempart_origin::config::UpstreamConfig;
use rempart_origin::plan::{Endpoint, Offer, OriginPlan, Upstream};
use rempart_origin::{Connection, FieldWriter, Needs, Origins, Request, Shelves};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder as RuntimeBuilder, LocalOptions};
use tokio::task::spawn_local;

/// Nothing that is waited for takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test as a core runs.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = RuntimeBuilder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let ended = runtime.unwrap().block_on(async { tokio::time::timeout(PATIENCE, test).await });
    assert!(ended.is_ok(), "the test has not ended in {PATIENCE:?}");
}

/// A request that has come to an origin.
pub(crate) struct Call {
    pub(crate) head: http::request::Parts,
    pub(crate) body: RecvStream,
    pub(crate) respond: SendResponse<Bytes>,
}

type Answering = Pin<Box<dyn Future<Output = ()>>>;

/// An origin that answers each call so.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    /// How many connections it has had.
    pub(crate) connections: Rc<Cell<usize>>,
}

impl Origin {
    pub(crate) async fn start<F>(builder: Builder, answer: impl Fn(Call) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Rc::new(Cell::new(0));
        let count = Rc::clone(&connections);
        let answer: Rc<dyn Fn(Call) -> Answering> = Rc::new(move |call| Box::pin(answer(call)));
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                count.set(count.get() + 1);
                spawn_local(serve(stream, builder.clone(), Rc::clone(&answer)));
            }
        });
        Self { address, connections }
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    builder: Builder,
    answer: Rc<dyn Fn(Call) -> Answering>,
) {
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let (head, body) = request.into_parts();
        spawn_local(answer(Call { head, body, respond }));
    }
}

impl Call {
    /// The next piece of the body, taken.
    pub(crate) async fn piece(&mut self) -> Option<Bytes> {
        let piece = self.body.data().await?.ok()?;
        self.body.flow_control().release_capacity(piece.len()).unwrap();
        Some(piece)
    }
}

/// `200`, or another status, with nothing else.
pub(crate) fn status(status: u16) -> http::Response<()> {
    http::Response::builder().status(status).body(()).unwrap()
}

/// An origin, frame by frame.
pub(crate) struct Raw(TcpStream);

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
/// `:status: 200`.
pub(crate) const OK: &[u8] = &[0x88];

/// A frame's kind, flags, stream and payload.
pub(crate) type Frame = (u8, u8, u32, Vec<u8>);

impl Raw {
    /// The next connection, its preface read and these settings sent.
    pub(crate) async fn accept(listener: &TcpListener, settings: &[u8]) -> Self {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut raw = Self(stream);
        raw.send(SETTINGS, 0, 0, settings).await;
        raw
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, flags]);
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next frame of this kind that acknowledges nothing; `None` at the end.
    pub(crate) async fn next(&mut self, wanted: u8) -> Option<Frame> {
        loop {
            let frame @ (kind, flags, ..) = self.frame().await?;
            let is_ack = flags & 1 != 0 && (kind == SETTINGS || kind == PING);
            if kind == wanted && !is_ack {
                return Some(frame);
            }
        }
    }

    /// Waits until everything has come that was sent before now, and answers how many requests were among it.
    pub(crate) async fn requests_so_far(&mut self) -> usize {
        self.send(PING, 0, 0, b"so far ?").await;
        let mut count = 0;
        loop {
            let (kind, flags, ..) = self.frame().await.unwrap();
            match kind {
                PING if flags & 1 != 0 => return count,
                HEADERS => count += 1,
                _ => {}
            }
        }
    }

    async fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [l0, l1, l2, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((kind, flags, u32::from_be_bytes(stream), payload))
    }

    /// Waits for a request, and answers how its stream is numbered.
    pub(crate) async fn request(&mut self) -> u32 {
        self.next(HEADERS).await.unwrap().2
    }
}

/// One parameter of SETTINGS.
pub(crate) fn setting(id: u16, value: u32) -> Vec<u8> {
    [id.to_be_bytes().as_slice(), &value.to_be_bytes()].concat()
}

/// An origin's plan with these settings.
pub(crate) fn plan(address: SocketAddr, offer: Offer, change: impl FnOnce(&mut Upstream)) -> Arc<OriginPlan> {
    let mut settings = Upstream::from(&UpstreamConfig::default());
    change(&mut settings);
    Arc::new(OriginPlan {
        id: u64::from(address.port()),
        endpoint: Endpoint::Ip(address),
        tls: None,
        offer,
        host_header: None,
        settings: Arc::new(settings),
        label: "test".into(),
    })
}

/// One that speaks HTTP/2 without asking.
pub(crate) fn h2c(address: SocketAddr) -> Arc<OriginPlan> {
    plan(address, Offer::Http2, |_| {})
}

/// A core of this process.
pub(crate) fn core() -> Origins {
    Origins::new(Arc::new(Shelves::default()), 1, Arc::default())
}

/// What is asked.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) fields: Vec<(&'static [u8], &'static [u8])>,
    /// Sent without a length, and with these trailers.
    pub(crate) upload: Option<Vec<u8>>,
    pub(crate) trailers: Option<Fields>,
}

impl Request for Asked {
    fn method(&self) -> &[u8] {
        if self.method.is_empty() { b"GET" } else { self.method.as_bytes() }
    }

    fn target(&self) -> &[u8] {
        b"/path?query"
    }

    fn authority(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"a.example");
    }

    fn fields<W: FieldWriter>(&self, out: &mut W) {
        for (name, value) in &self.fields {
            out.field(name, value);
        }
    }
}

/// What was answered.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) interims: Vec<u16>,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<Fields>,
}

pub(crate) async fn connection(origins: &Origins, plan: &Arc<OriginPlan>) -> Result<Connection, Fault> {
    match origins.idle(plan, Needs::Exchange, Now::mono()) {
        Some(connection) => Ok(connection),
        None => origins.open(plan, Needs::Exchange).await,
    }
}

/// Asks, and reads the whole answer, on a connection that is given back.
pub(crate) async fn ask(origins: &Origins, plan: &Arc<OriginPlan>, asked: Asked) -> Result<Answer, Fault> {
    let mut connection = connection(origins, plan).await?;
    let answer = ask_on(&mut connection, asked).await?;
    origins.give_back(connection, Now::mono());
    Ok(answer)
}

pub(crate) async fn get(origins: &Origins, plan: &Arc<OriginPlan>) -> Result<Answer, Fault> {
    ask(origins, plan, Asked::default()).await
}

/// Asks on a connection; both directions at once.
pub(crate) async fn ask_on(connection: &mut Connection, asked: Asked) -> Result<Answer, Fault> {
    let body = if asked.upload.is_some() { BodyLength::Chunked } else { BodyLength::None };
    connection.begin(&asked, body);
    let upload = asked.upload.unwrap_or_default();
    let mut uploading =
        Uploading { left: &upload, trailers: asked.trailers, is_done: body == BodyLength::None };
    let mut answer = Answer::default();
    poll_fn(|cx| {
        uploading.poll(connection, cx)?;
        loop {
            if answer.status == 0 {
                match connection.poll_head(cx, Method::Get) {
                    Poll::Ready(Ok(())) if connection.head().is_interim() => {
                        answer.interims.push(connection.head().status);
                    }
                    Poll::Ready(Ok(())) => answer.status = connection.head().status,
                    Poll::Ready(Err(fault)) => return Poll::Ready(Err(fault)),
                    Poll::Pending => return Poll::Pending,
                }
                continue;
            }
            match connection.poll_body(cx)? {
                Poll::Ready(true) => {
                    let count = connection.body().len();
                    answer.body.extend_from_slice(&connection.body());
                    connection.take_body(count);
                }
                Poll::Ready(false) => {
                    answer.trailers = connection.trailers().cloned();
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await?;
    Ok(answer)
}

struct Uploading<'a> {
    left: &'a [u8],
    trailers: Option<Fields>,
    is_done: bool,
}

impl Uploading<'_> {
    fn poll(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Result<(), Fault> {
        while !self.left.is_empty() {
            match connection.poll_send(cx, self.left) {
                Poll::Ready(count) => self.left = &self.left[count?..],
                Poll::Pending => return Ok(()),
            }
        }
        if !std::mem::replace(&mut self.is_done, true) {
            connection.finish(self.trailers.as_ref());
        }
        let _ = connection.poll_flush(cx);
        Ok(())
    }
}
