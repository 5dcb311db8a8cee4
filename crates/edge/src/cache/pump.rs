//! Moves an answer's body from the origin to all who read it, and into the store.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use rempart_cache::fill::{Finished, Manner, Room, Writer};
use rempart_cache::object::{Response, Slice};
use rempart_cache::purge::{Begun, Purged};
use rempart_cache::{Entry, Object, Stored};
use rempart_io::Deadline;
use rempart_origin::Connection;
use tokio::task::spawn_local;

use crate::core::Core;
use crate::incidents::{Kind, Place};
use crate::panics;

/// Moves what has come already, and the rest in a task of its own: no visitor's leaving ends it.
pub fn start(core: &Rc<Core>, mut pump: Pump) {
    // Most small bodies have come together with their head.
    if let Poll::Ready(moved) = pump.poll_move(core, &mut Context::from_waker(Waker::noop())) {
        return pump.end(core, moved);
    }
    let core = Rc::clone(core);
    spawn_local(async move {
        // A core that drains waits for it: visitors read from it.
        let _guest = core.drain.enter();
        let moved = panics::caught(pin!(poll_fn(|cx| pump.poll_move(&core, cx)))).await;
        match moved {
            Ok(moved) => pump.end(&core, moved),
            Err(panic) => {
                let place = Place { release: 0, zone: "".into(), stage: "fill", rule: "".into() };
                core.metrics.incidents.note(Kind::Panic, place, panic.text, core.now());
            }
        }
    });
}

/// A slice in more pieces than this keeps only what came last.
const STRETCHES_MAX: usize = 64;

/// A body on its way.
pub struct Pump {
    /// From where.
    pub connection: Connection,
    /// To whom.
    pub writer: Writer,
    /// Of what.
    pub object: Arc<Object>,
    /// When its fetch began, for purges: until it is stored.
    pub begun: Begun,
    /// For how long it waits for whom.
    patience: Patience,
}

impl Pump {
    /// Of a body of which nothing has been moved.
    #[must_use]
    pub fn new(connection: Connection, writer: Writer, object: Arc<Object>, begun: Begun) -> Self {
        Self { connection, writer, object, begun, patience: Patience::default() }
    }
}

/// A fetch that waits so long for its readers gives way, if others need what it holds: its readers have the rest
/// fetched when they want it. What cannot be fetched again leaves behind those for whom all others have waited so long.
const STALLED: Duration = Duration::from_secs(30);
/// So long a fetch goes on for nobody.
const FOR_NOBODY: Duration = Duration::from_secs(60);

/// For how long a fetch waits.
#[derive(Default)]
struct Patience {
    stalled: Deadline,
    is_stalled: bool,
    for_nobody: Deadline,
    is_for_nobody: bool,
}

impl Patience {
    fn goes_on(&mut self) {
        if self.is_stalled {
            self.is_stalled = false;
            self.stalled.clear();
        }
    }

    /// Readers are waited for. Whether the fetch is to give way.
    fn is_stalled(&mut self, writer: &mut Writer, core: &Core, cx: &mut Context<'_>) -> bool {
        if !self.is_stalled {
            self.is_stalled = true;
            self.stalled.set(core.now().mono + STALLED);
        }
        if self.stalled.poll_passed(cx).is_pending() {
            return false;
        }
        self.is_stalled = false;
        match writer.manner() {
            Manner::Detached => writer.leave_behind(),
            Manner::Sliced if core.cache.fills.is_pressed() => return true,
            Manner::Sliced | Manner::Whole => {}
        }
        // It looks again after the same time.
        cx.waker().wake_by_ref();
        false
    }

    /// Whether nobody reads, and has not for long.
    fn is_over(&mut self, writer: &Writer, core: &Core, cx: &mut Context<'_>) -> bool {
        if writer.is_read() {
            self.is_for_nobody = false;
            return false;
        }
        if !self.is_for_nobody {
            self.is_for_nobody = true;
            self.for_nobody.set(core.now().mono + FOR_NOBODY);
        }
        self.for_nobody.poll_passed(cx).is_ready()
    }
}

