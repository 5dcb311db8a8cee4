//! One worker: a thread with a runtime of its own, which accepts and serves. A request never changes
//! threads; a connection may, before its first byte is read.

mod alive;
mod http2;
mod lanes;

use std::future::{Future as _, poll_fn};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use rempart_base::Now;
use rempart_io::{Socket, Stream};
use rempart_wire::{Door, Guest, Http1, Http2, Next, Peer, Turned, Visitor, welcome};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::spawn_local;
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::alive::Alive;
use crate::budgets::admission;
use crate::core::Core;
use crate::exchange::Exchange;
use crate::forward::Client;
use crate::incidents::{Kind, Place};
use crate::metrics::CoreMetrics;
use crate::page::Slot;
use crate::panics::{self, Panic};
use crate::pipeline::StageSet;
use crate::running::Running;

/// How often a core hands its log over and looks after its idle connections.
const TICK: Duration = Duration::from_millis(100);
/// How many ticks are between two sweeps of idle connections.
const SWEEP_TICKS: u32 = 5;
/// After a failed accept (descriptors have run out, say) the next is tried when a connection has closed,
/// or after this time: the queue is left for a moment, the core does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a worker is told.
pub enum Order {
    /// A connection that another core accepted; its place is counted already.
    Serve(std::net::TcpStream, Arc<Door>),
    /// A connection from inside this process, not blocking, through no door: who is at its other end is said.
    Inside(UnixStream, Peer),
    /// New exchanges run on this; the named zones are in none of it.
    Swap(Arc<Running>, Arc<[Arc<str>]>),
    /// These stages are switched off for the zone of this name, and no others: an operator's act.
    Switch(Arc<str>, StageSet),
    /// Fail at some place.
    #[cfg(feature = "fault")]
    Fault(crate::fault::Injection),
    /// Stop accepting; idle connections close, the others end their exchange within this time.
    Drain(Duration),
}

/// One of the workers, as the others and the control thread see it.
#[derive(Clone)]
pub struct Handle {
    /// Where its orders go.
    pub orders: UnboundedSender<Order>,
    /// What it counts.
    pub metrics: Arc<CoreMetrics>,
    /// Its slot of the page: its heartbeat.
    pub slot: &'static Slot,
}

/// A listening socket of this worker.
pub struct Listening {
    /// The socket.
    pub socket: std::net::TcpListener,
    /// What its connections begin with.
    pub door: Arc<Door>,
}

/// What a worker is made of.
pub struct Worker {
    /// Its place in `all`.
    pub index: usize,
    /// Every worker, this one too.
    pub all: Arc<[Handle]>,
    /// Its own.
    pub core: Core,
    /// Where it accepts.
    pub listening: Vec<Listening>,
    /// Its orders.
    pub orders: UnboundedReceiver<Order>,
}

struct Local {
    core: Rc<Core>,
    index: usize,
    all: Arc<[Handle]>,
    alive: Alive,
    closed: Notify,
}

/// Runs until it is drained.
pub async fn run(worker: Worker) {
    let Worker { index, all, core, listening, mut orders } = worker;
    let local =
        Rc::new(Local { core: Rc::new(core), index, alive: Alive::of(&all), all, closed: Notify::new() });
    panics::guard_this_thread();
    // What was ordered before the first visitor holds for the first visitor.
    let early = std::iter::from_fn(|| orders.try_recv().ok());
    let mut patience = early.fold(None, |patience, order| patience.or(local.obey(order)));
    let accepting: Vec<_> =
        listening.into_iter().map(|listening| spawn_local(accept(Rc::clone(&local), listening))).collect();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    let patience = loop {
        if let Some(patience) = patience {
            break patience;
        }
        tokio::select! {
            order = orders.recv() => patience = order.map_or(Some(Duration::ZERO), |order| local.obey(order)),
            _ = ticks.tick() => {
                count = count.wrapping_add(1);
                local.tick(count.is_multiple_of(SWEEP_TICKS));
            }
        }
    };
    accepting.into_iter().for_each(|task| task.abort());
    orders.close();
    while let Some(order) = orders.recv().await {
        if let Order::Serve(tcp, door) = order {
            local.adopt(tcp, door);
        }
    }
    local.core.drain.begin();
    let emptied = async {
        while local.core.drain.guests() > 0 {
            tokio::select! {
                () = local.closed.notified() => {}
                _ = ticks.tick() => local.tick(false),
            }
        }
    };
    if timeout(patience, emptied).await.is_err() {
        tracing::warn!(worker = local.index, open = local.core.drain.guests(), "the drain's time is over");
    }
    local.core.flush_log();
}

