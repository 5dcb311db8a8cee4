//! An open loop at a given rate: requests are due at random moments (a Poisson process, as of many visitors who
//! know nothing of each other), whatever the server does, and go out on any connection that is free. A latency
//! is taken from when its request was due, so that a stall is felt by all that should have been sent in it.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rempart_base::Now;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, Event, EventData, EventFlags};

use crate::Outcome;
use crate::http::{Head, head};
use crate::stats::Histogram;

/// After the last request was due, answers may take so long.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// How much later than asked the kernel may wake us, in nanoseconds.
const SLACK_NS: u64 = 1_000;

/// What to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    /// Where to.
    pub address: SocketAddr,
    /// The whole request; it is always the same.
    pub request: &'a [u8],
    /// Length of the body that answers it.
    pub body_bytes: usize,
    /// Keep-alive connections.
    pub connections: u32,
    /// Requests a second.
    pub rate: u64,
    /// For so long.
    pub lasts: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// Right answers.
    pub requests: u64,
    /// From when the request was due to the end of its answer.
    pub latency_us: Histogram,
}

impl Answered {
    /// Adds what came of another load.
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.latency_us.merge(&other.latency_us);
    }
}

struct Connection {
    stream: TcpStream,
    /// When the request that it carries was due.
    due: Instant,
    /// Bytes that are still to come of the answer, once its head is known.
    missing: Option<usize>,
    begun: Vec<u8>,
}

/// Sends and waits for every answer. Fails if one is wrong or does not come.
pub(crate) fn run(load: &Load<'_>) -> Outcome<Answered> {
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(SLACK_NS));
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut connections = Vec::new();
    for nth in 0..load.connections {
        let stream = TcpStream::connect(load.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&epoll, &stream, EventData::new_u64(nth.into()), EventFlags::IN)?;
        connections.push(Connection { stream, due: Now::mono(), missing: None, begun: Vec::new() });
    }
    let mut free: VecDeque<usize> = (0..connections.len()).collect();
    let mut answered = Answered::default();
    let mut input = vec![0; 256 << 10];
    let mut events: Vec<Event> = Vec::with_capacity(256);
    let begun = Now::mono();
    let (ends, gives_up) = (begun + load.lasts, begun + load.lasts + LAST_WAIT);
    let mut arrivals = Arrivals::new(begun, load.rate);
    loop {
        let now = Now::mono();
        while arrivals.next <= now && arrivals.next < ends {
            let Some(nth) = free.pop_front() else { break };
            if let Some(connection) = connections.get_mut(nth) {
                connection.ask(load.request, arrivals.next)?;
            }
            arrivals.advance();
        }
        if arrivals.next >= ends && free.len() == connections.len() {
            return Ok(answered);
        }
        if now > gives_up {
            return Err(format!("{} answers have not come", connections.len() - free.len()).into());
        }
        // Without a free connection, only an answer can bring us on.
        let until = if free.is_empty() || arrivals.next >= ends { gives_up } else { arrivals.next };
        let wait = timespec(until.saturating_duration_since(now))?;
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let nth = usize::try_from(event.data.u64())?;
            let Some(connection) = connections.get_mut(nth) else { continue };
            if connection.read(&mut input, load.body_bytes)? {
                let took = Now::mono().saturating_duration_since(connection.due);
                answered.latency_us.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
                answered.requests += 1;
                free.push_back(nth);
            }
        }
    }
}

impl Connection {
    fn ask(&mut self, request: &[u8], due: Instant) -> Outcome<()> {
        self.due = due;
        let written = self.stream.write(request)?;
        if written == request.len() { Ok(()) } else { Err("a request did not go out in one piece".into()) }
    }

    /// Reads what is there, and says whether the answer is whole.
    fn read(&mut self, input: &mut [u8], body_bytes: usize) -> Outcome<bool> {
        loop {
            let read = match self.stream.read(input) {
                Ok(0) => return Err("the server has closed a connection".into()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            let mut left = read;
            if self.missing.is_none() {
                self.begun.extend_from_slice(input.get(..read).unwrap_or_default());
                let Some(head) = head(&self.begun)? else { continue };
                left = self.begun.len() - head.bytes;
                self.missing = Some(expected(&head, body_bytes)?);
                self.begun.clear();
            }
            let missing = self.missing.unwrap_or(0).checked_sub(left);
            let missing = missing.ok_or("an answer is longer than it says")?;
            self.missing = (missing > 0).then_some(missing);
            if missing == 0 {
                return Ok(true);
            }
        }
    }
}

fn expected(head: &Head, body_bytes: usize) -> Outcome<usize> {
    if head.status == 200 && head.body_bytes == body_bytes && head.keep_alive {
        return Ok(body_bytes);
    }
    Err(format!("an answer has status {} and {} bytes", head.status, head.body_bytes).into())
}

/// Moments whose distances are exponentially distributed. Always the same ones, for all systems alike.
struct Arrivals {
    next: Instant,
    mean_s: f64,
    state: u64,
}

impl Arrivals {
    #[expect(clippy::cast_precision_loss, reason = "a rate is far below 2^52")]
    fn new(begun: Instant, rate: u64) -> Self {
        let mut arrivals =
            Self { next: begun, mean_s: 1.0 / rate.max(1) as f64, state: 0x9e37_79b9_7f4a_7c15 };
        arrivals.advance();
        arrivals
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are taken")]
    fn advance(&mut self) {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let share = ((self.state >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        self.next += Duration::from_secs_f64(-share.ln() * self.mean_s);
    }
}

fn timespec(duration: Duration) -> Outcome<Timespec> {
    Ok(Timespec { tv_sec: i64::try_from(duration.as_secs())?, tv_nsec: duration.subsec_nanos().into() })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::rc::Rc;

    use super::*;
    use crate::serve::{Canned, forever};

    fn serving(body_bytes: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let canned = Rc::new(Canned::ok("text/plain", vec![b'x'; body_bytes], body_bytes));
            forever(&listener, |_| Some(Rc::clone(&canned)))
        });
        address
    }

    fn load(address: SocketAddr, body_bytes: usize) -> Load<'static> {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let lasts = Duration::from_millis(300);
        Load { address, request, body_bytes, connections: 4, rate: 2000, lasts }
    }

    #[test]
    fn every_request_that_is_due_is_answered() {
        for body_bytes in [10, 3 << 20] {
            let address = serving(body_bytes);
            let rate = if body_bytes > 10 { 50 } else { 2000 };
            let answered = run(&Load { rate, ..load(address, body_bytes) }).unwrap();
            // The moments are the same each time, whatever the server takes.
            let begun = Now::mono();
            let mut due = Arrivals::new(begun, rate);
            let mut expected = 0;
            while due.next < begun + Duration::from_millis(300) {
                expected += 1;
                due.advance();
            }
            assert_eq!(answered.requests, expected);
        }
    }

    #[test]
    fn a_wrong_answer_fails() {
        assert!(run(&load(serving(10), 11)).unwrap_err().to_string().contains("10 bytes"));
    }

    #[test]
    fn arrivals_keep_the_rate() {
        let begun = Now::mono();
        let mut arrivals = Arrivals::new(begun, 1000);
        (1..100_000).for_each(|_| arrivals.advance());
        let took = (arrivals.next - begun).as_secs_f64();
        assert!((98.0..102.0).contains(&took), "{took}");
    }
}
