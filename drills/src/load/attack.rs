//! One visitor who means harm: the same long body again and again, at a pace.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::marks::{self, Tenant};
use crate::{Outcome, pause_for};

/// An answer comes within this time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// What is asked for.
const TARGET: &str = "/1";

/// What is sent, where to, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Attack {
    address: SocketAddr,
    tenant: Tenant,
    body: Arc<str>,
}

/// An attack under way. It ends when this is dropped.
pub(crate) struct UnderAttack {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<(u64, u64)>>,
}

impl Attack {
    /// With this body.
    pub(crate) fn new(address: SocketAddr, tenant: Tenant, body: String) -> Self {
        Self { address, tenant, body: body.into() }
    }

    /// Sends it once, on a connection of its own. Anything but the origin's own answer is an error.
    pub(crate) fn once(&self) -> Outcome<()> {
        let Self { address, tenant, body } = self;
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
        let head = format!(
            "POST {TARGET} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            tenant.host,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let is_right =
            head.starts_with("HTTP/1.1 200") && body == marks::body(tenant.number, &tenant.host, TARGET);
        if is_right { Ok(()) } else { Err(format!("answered {:?}", answer.get(..80)).into()) }
    }

    /// Sends it so many times a second, if it is answered that fast, until it is stopped.
    pub(crate) fn start(self, rate: u32) -> Outcome<UnderAttack> {
        let stopped = Arc::<AtomicBool>::default();
        let (of_thread, pause) = (Arc::clone(&stopped), Duration::from_secs(1) / rate.max(1));
        let work = move || {
            let (mut sent, mut wrong) = (0, 0);
            while !of_thread.load(Ordering::Relaxed) {
                sent += 1;
                wrong += u64::from(self.once().is_err());
                pause_for(pause);
            }
            (sent, wrong)
        };
        let thread = std::thread::Builder::new().name("attack".to_owned()).spawn(work)?;
        Ok(UnderAttack { stopped, thread: Some(thread) })
    }
}

impl UnderAttack {
    /// Ends it, and says how many requests there were and how many were not answered as they should be.
    pub(crate) fn stop(mut self) -> (u64, u64) {
        self.end()
    }

    fn end(&mut self) -> (u64, u64) {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or((0, 1))
    }
}

impl Drop for UnderAttack {
    fn drop(&mut self) {
        self.end();
    }
}