/// Runs a worker's thread to its end. A panic of the thread itself ends the process, loudly: its socket would
/// still get its share of the connections, and nobody would accept them. The supervisor starts another
/// process.
pub fn or_abort(index: usize, work: impl FnOnce()) {
    if let Err(panic) = panics::catch(work) {
        tracing::error!(worker = index, text = ?panic.text, "a worker's thread panicked; this process ends");
        std::process::abort();
    }
}

async fn accept(local: Rc<Local>, listening: Listening) {
    let listener = match TcpListener::from_std(listening.socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, address = %listening.door.address, "cannot accept"),
    };
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => {
                failing = false;
                local.guarded("accept", || local.accepted(tcp, &listening.door));
            }
            // The visitor gave up while it waited in the queue.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, address = %listening.door.address, "accepting failed");
                }
                admission::exhausted(&local.core);
                let _ = timeout(ACCEPT_PAUSE, local.closed.notified()).await;
            }
        }
    }
}

impl Local {
    /// Obeys an order. Answers with the patience of a drain, if that was the order.
    fn obey(self: &Rc<Self>, order: Order) -> Option<Duration> {
        if let Order::Drain(patience) = order {
            return Some(patience);
        }
        self.guarded("order", || match order {
            Order::Serve(tcp, door) => self.adopt(tcp, door),
            Order::Inside(unix, peer) => self.inside(unix, peer),
            Order::Swap(running, gone) => self.core.swap(&running, &gone),
            Order::Switch(zone, off) => self.core.switch(&zone, off),
            #[cfg(feature = "fault")]
            Order::Fault(injection) => self.core.faults.take(injection),
            Order::Drain(_) => {}
        });
        None
    }

    /// What is done ten times a second.
    fn tick(&self, sweeps: bool) {
        self.core.slot.beat();
        self.alive.look(&self.all);
        #[cfg(feature = "fault")]
        self.core.faults.meet("worker", "", |_| {});
        self.guarded("tick", || {
            #[cfg(feature = "fault")]
            self.core.faults.meet("tick", "", |_| {});
            self.core.tick();
            self.core.flush_log();
            admission::close_what_is_due(&self.core);
            if sweeps {
                self.core.sweep(Now::mono());
            }
        });
    }

    /// Does something that is no exchange's. If it panics, the worker goes on without it.
    fn guarded(&self, part: &'static str, act: impl FnOnce()) {
        if let Err(panic) = panics::catch(act) {
            self.panicked(part, panic);
        }
    }

    #[cold]
    fn panicked(&self, part: &'static str, panic: Panic) {
        let place = Place { release: 0, zone: "".into(), stage: part, rule: "".into() };
        self.core.metrics.incidents.note(Kind::Panic, place, panic.text, Now::read());
    }

    fn open_on(&self, index: usize) -> &AtomicUsize {
        // An index beyond the end could only be a bug of ours; this worker's own count is harmless.
        self.all.get(index).map_or(&self.core.metrics.connections, |other| &other.metrics.connections)
    }

    /// Serves a connection here, or hands it to the worker with the fewest: the kernel spreads
    /// connections over sockets by a hash, which leaves some cores with twice the share of others. One that
    /// is stuck is handed none, however few it has.
    fn accepted(self: &Rc<Self>, tcp: TcpStream, door: &Arc<Door>) {
        self.core.metrics.accepted.add(1);
        let loads = self.all.iter().map(|other| other.metrics.connections.load(Ordering::Relaxed));
        let (total, least) =
            loads.enumerate().fold((0, (usize::MAX, self.index)), |(total, least), (index, load)| {
                let least = if self.alive.is(index) { least.min((load, index)) } else { least };
                (total + load, least)
            });
        let others = self.all.iter().enumerate().filter(|(index, _)| self.alive.is(*index));
        if !admission::admits(&self.core, others.map(|(_, other)| other), &tcp, total) {
            return admission::turn_away(&self.core, &tcp);
        }
        let own = self.open_on(self.index).load(Ordering::Relaxed);
        let (load, index) = least;
        if own <= load {
            self.open_on(self.index).fetch_add(1, Ordering::Relaxed);
            return self.serve(tcp, Arc::clone(door));
        }
        let Ok(tcp) = tcp.into_std() else { return };
        self.open_on(index).fetch_add(1, Ordering::Relaxed);
        self.core.metrics.handed_over.add(1);
        let order = Order::Serve(tcp, Arc::clone(door));
        let refused = self.all.get(index).and_then(|other| other.orders.send(order).err());
        if let Some(tokio::sync::mpsc::error::SendError(Order::Serve(tcp, door))) = refused {
            // That worker has stopped. The place goes with the connection.
            self.open_on(index).fetch_sub(1, Ordering::Relaxed);
            self.open_on(self.index).fetch_add(1, Ordering::Relaxed);
            self.adopt(tcp, door);
        }
    }