/// How moving has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moved {
    Whole,
    /// Nobody reads any longer, and too much is left.
    Abandoned,
    Failed,
}

impl Pump {
    fn poll_move(&mut self, core: &Core, cx: &mut Context<'_>) -> Poll<Moved> {
        let moved = self.poll_bytes(core, cx);
        if moved.is_pending() && self.patience.is_over(&self.writer, core, cx) {
            return Poll::Ready(Moved::Abandoned);
        }
        moved
    }

    fn poll_bytes(&mut self, core: &Core, cx: &mut Context<'_>) -> Poll<Moved> {
        loop {
            match self.writer.poll_room(cx) {
                Poll::Ready(Room::Abandoned) => return Poll::Ready(Moved::Abandoned),
                Poll::Ready(Room::Bytes(_)) => self.patience.goes_on(),
                Poll::Pending if self.patience.is_stalled(&mut self.writer, core, cx) => {
                    return Poll::Ready(Moved::Abandoned);
                }
                Poll::Pending => return Poll::Pending,
            }
            match ready!(self.connection.poll_body(cx)) {
                Ok(true) => {
                    let count = self.writer.write(&self.connection.body());
                    if count == 0 {
                        // All that was promised has come, and there is more: one of both is a lie.
                        return Poll::Ready(Moved::Failed);
                    }
                    self.connection.take_body(count);
                    while let Some((index, slice)) = self.writer.take_slice() {
                        let is_shared = self.writer.is_shared();
                        store_slice(core, &self.object.response, index, slice, is_shared);
                    }
                }
                Ok(false) => return Poll::Ready(Moved::Whole),
                Err(_) => return Poll::Ready(Moved::Failed),
            }
        }
    }

    fn end(self, core: &Core, moved: Moved) {
        let Self { connection, writer, object, begun, .. } = self;
        match moved {
            Moved::Whole => {
                core.origins.give_back(connection, core.now().mono);
                if let Ok(finished) = writer.finish() {
                    keep(core, &object, finished);
                }
            }
            Moved::Abandoned => keep(core, &object, writer.abandon()),
            Moved::Failed => drop(writer),
        }
        drop(begun);
    }
}

/// Stores what a fill has brought, and only then lets go of it: at no moment visitors find neither.
fn keep(core: &Core, object: &Arc<Object>, mut finished: Finished) {
    let is_shared = finished.is_shared();
    while let Some((index, slice)) = finished.take_slice() {
        store_slice(core, &object.response, index, slice, is_shared);
    }
    // Neither a purge that came meanwhile is to be undone, nor the place of what is newer to be taken.
    let is_newest = || {
        let looked = core.cache.store.get(object.response.key.as_ref(), |entry| match &entry.stored {
            Stored::Object(there) => there.response.id <= object.response.id,
            Stored::Varies(_) | Stored::HitForMiss { .. } | Stored::Slice(_) => true,
        });
        looked.unwrap_or(true)
    };
    if finished.is_whole() && core.cache.purges.check(&object.response.stamp) != Purged::Hard && is_newest() {
        let key = object.response.key.clone();
        let entry = Entry::new(key, Stored::Object(Arc::clone(object)));
        core.cache.store.insert(entry.asked_for_again(is_shared));
    }
    drop(finished);
}

fn store_slice(core: &Core, response: &Response, index: u32, slice: Slice, is_shared: bool) {
    let store = &core.cache.store;
    let key = response.key.as_ref().slice(response.id, index);
    let merged = store.get(key.as_ref(), |entry| match &entry.stored {
        Stored::Slice(known) => Some(slice.merged(known)),
        Stored::Object(_) | Stored::Varies(_) | Stored::HitForMiss { .. } => None,
    });
    let merged = merged.flatten().filter(|merged| merged.stretches.len() <= STRETCHES_MAX);
    let entry = Entry::new(key.as_ref().to_key(), Stored::Slice(merged.unwrap_or(slice)));
    store.insert(entry.asked_for_again(is_shared));
}
