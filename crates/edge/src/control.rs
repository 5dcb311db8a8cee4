//! The thread beside the workers: reload, signals, the control socket, the admin endpoint. What it does
//! never stands in a visitor's way; if it is busy, visitors do not notice.

mod admin;
mod budgets;
mod counts;
mod ctl;
mod events;
mod inlets;
mod purge;
mod reload;
mod retired;
mod rollout;
mod status;
mod taken_back;
mod watch;
mod zones;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rempart_base::Now;
use rempart_config::{Settings, Snapshot};
use rempart_releases::{Audit, Who};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use self::events::Events;
pub use self::inlets::Inlets;
use self::reload::{Reloads, Wish, Wishes};
use self::retired::Retired;
pub(crate) use self::rollout::Rollout;
pub(crate) use self::rollout::boot::{Note, boot};
use self::taken_back::TakenBack;
use crate::access_log::Writer;
use crate::budgets::Budgets;
use crate::cache::CacheTier;
use crate::launch::{Boot, OnReady};
use crate::line::Line;
use crate::panics;
use crate::pipeline::{self, StageSet};
use crate::purging::Purging;
use crate::running::Running;
use crate::worker::{Handle, Order};

/// What the control thread works with.
pub struct Control {
    data_dir: PathBuf,
    rollout: Mutex<Rollout>,
    running: Arc<ArcSwap<Running>>,
    retired: Retired,
    taken_back: TakenBack,
    workers: Arc<[Handle]>,
    writer: Arc<Writer>,
    cache: Arc<CacheTier>,
    purging: Purging,
    started: Now,
    started_with: Arc<Settings>,
    generation: u64,
    reloads: Mutex<Reloads>,
    /// The folders to watch may be others now.
    watched_changed: Notify,
    wishes: Wishes,
    events: Events,
    budgets: Mutex<Budgets>,
    audit: Audit,
    turns_away: AtomicBool,
}

/// What the control thread is made of.
pub struct Beginning {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// What runs, as everybody sees it.
    pub running: Arc<ArcSwap<Running>>,
    /// Every worker.
    pub workers: Arc<[Handle]>,
    /// The access log.
    pub writer: Arc<Writer>,
    /// What is stored.
    pub cache: Arc<CacheTier>,
    /// Who purges it.
    pub purging: Purging,
    /// The how-manieth edge of its supervisor this is.
    pub generation: u64,
    /// What it began with.
    pub boot: Boot,
    /// To the supervisor.
    pub line: Line,
    /// What the process may take.
    pub budgets: Budgets,
}

impl Control {
    fn new(beginning: Beginning, rollout: Rollout, notes: Vec<Note>) -> (Self, Inbox) {
        let Beginning { data_dir, running, workers, writer, cache, purging, generation, boot, line, budgets } =
            beginning;
        let started_with = Arc::clone(&rollout.newest().snapshot.settings);
        let (wishes, inbox) = Wishes::channel();
        let (events, audit) = (Events::default(), Audit::of(&data_dir));
        for note in notes {
            write_down(&audit, &note);
            tracing::warn!(release = note.release, kind = note.kind, "{}", note.text);
            events.note(note.kind, note.release, note.text);
        }
        let control = Self {
            audit,
            reloads: Mutex::new(Reloads::at_start(&data_dir, boot)),
            rollout: Mutex::new(rollout),
            started: Now::read(),
            watched_changed: Notify::new(),
            turns_away: AtomicBool::new(false),
            data_dir,
            running,
            retired: Retired::default(),
            taken_back: TakenBack::default(),
            workers,
            writer,
            cache,
            purging,
            started_with,
            generation,
            budgets: Mutex::new(budgets),
            wishes,
            events,
        };
        (control, Inbox { line, wishes: inbox, boot })
    }

    /// The release in force; while it bakes on a share of the visitors, that one.
    fn newest(&self) -> Arc<Snapshot> {
        Arc::clone(self.running.load().newest())
    }

    /// What visitors run on from now on. Each exchange that has begun stays with what it began with.
    fn apply(&self, running: Running) {
        let running = Arc::new(running);
        let old = self.running.swap(Arc::clone(&running));
        self.retired.hold(old.each());
        let is_gone = |name: &Arc<str>| running.each().all(|snapshot| snapshot.zone_named(name).is_none());
        let names = old.each().flat_map(|snapshot| snapshot.zones()).map(|zone| &zone.name);
        let mut gone: Vec<Arc<str>> = names.filter(|name| is_gone(name)).cloned().collect();
        gone.sort_unstable();
        gone.dedup();
        let gone: Arc<[Arc<str>]> = gone.into();
        self.tell(|| Order::Swap(Arc::clone(&running), Arc::clone(&gone)));
        let log = &running.newest().settings.log;
        self.writer.configure(&log.access.to, log.access.queue_bytes_max);
        self.writer.keep_events(&self.data_dir, log.security_events_max);
        for key in self.waiting_for_restart() {
            tracing::warn!(key, "this change takes effect when Rempart is started again");
        }
    }

