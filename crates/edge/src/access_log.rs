//! The access log: JSON lines with Cloudflare's field names. A core writes lines into a buffer of its own
//! and hands whole buffers to one thread that writes them out; what that thread does not get rid of in
//! time is dropped and counted. No core ever waits for the log. The same thread writes security events down.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;
use rempart_config::AccessTo;

use crate::rules::events::Event;
use crate::security_events::{FILE, Keeper, Kept};

/// A core hands its buffer over when it holds so much, or at its next tick.
const HAND_OVER_BYTES: usize = 64 * 1024;
/// Written buffers that wait to be filled again.
const SPARE_MAX: usize = 4;

/// So many events may wait to be written.
const EVENTS_QUEUED_MAX: usize = 8192;

enum Order {
    Lines(Vec<u8>),
    Events(Vec<Event>),
    Keep(Option<Kept>),
    Open(AccessTo),
    Stop(Sender<()>),
}

/// The thread that writes, and what waits for it.
pub struct Writer {
    orders: Sender<Order>,
    queued: Arc<AtomicUsize>,
    to: Mutex<AccessTo>,
    queue_bytes_max: AtomicUsize,
    /// Buffers that were written; a core takes one when it has handed its own over.
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    events_queued: Arc<AtomicUsize>,
    events_lost: Arc<AtomicU64>,
    kept: Mutex<Option<Kept>>,
}

impl Writer {
    /// Opens the log and starts the thread.
    ///
    /// # Errors
    /// The file cannot be opened, or the thread not be started.
    pub fn start(to: &AccessTo, queue_bytes_max: usize) -> io::Result<Self> {
        let sink = Sink::open(to)?;
        let (orders, inbox) = channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let spare = Arc::new(Mutex::new(Vec::new()));
        let (events_queued, events_lost) = (Arc::<AtomicUsize>::default(), Arc::<AtomicU64>::default());
        let theirs = Theirs {
            queued: Arc::clone(&queued),
            spare: Arc::clone(&spare),
            events_queued: Arc::clone(&events_queued),
            keeper: Keeper::new(Arc::clone(&events_lost)),
        };
        let writing = move || write(sink, &inbox, theirs);
        std::thread::Builder::new().name("access-log".into()).spawn(writing)?;
        let (to, queue_bytes_max) = (Mutex::new(to.clone()), AtomicUsize::new(queue_bytes_max));
        let kept = Mutex::new(None);
        Ok(Self { orders, queued, to, queue_bytes_max, spare, events_queued, events_lost, kept })
    }

    /// Follows a new configuration.
    pub fn configure(&self, to: &AccessTo, queue_bytes_max: usize) {
        self.queue_bytes_max.store(queue_bytes_max, Ordering::Relaxed);
        let mut current = self.to.lock();
        if *current != *to {
            *current = to.clone();
            self.send(Order::Open(to.clone()));
        }
    }

    /// Keeps the newest events in this folder, so many of them; 0: none.
    pub fn keep_events(&self, data_dir: &Path, slots: usize) {
        let kept = (slots > 0).then(|| Kept { path: data_dir.join(FILE), slots });
        let mut current = self.kept.lock();
        if *current != kept {
            current.clone_from(&kept);
            self.send(Order::Keep(kept));
        }
    }

    /// Events that could not be written, so far.
    #[must_use]
    pub fn events_lost(&self) -> u64 {
        self.events_lost.load(Ordering::Relaxed)
    }

    /// Opens the file anew, after it was moved away.
    pub fn reopen(&self) {
        self.send(Order::Open(self.to.lock().clone()));
    }

    /// Waits until everything that was handed over is written.
    pub fn stop(&self) {
        let (done, wait) = channel();
        self.send(Order::Stop(done));
        // The thread is gone or has answered: both are an end.
        let _ = wait.recv();
    }

    fn send(&self, order: Order) {
        // The thread ends only with the process.
        let _ = self.orders.send(order);
    }

    /// Hands events over; `false` if too many wait already.
    fn hand_over_events(&self, events: Vec<Event>) -> bool {
        let count = events.len();
        if self.events_queued.fetch_add(count, Ordering::AcqRel) + count > EVENTS_QUEUED_MAX {
            self.events_queued.fetch_sub(count, Ordering::AcqRel);
            return false;
        }
        self.send(Order::Events(events));
        true
    }

    /// Hands lines over; `false` if too much waits already.
    fn hand_over(&self, lines: Vec<u8>) -> bool {
        let bytes = lines.len();
        if self.queued.fetch_add(bytes, Ordering::AcqRel) + bytes
            > self.queue_bytes_max.load(Ordering::Relaxed)
        {
            self.queued.fetch_sub(bytes, Ordering::AcqRel);
            return false;
        }
        self.send(Order::Lines(lines));
        true
    }
}

/// One core's end of the log.
pub struct CoreLog {
    writer: Arc<Writer>,
    lines: RefCell<Vec<u8>>,
    count: Cell<u64>,
    /// How many bytes are whole lines: a panic may leave a half one behind them.
    whole_bytes: Cell<usize>,
}

impl CoreLog {
    /// An empty one.
    #[must_use]
    pub const fn new(writer: Arc<Writer>) -> Self {
        Self { writer, lines: RefCell::new(Vec::new()), count: Cell::new(0), whole_bytes: Cell::new(0) }
    }

