//! The origin of every tenant: one socket on all of 127.0.0.0/8, on a thread of its own.
//!
//! `/N?id=…` is answered by N marked lines at once; `/slow/PIECES/PAUSE_MS?id=…` by so many marked lines
//! with pauses between them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::{Outcome, marks};

/// The longest request that is read.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Answers until it is dropped.
pub(crate) struct Origin {
    /// Its port, the same for every tenant.
    pub(crate) port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Origin {
    /// Starts it.
    pub(crate) fn start() -> Outcome<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel();
        let work = move || serve(&runtime, listener, stopped);
        let thread = std::thread::Builder::new().name("origin".to_owned()).spawn(work)?;
        Ok(Self { port, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn serve(runtime: &Runtime, listener: TcpListener, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        tokio::select! {
            () = accept(listener) => {}
            _ = stopped => {}
        }
    });
}

async fn accept(listener: TcpListener) {
    loop {
        // A lack of descriptors ends by itself when connections close.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let Some(tenant) = tenant(&stream) else { continue };
        tokio::spawn(async move { converse(stream, tenant).await.ok() });
    }
}

/// `None` for whoever did not come by 127.1.0.0/16.
fn tenant(stream: &TcpStream) -> Option<u16> {
    match stream.local_addr().map(|address: SocketAddr| address.ip()) {
        Ok(IpAddr::V4(address)) => marks::Tenant::of(address),
        Ok(IpAddr::V6(_)) | Err(_) => None,
    }
}

async fn converse(mut stream: TcpStream, tenant: u16) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Vec::new();
    while let Some(head) = next_head(&mut stream, &mut input).await? {
        let mut words = head.lines().next().unwrap_or_default().split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let host = field(&head, "host").unwrap_or_default();
        if !skip_body(&mut stream, &mut input, &head).await? {
            return Ok(());
        }
        if let Some((pieces, pause)) = slow(target) {
            trickle(&mut stream, &marks::line(tenant, host, target), pieces, pause).await?;
            continue;
        }
        let body = marks::body(tenant, host, target);
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if method != "HEAD" {
            answer.push_str(&body);
        }
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

/// The head of the next request.
async fn next_head(stream: &mut TcpStream, input: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    loop {
        if let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = input.drain(..end + 4).collect::<Vec<u8>>();
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if input.len() > REQUEST_BYTES_MAX || stream.read_buf(input).await? == 0 {
            return Ok(None);
        }
    }
}

/// Reads a body of a length that is told and forgets it; `false`: it is not whole.
async fn skip_body(stream: &mut TcpStream, input: &mut Vec<u8>, head: &str) -> std::io::Result<bool> {
    let mut left = field(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
    loop {
        let taken = left.min(input.len());
        input.drain(..taken);
        left -= taken;
        if left == 0 {
            return Ok(true);
        }
        if stream.read_buf(input).await? == 0 {
            return Ok(false);
        }
    }
}

/// The value of a field of a head.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn slow(target: &str) -> Option<(usize, Duration)> {
    let path = target.split('?').next()?.strip_prefix("/slow/")?;
    let (pieces, pause_ms) = path.split_once('/')?;
    Some((pieces.parse().ok()?, Duration::from_millis(pause_ms.parse().ok()?)))
}

async fn trickle(stream: &mut TcpStream, line: &str, pieces: usize, pause: Duration) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", line.len() * pieces);
    stream.write_all(head.as_bytes()).await?;
    let mut ticks = tokio::time::interval(pause);
    for _ in 0..pieces {
        ticks.tick().await;
        stream.write_all(line.as_bytes()).await?;
    }
    Ok(())
}
