//! A connection of HTTP/2: its bytes, and the exchanges on its streams, in one task.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use rempart_wire::{Http2, Http2Stream, Next, Visitor};

use super::lanes::Lanes;
use crate::core::Core;
use crate::exchange::Exchange;
use crate::forward::Client;

/// How often a connection reads, runs and writes before others have their turn.
const ROUNDS_MAX: u32 = 4;
/// How many steps exchanges take before what they have written leaves.
const STEPS_MAX: u32 = 8;

/// Serves a connection to its end.
pub(super) async fn converse(core: &Rc<Core>, mut http2: Http2) {
    core.metrics.http2.connections.add(1);
    let mut lanes = Lanes::new();
    let open = |http2: &Http2, lanes: &mut Lanes<_>| {
        let (core, visitor) = (Rc::clone(core), http2.visitor());
        lanes.open(|| lane(core, visitor))
    };
    poll_fn(|cx| {
        lanes.wake_up();
        let mut rounds = 0;
        loop {
            let has_come = http2.receive(cx);
            let has_run = run(&http2, &mut lanes, open);
            let has_gone = http2.send(cx);
            if !(has_come || has_run || has_gone) {
                if http2.poll_wait(cx).is_ready() {
                    return Poll::Ready(());
                }
                if lanes.sleep(cx) {
                    break;
                }
                lanes.wake_up();
            }
            rounds += 1;
            // Others are to be served meanwhile: a stage that works in pieces has its lane run again and again.
            if rounds == ROUNDS_MAX {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if http2.is_resting() {
            lanes.close();
        }
        Poll::Pending
    })
    .await;
    // Who is still under way has lost its visitor, and says so in the log.
    http2.abandon();
    poll_fn(|cx: &mut Context<'_>| {
        lanes.wake_up();
        loop {
            run(&http2, &mut lanes, open);
            if http2.is_idle() {
                return Poll::Ready(());
            }
            if lanes.sleep(cx) {
                return Poll::Pending;
            }
            lanes.wake_up();
        }
    })
    .await;
    drop(lanes);
    core.metrics.http2.ended(http2.failure());
    http2.close().await;
}

/// Lets exchanges run that were woken, and begins those that wait. Whether there were any. Those that step aside
/// (`relay::abreast`) go on when the others have come as far.
fn run<F: Future<Output = ()>>(
    http2: &Http2,
    lanes: &mut Lanes<F>,
    open: impl Fn(&Http2, &mut Lanes<F>) -> bool,
) -> bool {
    let mut has_run = false;
    for _ in 0..STEPS_MAX {
        let mut any = lanes.run();
        lanes.put_off();
        // One at a time: what need not wait leaves its lane to the next.
        while http2.has_request() && (http2.call() || open(http2, lanes)) {
            lanes.run_called();
            lanes.put_off();
            any = true;
        }
        if !any {
            break;
        }
        has_run = true;
    }
    // What they have sent decides who may send next.
    while http2.gives_room() {
        lanes.run();
        has_run = true;
    }
    has_run
}

/// One exchange after the other.
async fn lane(core: Rc<Core>, mut visitor: Http2Stream) {
    loop {
        let next = visitor.next().await;
        let pinned = core.pin(|stable| Client::of(visitor.head(), visitor.peer(), stable).ip);
        match next {
            Next::Request => {
                core.metrics.samples.pass(visitor.head());
                visitor.use_limits(&pinned.settings.limits);
                let mut exchange = Exchange::new(&core, &pinned, &mut visitor);
                exchange.run().await;
            }
            Next::Refused { fault, readable } => {
                let mut exchange = Exchange::new(&core, &pinned, &mut visitor);
                exchange.refuse(fault, readable).await;
            }
            Next::Closed => return,
        }
        visitor.end_exchange();
    }
}
