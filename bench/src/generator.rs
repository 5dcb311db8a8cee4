//! Who asks: wrk over HTTP/1.1, h2load over HTTP/2.

use std::cell::Cell;

use crate::Outcome;
use crate::h2load;
use crate::peers::Running;
use crate::works::{Protocol, Work};
use crate::wrk;

/// What the first run over HTTP/2 sends, before it is known what a second's worth is.
const FIRST_REQUESTS: u64 = 4_000;

/// Asks one server for one work, a second at a time.
#[derive(Debug)]
pub(crate) struct Generator {
    asks: Asks,
}

#[derive(Debug)]
enum Asks {
    Wrk {
        url: String,
    },
    /// h2load is given a number of requests and not a time: what is under way when a time ends has been paid for by
    /// the server and counted by nobody.
    H2load {
        load: h2load::Load,
        per_s: Cell<f64>,
    },
}

/// What was answered, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Answers that came whole.
    pub requests: u64,
    /// How long it ran.
    pub wall_s: f64,
}

impl Generator {
    /// Learns what a second's worth is, and warms the server by it.
    pub(crate) fn warm(work: Work, server: &Running) -> Outcome<Self> {
        let port = server.port;
        let asks = match work.protocol() {
            Protocol::Http1 => Asks::Wrk { url: format!("http://127.0.0.1:{port}{}", work.path()) },
            Protocol::Http2 { streams } => {
                let load = h2load::Load { port, path: work.path(), streams };
                let first = Done::from(load.run(FIRST_REQUESTS)?);
                Asks::H2load { load, per_s: Cell::new(first.per_s()) }
            }
        };
        let generator = Self { asks };
        generator.load(1)?;
        Ok(generator)
    }

    /// Loads the server for so long, or nearly. Fails if any request failed.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "rates and seconds are far below 2^52"
    )]
    pub(crate) fn load(&self, seconds: u64) -> Outcome<Done> {
        match &self.asks {
            Asks::Wrk { url } => {
                let run = wrk::Run::against(url, seconds)?;
                Ok(Done { requests: run.requests, wall_s: run.wall_s })
            }
            Asks::H2load { load, per_s } => {
                let done = Done::from(load.run((per_s.get() * seconds as f64) as u64)?);
                per_s.set(done.per_s());
                Ok(done)
            }
        }
    }
}

impl Done {
    #[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
    fn per_s(self) -> f64 {
        self.requests as f64 / self.wall_s.max(0.001)
    }
}

impl From<h2load::Run> for Done {
    fn from(run: h2load::Run) -> Self {
        Self { requests: run.requests, wall_s: run.wall_s }
    }
}