    /// Adds a line, written by `write` with its line end. Answers with how many lines were dropped, if the
    /// writer has fallen too far behind.
    pub fn line(&self, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let mut lines = self.lines.borrow_mut();
        if lines.capacity() == 0 {
            let spare = self.writer.spare.lock().pop();
            *lines = spare.unwrap_or_else(|| Vec::with_capacity(HAND_OVER_BYTES + 4096));
        }
        lines.truncate(self.whole_bytes.get());
        write(&mut lines);
        self.whole_bytes.set(lines.len());
        self.count.set(self.count.get() + 1);
        let full = lines.len() >= HAND_OVER_BYTES;
        drop(lines);
        if full { self.flush() } else { 0 }
    }

    /// Hands over events; how many were dropped.
    pub fn events(&self, events: Vec<Event>) -> u64 {
        let count = events.len() as u64;
        if count == 0 || self.writer.hand_over_events(events) { 0 } else { count }
    }

    /// Hands over what there is; how many lines were dropped.
    pub fn flush(&self) -> u64 {
        let mut lines = self.lines.take();
        lines.truncate(self.whole_bytes.take());
        if lines.is_empty() {
            return 0;
        }
        let count = self.count.replace(0);
        if self.writer.hand_over(lines) { 0 } else { count }
    }
}

enum Sink {
    Off,
    Stdout,
    File(File),
}

impl Sink {
    fn open(to: &AccessTo) -> io::Result<Self> {
        match to {
            AccessTo::Off => Ok(Self::Off),
            AccessTo::Stdout => Ok(Self::Stdout),
            AccessTo::File(path) => {
                let mut options = OpenOptions::new();
                options.create(true).append(true).mode(0o640);
                let named =
                    |e: io::Error| io::Error::new(e.kind(), format!("access log {}: {e}", path.display()));
                options.open(path).map(Self::File).map_err(named)
            }
        }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Off => Ok(()),
            Self::Stdout => io::stdout().lock().write_all(lines),
            Self::File(file) => file.write_all(lines),
        }
    }
}

/// What the thread shares with those who hand over, and its ring.
struct Theirs {
    queued: Arc<AtomicUsize>,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    events_queued: Arc<AtomicUsize>,
    keeper: Keeper,
}

fn write(mut sink: Sink, inbox: &Receiver<Order>, theirs: Theirs) {
    let Theirs { queued, spare, events_queued, mut keeper } = theirs;
    let mut failing = false;
    for order in inbox {
        match order {
            Order::Lines(mut lines) => {
                let outcome = sink.write(&lines);
                queued.fetch_sub(lines.len(), Ordering::AcqRel);
                lines.clear();
                let mut spare = spare.lock();
                if spare.len() < SPARE_MAX {
                    spare.push(lines);
                }
                drop(spare);
                // Said once for a row of failures: the log about the log must not be a flood.
                match (outcome, failing) {
                    (Err(error), false) => tracing::error!(%error, "the access log cannot be written"),
                    (Ok(()), true) => tracing::info!("the access log can be written again"),
                    (Err(_), true) | (Ok(()), false) => continue,
                }
                failing = !failing;
            }
            Order::Events(events) => {
                keeper.write(&events);
                events_queued.fetch_sub(events.len(), Ordering::AcqRel);
            }
            Order::Keep(kept) => keeper.keep(kept),
            Order::Open(to) => match Sink::open(&to) {
                Ok(new) => sink = new,
                Err(error) => tracing::error!(%error, "the old access log stays in use"),
            },
            Order::Stop(done) => {
                let _ = done.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_of_a_panic_is_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let writer = Arc::new(Writer::start(&AccessTo::File(path.clone()), 1 << 20).unwrap());
        let log = CoreLog::new(Arc::clone(&writer));
        let half = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"hal");
            panic!("in the middle");
        };
        assert!(crate::panics::catch(|| log.line(half)).is_err());
        log.line(|out| out.extend_from_slice(b"one\n"));
        assert!(crate::panics::catch(|| log.line(half)).is_err());
        log.flush();
        log.line(|out| out.extend_from_slice(b"two\n"));
        log.flush();
        writer.stop();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn lines_arrive_in_order_and_a_moved_file_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let writer = Arc::new(Writer::start(&AccessTo::File(path.clone()), 1 << 20).unwrap());
        let log = CoreLog::new(Arc::clone(&writer));
        assert_eq!(log.line(|out| out.extend_from_slice(b"one\n")), 0);
        assert_eq!(log.line(|out| out.extend_from_slice(b"two\n")), 0);
        log.flush();
        writer.stop();
        let moved = folder.path().join("access.log.1");
        std::fs::rename(&path, &moved).unwrap();
        writer.reopen();
        log.line(|out| out.extend_from_slice(b"three\n"));
        log.flush();
        writer.stop();
        assert_eq!(std::fs::read_to_string(moved).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "three\n");
    }

    #[test]
    fn what_does_not_fit_the_queue_is_dropped_and_counted() {
        let writer = Arc::new(Writer::start(&AccessTo::Off, 10).unwrap());
        let log = CoreLog::new(Arc::clone(&writer));
        log.line(|out| out.extend_from_slice(b"0123456789"));
        assert_eq!(log.flush(), 0, "at the bound");
        writer.stop();
        log.line(|out| out.extend_from_slice(b"01234567890"));
        assert_eq!(log.flush(), 1, "one past it");
    }
}
