//! Two hundred ordinary visitors: each has a connection, comes from an address of its own, and asks for a small object
//! now and then.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant as Moment};

use rempart_base::Now;
use tokio::runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::Outcome;
use crate::http2::{Server, Visitor};
use crate::stats::Histogram;
use crate::works::Work;

/// How many.
pub(crate) const VISITORS: u8 = 200;
/// Between two requests of one visitor.
const EVERY: Duration = Duration::from_millis(50);
/// Who is not answered for so long gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What they felt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Felt {
    /// From when a request was sent, or could have been, to the end of its answer.
    pub latency_us: Histogram,
    /// Requests that were not answered, or not rightly.
    pub failed: u64,
    /// Why the first of them failed.
    pub reason: Option<String>,
}

impl Felt {
    /// Adds what others felt.
    pub(crate) fn add(&mut self, other: Self) {
        self.latency_us.merge(&other.latency_us);
        self.failed += other.failed;
        self.reason = self.reason.take().or(other.reason);
    }
}

/// Has them come, calls `begin` when all are there, and lets them ask for so long.
pub(crate) fn run(server: &Server, lasts: Duration, begin: impl FnOnce()) -> Outcome<Felt> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut visitors = Vec::new();
        for nth in 0..VISITORS {
            let from = Ipv4Addr::new(127, 0, 1, nth + 1);
            visitors.push((from, server.visit(from).await?));
        }
        begin();
        let begun = Now::mono();
        let mut asking = JoinSet::new();
        for (nth, (from, visitor)) in (0..u32::from(VISITORS)).zip(visitors) {
            let first = begun + EVERY * nth / u32::from(VISITORS);
            let server = server.clone();
            asking.spawn(ask(server, from, visitor, first, begun + lasts));
        }
        let mut felt = Felt::default();
        while let Some(one) = asking.join_next().await {
            felt.add(one?);
        }
        Ok(felt)
    })
}

async fn ask(server: Server, from: Ipv4Addr, visitor: Visitor, first: Moment, ends: Moment) -> Felt {
    let (mut felt, mut kept, mut due) = (Felt::default(), Some(visitor), first);
    while due < ends {
        // The clock of a runtime is coarse: what it comes late is not the server's. What an answer comes late is.
        let mut since = due;
        if Now::mono() < due {
            sleep_until(Instant::from_std(due)).await;
            since = Now::mono();
        }
        let failure = match timeout(PATIENCE, once(&server, from, &mut kept)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer came".to_owned()),
        };
        let waited = Now::mono().saturating_duration_since(since);
        if failure.is_some() {
            felt.failed += 1;
            felt.reason = felt.reason.take().or(failure.clone());
        }
        // Who is not answered has waited in vain, however quickly that was said.
        let waited = if failure.is_some() { PATIENCE } else { waited };
        felt.latency_us.record(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
        due += EVERY;
    }
    felt
}

/// One request, on the kept connection or on a new one.
async fn once(server: &Server, from: Ipv4Addr, kept: &mut Option<Visitor>) -> Outcome<()> {
    let visitor = match kept.take() {
        Some(visitor) => visitor,
        None => server.visit(from).await?,
    };
    let bytes = visitor.ask(Work::H2Hit1k.path()).await?;
    if bytes != Work::H2Hit1k.body_bytes() as u64 {
        return Err(format!("{bytes} bytes came").into());
    }
    *kept = Some(visitor);
    Ok(())
}