    fn adopt(self: &Rc<Self>, tcp: std::net::TcpStream, door: Arc<Door>) {
        match TcpStream::from_std(tcp) {
            Ok(tcp) => self.serve(tcp, door),
            Err(error) => {
                tracing::warn!(%error, "a connection was lost between two cores");
                self.open_on(self.index).fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn inside(self: &Rc<Self>, unix: UnixStream, peer: Peer) {
        let Ok(unix) = tokio::net::UnixStream::from_std(unix) else { return };
        self.open_on(self.index).fetch_add(1, Ordering::Relaxed);
        let (seat, stream) = (Seat(Rc::clone(self)), Stream::Plain(Socket::Unix(unix)));
        let limits = Arc::clone(&self.core.stable().settings.limits);
        let mut http1 = Http1::new(stream, peer, limits, self.core.drain.enter());
        seat.serve(async move |core| converse(core, &mut http1).await);
    }

    fn serve(self: &Rc<Self>, tcp: TcpStream, door: Arc<Door>) {
        // On the roll from now on, and not only when its task runs first: a drain waits for those on the roll.
        let guest = self.core.drain.enter();
        Seat(Rc::clone(self)).serve(async move |core| connection(core, tcp, door, guest).await);
    }
}

/// A connection's seat in the count; given back however its task ends.
struct Seat(Rc<Local>);

impl Seat {
    /// Serves a connection to its end, or to its panic, in a task of its own.
    fn serve(self, connection: impl AsyncFnOnce(&Rc<Core>) + 'static) {
        spawn_local(async move {
            if let Err(panic) = panics::caught(pin!(connection(&self.0.core))).await {
                self.0.panicked("connection", panic);
            }
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.open_on(self.0.index).fetch_sub(1, Ordering::Relaxed);
        self.0.closed.notify_one();
    }
}

async fn connection(core: &Rc<Core>, tcp: TcpStream, door: Arc<Door>, guest: Guest) {
    let limits = Arc::clone(&core.stable().settings.limits);
    // The handshake's future is large and short-lived: it does not stay in the task's own memory.
    let mut welcoming = Box::pin(welcome(tcp, &door, &limits));
    let welcomed = poll_fn(|cx| match welcoming.as_mut().poll(cx) {
        Poll::Ready(welcomed) => Poll::Ready(Some(welcomed)),
        Poll::Pending => guest.poll_told(cx).map(|()| None),
    });
    guest.rest_fresh(Now::mono());
    let (stream, peer) = match welcomed.await {
        Some(Ok(welcomed)) => welcomed,
        Some(Err(Turned::ProxyHeader | Turned::Tls | Turned::Socket)) => {
            return core.metrics.turned_away.add(1);
        }
        // It has taken its time, and others need its place.
        None => return,
    };
    drop(welcoming);
    drop(door);
    if peer.tls.as_ref().is_some_and(|tls| tls.is_http2) {
        return http2::converse(core, Http2::new(stream, peer, &limits, guest)).await;
    }
    converse(core, &mut Http1::new(stream, peer, limits, guest)).await;
}

/// One exchange after the other, until the connection closes.
async fn converse(core: &Rc<Core>, http1: &mut Http1) {
    loop {
        let next = http1.next().await;
        if matches!(next, Next::Closed) {
            return;
        }
        let pinned = core.pin(|stable| Client::of(http1.head(), http1.peer(), stable).ip);
        match next {
            Next::Closed => return,
            Next::Request => {
                core.metrics.samples.pass(http1.head());
                http1.use_limits(&pinned.settings.limits);
                let mut exchange = Exchange::new(core, &pinned, http1);
                exchange.run().await;
            }
            Next::Refused { fault, readable } => {
                let mut exchange = Exchange::new(core, &pinned, http1);
                exchange.refuse(fault, readable).await;
            }
        }
        drop(pinned);
        if !http1.end_exchange().await {
            return;
        }
    }
}
