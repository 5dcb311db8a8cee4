//! The one that stands in for every origin: it reads a request to its end, and answers which origin it was
//! called as.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use rempart_flow::{BodyLength, Fault, RequestHead};
use rempart_io::{Socket, Stream};
use rempart_origin::plan::OriginPlan;
use rempart_wire::config::Limits;
use rempart_wire::{Drain, Guest, Http1, Next, Peer, Visitor};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::spawn_local;

/// The field in which it says as which origin it was called.
pub(super) const CALLED_AS: &str = "X-Rempart-Taste-Origin";
const BODY: &[u8] = b"tasted\n";

/// A connection that the worker has opened: the origin's end of it, and the origin's label.
pub(super) struct Call(UnixStream, Box<str>);

/// Opens a connection to the stand-in.
pub(super) fn call(calls: &UnboundedSender<Call>, plan: &OriginPlan) -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    calls.send(Call(theirs, plan.label.clone())).map_err(|_| io::ErrorKind::ConnectionRefused)?;
    Ok(ours)
}

/// Answers every call, and tells of each request, if somebody listens.
pub(super) async fn serve(mut calls: UnboundedReceiver<Call>, told: Option<Sender<String>>) {
    // An origin takes whatever the worker lets pass, and the head that it gets is longer.
    let limits = Arc::new(Limits {
        head_bytes_max: 64 << 20,
        target_bytes_max: 64 << 20,
        fields_max: 1 << 20,
        ..Limits::default()
    });
    let drain = Rc::<Drain>::default();
    while let Some(Call(stream, label)) = calls.recv().await {
        spawn_local(answer_all(stream, label, Arc::clone(&limits), drain.enter(), told.clone()));
    }
}

async fn answer_all(
    stream: UnixStream,
    label: Box<str>,
    limits: Arc<Limits>,
    guest: Guest,
    told: Option<Sender<String>>,
) {
    let Ok(stream) = tokio::net::UnixStream::from_std(stream) else { return };
    let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let peer = Peer { address: nobody, local: nobody, tls: None, is_inside: true };
    let mut worker = Http1::new(Stream::Plain(Socket::Unix(stream)), peer, limits, guest);
    loop {
        match worker.next().await {
            Next::Request => {
                if let Some(told) = &told {
                    // Nobody listens any more.
                    let _ = told.send(said(worker.head(), &label));
                }
                // Whoever is told needs no field that says it.
                let called_as = if told.is_none() { Some(&*label) } else { None };
                if answer(&mut worker, called_as).await.is_err() {
                    return;
                }
            }
            // What an origin cannot read is answered by nothing: the worker then says so.
            Next::Refused { .. } | Next::Closed => return,
        }
        if !worker.end_exchange().await {
            return;
        }
    }
}

/// The head of a request, for people.
fn said(head: &RequestHead, label: &str) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (method, target) = (text(head.bytes(head.method_text)), text(head.bytes(head.path_and_query)));
    let mut said = format!("{method} {target} to {label}\n");
    for field in head.fields.iter() {
        said.push_str(&format!("{}: {}\n", text(field.name), text(field.value)));
    }
    said
}

async fn answer(worker: &mut Http1, called_as: Option<&str>) -> Result<(), Fault> {
    while poll_fn(|cx| worker.poll_body(cx)).await? {
        let piece = worker.body().len();
        worker.take_body(piece);
    }
    let is_head = worker.head().method == rempart_flow::Method::Head;
    worker.begin(200);
    worker.field(b"Content-Type", b"text/plain");
    if let Some(label) = called_as {
        worker.field(CALLED_AS.as_bytes(), label.as_bytes());
    }
    if is_head {
        worker.field(b"Content-Length", BODY.len().to_string().as_bytes());
        worker.end(BodyLength::None);
    } else {
        worker.end(BodyLength::Exact(BODY.len() as u64));
        let mut left = BODY;
        while !left.is_empty() {
            let sent = poll_fn(|cx| worker.poll_send(cx, left)).await?;
            left = left.get(sent..).unwrap_or_default();
        }
    }
    worker.finish(None);
    Ok(())
}
