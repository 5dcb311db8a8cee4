//! A change: the taster reads the operator's files out of visitors' sight; what it finds good is taken into
//! the store and into service. Changes that come while one is being tasted are tasted together after it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rempart_base::Now;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::Control;
use super::rollout::Meant;
use super::rollout::counts::Counting;
use super::rollout::outcome::{Outcome, Refusal};
use crate::launch::Boot;
use crate::line::{AwaitedLine, Message, TasterEnd};
use crate::samples;
use crate::taste::report::{self, Problem, Report};

/// Wishes that wait. Whoever comes on top waits with its wish.
pub(super) const WISHES_MAX: usize = 64;
/// What the supervisor may take beyond the taster's own time to say how it ended.
const GRACE: Duration = Duration::from_secs(10);

/// That the files be read.
pub(super) struct Wish {
    meant: Meant,
    why: String,
    reply: Option<oneshot::Sender<Outcome>>,
}

/// Where wishes go.
#[derive(Clone)]
pub(super) struct Wishes(mpsc::Sender<Wish>);

impl Wishes {
    pub(super) fn channel() -> (Self, mpsc::Receiver<Wish>) {
        let (sender, receiver) = mpsc::channel(WISHES_MAX);
        (Self(sender), receiver)
    }

    /// Wishes, and does not wait for what comes of it.
    pub(super) fn wish(&self, why: &str) {
        let wish = Wish { meant: Meant::default(), why: why.to_owned(), reply: None };
        // Where there is no room, others wait that will have the files read later than now: that is the same.
        let _ = self.0.try_send(wish);
    }

    /// Wishes, and waits for what comes of it.
    pub(super) async fn fulfil(&self, meant: Meant, why: &str) -> Outcome {
        let (reply, answer) = oneshot::channel();
        let wish = Wish { meant, why: why.to_owned(), reply: Some(reply) };
        let _ = self.0.send(wish).await;
        answer
            .await
            .unwrap_or_else(|_| Outcome::Refused(Refusal::TasterEnded("this edge is stopping".into())))
    }
}

/// What became of the reloads so far.
#[derive(Default)]
pub(super) struct Reloads {
    pub(super) applied: u64,
    pub(super) unchanged: u64,
    pub(super) refused: u64,
    pub(super) last: Option<Last>,
    /// The newest report of the taster, which also says what is watched and which zones are held back.
    pub(super) report: Option<Report>,
}

impl Reloads {
    /// At the start, the supervisor's taster has already read the files for an edge that begins with its
    /// candidate.
    pub(super) fn at_start(data_dir: &Path, boot: Boot) -> Self {
        let report = (boot == Boot::Candidate).then(|| Report::read(data_dir).ok()).flatten();
        Self { report, ..Self::default() }
    }
}

/// The last one.
pub(super) struct Last {
    pub(super) at: Now,
    pub(super) took: Duration,
    pub(super) refusal: Option<Refusal>,
}

/// Fulfils wishes, one batch after the other.
pub(super) async fn serve(control: Arc<Control>, line: AwaitedLine, mut wishes: mpsc::Receiver<Wish>) {
    let mut tasting = Tasting { line, last: 0 };
    while let Some(first) = wishes.recv().await {
        let mut batch = vec![first];
        while let Ok(more) = wishes.try_recv() {
            batch.push(more);
        }
        let meant = batch.iter().fold(Meant::default(), |all, wish| Meant {
            force: all.force || wish.meant.force,
            confirm: wish.meant.confirm.or(all.confirm),
        });
        let why = batch.last().map(|wish| wish.why.clone()).unwrap_or_default();
        let began = Now::read();
        if meant.force {
            forgive_zones(&control).await;
        }
        let end = tasting.taste(&control).await;
        let taking = Arc::clone(&control);
        // Reading a release of 50,000 zones takes a while; metrics can be read meanwhile.
        let outcome = tokio::task::spawn_blocking(move || taking.take(end, meant, began, &why)).await;
        let outcome = outcome
            .unwrap_or_else(|panic| Outcome::Refused(Refusal::TasterEnded(format!("taking it: {panic}"))));
        for reply in batch.into_iter().filter_map(|wish| wish.reply) {
            // Who asked may have gone.
            let _ = reply.send(outcome.clone());
        }
    }
}

/// Before the taste, because the taster holds them back.
async fn forgive_zones(control: &Arc<Control>) {
    let control = Arc::clone(control);
    let forgiven = tokio::task::spawn_blocking(move || control.rollout.lock().store.forgive_zones()).await;
    if let Err(error) = forgiven.map_err(io::Error::other).flatten() {
        tracing::error!(%error, "zones that were rolled back stay refused");
    }
}

/// The line to the supervisor, which has the tasters.
struct Tasting {
    line: AwaitedLine,
    last: u64,
}

impl Tasting {
    async fn taste(&mut self, control: &Control) -> TasterEnd {
        self.last += 1;
        let patience = control.newest().settings.taster_timeout + GRACE;
        if let Err(error) =
            samples::write(&control.data_dir, control.workers.iter().map(|core| &core.metrics))
        {
            tracing::warn!(%error, "no recent requests are tried on the next release");
        }
        if let Err(error) = self.line.say(Message::Taste(self.last)).await {
            tracing::error!(%error, "the supervisor cannot be asked for a taster");
            return TasterEnd::NotStarted;
        }
        timeout(patience, self.answer()).await.unwrap_or(TasterEnd::TimedOut)
    }

