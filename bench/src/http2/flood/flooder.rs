//! Who floods: one connection at a time, as fast as it is taken, and another one whenever it is thrown out.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::kinds::{Batches, Flood};
use crate::Outcome;
use crate::http2::Server;

/// Its address, which is no visitor's.
const FROM: Ipv4Addr = Ipv4Addr::new(127, 9, 9, 9);
/// It is the visitors' time that is measured: on their core the flooder takes what they leave.
const NICE: i32 = 10;
/// If nothing was taken for so long, it tries another connection.
const STALL: Duration = Duration::from_millis(500);

/// What it did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flooded {
    /// Frames that were taken.
    pub frames: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// … of which so many were given up because the server took nothing any more.
    pub stalled: u64,
    /// … and so many could not even be opened.
    pub refused: u64,
}

/// Floods until it is told to stop.
pub(crate) fn run(server: &Server, flood: Flood, stop: &AtomicBool) -> Outcome<Flooded> {
    let mut flooded = Flooded::default();
    if flood == Flood::None {
        return Ok(flooded);
    }
    let _ = rustix::process::setpriority_process(None, NICE);
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        while !stop.load(Ordering::Relaxed) {
            match timeout(STALL, server.connect(FROM)).await {
                Ok(Ok(stream)) => connection(stream, flood, stop, &mut flooded).await,
                Ok(Err(_)) | Err(_) => flooded.refused += 1,
            }
        }
    });
    Ok(flooded)
}

async fn connection(stream: TlsStream<TcpStream>, flood: Flood, stop: &AtomicBool, flooded: &mut Flooded) {
    flooded.connections += 1;
    let (mut from, mut to) = tokio::io::split(stream);
    tokio::select! {
        () = drain(&mut from), if flood.reads() => {}
        () = send(&mut to, flood, stop, flooded) => {}
    }
}

/// Until the server closes.
async fn drain(from: &mut ReadHalf<TlsStream<TcpStream>>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(1..) = from.read(&mut buffer).await {}
}

/// Until the server takes no more.
async fn send(
    to: &mut WriteHalf<TlsStream<TcpStream>>,
    flood: Flood,
    stop: &AtomicBool,
    flooded: &mut Flooded,
) {
    let (mut batches, mut first) = (Batches::of(flood), Vec::new());
    batches.begin(&mut first);
    if to.write_all(&first).await.is_err() {
        return;
    }
    while !stop.load(Ordering::Relaxed) {
        let before = batches.frames;
        let batch = batches.next();
        if batch.is_empty() {
            return;
        }
        let written = timeout(STALL, async {
            to.write_all(batch).await?;
            to.flush().await
        });
        match written.await {
            Ok(Ok(())) => flooded.frames += batches.frames - before,
            Ok(Err(_)) => return,
            Err(_) => {
                flooded.stalled += 1;
                return;
            }
        }
    }
}
