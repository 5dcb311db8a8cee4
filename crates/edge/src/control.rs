//! The thread beside the workers: reload, signals, the control socket, the admin endpoint. What it does
//! never stands in a visitor's way; if it is busy, visitors do not notice.

mod admin;
mod ctl;
mod inlets;
mod reload;
mod status;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rempart_base::Now;
use rempart_config::{Compiler, Settings};
use tokio::signal::unix::{SignalKind, signal};

pub use self::inlets::Inlets;
use self::reload::Reloads;
use crate::access_log::Writer;
use crate::launch::OnReady;
use crate::running::Running;
use crate::worker::{Handle, Order};

/// What the control thread works with.
pub struct Control {
    compiler: Mutex<Compiler>,
    current: Arc<ArcSwap<Running>>,
    workers: Arc<[Handle]>,
    writer: Arc<Writer>,
    started: Now,
    started_with: Arc<Settings>,
    reloads: Mutex<Reloads>,
}

/// Panics of this process. A panic costs one connection; this says that it happened.
static PANICS: AtomicU64 = AtomicU64::new(0);

impl Control {
    /// Control over these workers.
    #[must_use]
    pub fn new(
        compiler: Compiler,
        current: Arc<ArcSwap<Running>>,
        workers: Arc<[Handle]>,
        writer: Arc<Writer>,
    ) -> Self {
        let started_with = Arc::clone(&current.load().newest().settings);
        let (compiler, reloads) = (Mutex::new(compiler), Mutex::default());
        Self { compiler, current, workers, writer, started: Now::read(), started_with, reloads }
    }

    fn drain(&self) {
        let patience = self.current.load().newest().settings.limits.drain_timeout;
        tracing::info!(?patience, "draining");
        self.tell(|| Order::Drain(patience));
    }

    fn tell(&self, order: impl Fn() -> Order) {
        for worker in self.workers.iter() {
            // A worker that has ended needs no orders.
            let _ = worker.orders.send(order());
        }
    }
}

/// However the control thread ends, the workers are told to: a process that nobody can stop or change any
/// more is left to its supervisor, which starts another.
struct DrainAtEnd(Arc<Control>);

impl Drop for DrainAtEnd {
    fn drop(&mut self) {
        self.0.drain();
    }
}

/// Runs the control thread. It ends with the process.
pub fn run(control: Control, inlets: Inlets, on_ready: OnReady) {
    count_panics();
    let control = Arc::new(control);
    let drain = DrainAtEnd(Arc::clone(&control));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return on_ready(Err(format!("the control thread has no runtime: {error}"))),
    };
    if let Err(error) = inlets.publish() {
        return on_ready(Err(error.to_string()));
    }
    runtime.block_on(async move {
        let ctl = tokio::spawn(ctl::serve(Arc::clone(&control), inlets.ctl));
        let admin = inlets.admin.map(|listener| tokio::spawn(admin::serve(Arc::clone(&control), listener)));
        let watch = tokio::spawn(watch::files(Arc::clone(&control)));
        if let Err(error) = signals(&control, on_ready).await {
            tracing::error!(%error, "signals cannot be received");
        }
        drop(drain);
        ctl.abort();
        watch.abort();
        // Metrics can be read as long as something is served.
        if let Some(admin) = admin {
            let _ = admin.await;
        }
    });
}

/// Says that visitors are served, and obeys signals until the order to stop.
async fn signals(control: &Arc<Control>, on_ready: OnReady) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    on_ready(Ok(()));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                reload::reload(control, "SIGHUP").await;
            }
            _ = reopen.recv() => control.writer.reopen(),
        }
    }
    Ok(())
}

fn count_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        before(info);
    }));
}