    /// The keys whose present values differ from those that the process was started with, and that it
    /// cannot change while it runs.
    fn waiting_for_restart(&self) -> Vec<&'static str> {
        let (started, now) = (&self.started_with, &self.newest().settings);
        let keys = [
            ("listen", started.listen != now.listen),
            ("workers", started.workers != now.workers),
            ("user", started.user != now.user),
            ("data_dir", started.data_dir != now.data_dir),
            ("admin.listen", started.admin != now.admin),
            ("log.level", started.log.level != now.log.level),
            ("supervisor.crash_window_ms", started.crash_window != now.crash_window),
            ("upgrade.ready_ms", started.upgrade_ready != now.upgrade_ready),
            ("cache", started.cache != now.cache),
            ("taster.timeout_ms", started.taster_timeout != now.taster_timeout),
            ("taster.memory_bytes_max", started.taster_memory_bytes_max != now.taster_memory_bytes_max),
        ];
        keys.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
    }

    /// Tells balancers in front, by `/healthz`, that this edge wants no more visitors; it serves those who
    /// come all the same.
    fn turn_visitors_away(&self, on: bool) {
        self.turns_away.store(on, Ordering::Relaxed);
        tracing::warn!(on, "by order: /healthz says that this edge is draining");
    }

    /// Orders come to this edge from now on; those that the one before has carried out since this one has read
    /// the store are not lost.
    fn catch_up(&self) {
        let mut rollout = self.rollout.lock();
        match rollout.catch_up() {
            Ok(true) => {
                let release = rollout.newest().release.number;
                tracing::warn!(release, "the edge before has put this release in force meanwhile");
                self.apply(rollout.running());
            }
            Ok(false) => {}
            Err(refusal) => tracing::error!("what the edge before has put in force: {refusal}"),
        }
        drop(rollout);
        self.send_all_switches();
    }

    fn send_all_switches(&self) {
        let rollout = self.rollout.lock();
        let mut zones: Vec<&str> = rollout.store.switches().map(|switch| switch.zone.as_str()).collect();
        zones.dedup();
        zones.into_iter().for_each(|zone| self.send_switches(&rollout, zone));
    }

    /// The stages that are switched off for a zone.
    fn send_switches(&self, rollout: &Rollout, zone: &str) {
        let off = rollout.store.switches().filter(|switch| switch.zone == zone);
        let off = off.filter_map(|switch| pipeline::stage_named(&switch.stage));
        let off = off.fold(StageSet::NONE, StageSet::with);
        let zone: Arc<str> = zone.into();
        self.tell(|| Order::Switch(Arc::clone(&zone), off));
    }

    fn drain(&self) {
        let patience = self.newest().settings.limits.drain_timeout;
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

/// What an edge has decided at its start by itself stands in the audit log beside what people decide.
fn write_down(audit: &Audit, note: &Note) {
    let what = match note.kind {
        "rolled-back" => "rollback",
        "crash-loop" | "tasted" => note.kind,
        _ => return,
    };
    let details = json!({"from": note.release, "at_start": true});
    if let Err(error) = audit.append(&Who::this_process(), what, &note.text, &details) {
        tracing::error!(%error, what, "the audit log cannot be written");
    }
}

/// What comes to the control thread.
struct Inbox {
    line: Line,
    wishes: mpsc::Receiver<Wish>,
    boot: Boot,
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
pub(crate) fn run(
    beginning: Beginning,
    rollout: Rollout,
    notes: Vec<Note>,
    inlets: Inlets,
    on_ready: OnReady,
) {
    panics::watch();
    let (control, inbox) = Control::new(beginning, rollout, notes);
    let control = Arc::new(control);
    let drain = DrainAtEnd(Arc::clone(&control));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return on_ready(Err(format!("the control thread has no runtime: {error}"))),
    };
    if let Err(error) = inlets.publish() {
        return on_ready(Err(error.to_string()));
    }
    control.catch_up();
    runtime.block_on(async move {
        let Inbox { line, wishes, boot } = inbox;
        let line = match line.awaited() {
            Ok(line) => line,
            Err(error) => return on_ready(Err(format!("the line to the supervisor: {error}"))),
        };
        let ctl = tokio::spawn(ctl::serve(Arc::clone(&control), inlets.ctl));
        let admin = inlets.admin.map(|listener| tokio::spawn(admin::serve(Arc::clone(&control), listener)));
        let watch = tokio::spawn(watch::files(Arc::clone(&control)));
        let reload = tokio::spawn(reload::serve(Arc::clone(&control), line, wishes));
        let bake = tokio::spawn(rollout::watch::serve(Arc::clone(&control)));
        let budgets = tokio::spawn(budgets::serve(Arc::clone(&control)));
        if let Err(error) = signals(&control, boot, on_ready).await {
            tracing::error!(%error, "signals cannot be received");
        }
        drop(drain);
        for task in [ctl, watch, reload, bake, budgets] {
            task.abort();
        }
        // Metrics can be read as long as something is served.
        if let Some(admin) = admin {
            let _ = admin.await;
        }
    });
}

/// Says that visitors are served, and obeys signals until the order to stop.
async fn signals(control: &Arc<Control>, boot: Boot, on_ready: OnReady) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    on_ready(Ok(()));
    if boot != Boot::Candidate {
        // The files may have changed while nobody watched them.
        control.wishes.wish("this edge has started");
    }
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => control.wishes.wish("SIGHUP"),
            _ = reopen.recv() => control.writer.reopen(),
        }
    }
    Ok(())
}