    async fn answer(&self) -> TasterEnd {
        loop {
            match self.line.heard().await {
                Ok(Message::Tasted(id, end)) if id == self.last => return end,
                // An answer to a question that was given up.
                Ok(Message::Tasted(..) | Message::Taste(_)) => {}
                Err(_) => return TasterEnd::NotStarted,
            }
        }
    }
}

impl Control {
    fn take(&self, end: TasterEnd, meant: Meant, began: Now, why: &str) -> Outcome {
        let outcome = match self.found(end) {
            Ok(report) => {
                let mut rollout = self.rollout.lock();
                let outcome = rollout.consider(
                    report.hash.as_deref().unwrap_or_default(),
                    meant,
                    &Counting::of(&self.workers),
                    Now::read(),
                );
                if matches!(outcome, Outcome::Applied { .. }) {
                    self.apply(rollout.running());
                }
                drop(rollout);
                self.keep(report);
                outcome
            }
            Err(refusal) => Outcome::Refused(refusal),
        };
        self.note(&outcome, began, why);
        outcome
    }

    /// The taster's report, if it found the files good.
    fn found(&self, end: TasterEnd) -> Result<Report, Refusal> {
        match end {
            TasterEnd::Exited(0) => {}
            TasterEnd::Exited(code) => return Err(Refusal::TasterEnded(format!("exit code {code}"))),
            TasterEnd::Killed(signal) => return Err(Refusal::TasterEnded(format!("signal {signal}"))),
            TasterEnd::TimedOut => {
                return Err(Refusal::TasterEnded("it had not ended after taster.timeout_ms".to_owned()));
            }
            TasterEnd::NotStarted => return Err(Refusal::TasterEnded("it could not be started".to_owned())),
        }
        let report = Report::read(&self.data_dir).map_err(|error| Refusal::TasterEnded(error.to_string()))?;
        match report.outcome {
            report::Outcome::Good => Ok(report),
            report::Outcome::Refused => {
                let diagnostics: Vec<Value> =
                    report.diagnostics.iter().filter_map(|d| serde_json::to_value(d).ok()).collect();
                let refusal = match (&report.why, diagnostics.is_empty()) {
                    (Some(why), true) => Refusal::Tasted(why.clone()),
                    (_, _) => Refusal::Told(diagnostics),
                };
                self.keep(report);
                Err(refusal)
            }
        }
    }

    fn keep(&self, report: Report) {
        self.reloads.lock().report = Some(report);
        self.watched_changed.notify_one();
    }

    fn note(&self, outcome: &Outcome, began: Now, why: &str) {
        let took = Now::mono() - began.mono;
        let mut reloads = self.reloads.lock();
        let was_refused = reloads.last.as_ref().is_some_and(|last| last.refusal.is_some());
        let mut refusal = None;
        match outcome {
            Outcome::Applied { snapshot, difference } => {
                reloads.applied += 1;
                let (added, changed, removed) =
                    (difference.added.len(), difference.changed.len(), difference.removed.len());
                let (release, zones, settings) =
                    (snapshot.number, snapshot.zones().len(), difference.settings);
                tracing::info!(release, zones, added, changed, removed, settings, ?took, why, "reloaded");
                for (what, names) in [
                    ("added", &difference.added),
                    ("changed", &difference.changed),
                    ("removed", &difference.removed),
                ] {
                    if !names.is_empty() {
                        tracing::info!(release, what, zones = first(names), "difference");
                    }
                }
                snapshot.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                let text = format!("{added} zones added, {changed} changed, {removed} removed; it bakes");
                self.events.note("applied", Some(release), text);
            }
            Outcome::Unchanged(_) => {
                reloads.unchanged += 1;
                if was_refused {
                    tracing::info!(why, "the configuration is right again, and what runs already");
                }
                tracing::debug!(?took, why, "nothing has changed");
            }
            Outcome::Refused(what) => {
                reloads.refused += 1;
                let problems = reloads.report.as_ref().filter(|_| matches!(what, Refusal::Told(_)));
                let problems = problems.map(|report| shown(&report.diagnostics)).unwrap_or_default();
                tracing::error!("{what} ({why})\n{problems}");
                self.events.note(what.kind(), None, what.to_string());
                refusal = Some(what.clone());
            }
        }
        if !matches!(outcome, Outcome::Refused(_)) {
            let held = reloads.report.iter().flat_map(|report| &report.held);
            for held in held {
                tracing::error!(
                    zone = held.zone,
                    file = held.file,
                    line = held.line,
                    has_version = held.has_version,
                    "this zone is held back; the others have moved on\n{}",
                    shown(&held.diagnostics)
                );
            }
        }
        reloads.last = Some(Last { at: began, took, refusal });
    }
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A few names of many.
fn first(names: &[Arc<str>]) -> String {
    const SHOWN: usize = 20;
    let mut text = names.iter().take(SHOWN).map(|name| &**name).collect::<Vec<_>>().join(" ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
