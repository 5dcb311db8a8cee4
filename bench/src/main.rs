//! The load rig: measures Rempart beside its peers in one run, and asks the questions that a benchmark of
//! one number does not: is anything lost, what does an idle connection cost, are workers evenly loaded.

mod balance;
mod baselines;
mod certificate;
mod check;
mod crowd;
mod generator;
mod h2load;
mod hold;
mod http;
mod http2;
mod load;
mod origins;
mod paced;
mod pairs;
mod peers;
mod place;
mod process;
mod profile;
mod purges;
mod report;
mod rules;
mod run;
mod serve;
mod sink;
mod stats;
mod tally;
mod works;
mod wrk;

use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, error};

use clap::{Parser, Subcommand};

/// What a step of the rig gives; errors are sentences for people.
type Outcome<T> = Result<T, Box<dyn error::Error + Send + Sync>>;

#[derive(Parser)]
#[command(name = "rempart-bench", about = "Measures Rempart beside its peers")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure every system on every work in interleaved rounds
    Run(run::Options),
    /// Serve canned answers at /1k, /64k, /1m and /1g
    Floor(origins::Place),
    /// Serve answers that tell what was asked, and of whom
    Echo {
        #[command(flatten)]
        place: origins::Place,
        /// What this origin calls itself
        #[arg(long, default_value = "origin")]
        name: String,
    },
    /// Load a proxy before `echo` and count what is lost or goes astray
    Load(load::Options),
    /// Hold idle connections and tell what one costs
    Idle(hold::Idle),
    /// Hold idle connections over HTTP/2 and TLS and tell what one costs
    #[command(name = "h2-idle")]
    Http2Idle(http2::idle::Options),
    /// Tell how long a small request takes beside a download on the same HTTP/2 connection
    #[command(name = "h2-latency")]
    Http2Latency(http2::latency::Options),
    /// Tell what visitors feel of floods over HTTP/2
    #[command(name = "h2-flood")]
    Http2Flood(http2::flood::Options),
    /// Read a large answer very slowly and tell how memory grows
    Trickle(hold::Trickle),
    /// Send crowds for what nobody has stored, and tell what the origin was asked and what memory it took
    Crowd(crowd::Options),
    /// Tell how evenly Rempart's workers share connections
    Balance(balance::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Run(options) => run::run(&options),
        Task::Floor(place) => origins::floor(&place),
        Task::Echo { place, name } => origins::echo(&place, &name),
        Task::Load(options) => load::run(&options),
        Task::Idle(options) => hold::idle(&options),
        Task::Http2Idle(options) => http2::idle::run(&options),
        Task::Http2Latency(options) => http2::latency::run(&options),
        Task::Http2Flood(options) => http2::flood::run(&options),
        Task::Trickle(options) => hold::trickle(&options),
        Task::Crowd(options) => crowd::run(&options),
        Task::Balance(options) => balance::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A command that is also found where Debian keeps servers, which is not on everybody's PATH.
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("PATH", format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default()));
    command
}

/// Waits for a moment that only the clock brings: the next request that is due, the next look at a process.
#[expect(clippy::disallowed_methods, reason = "a load generator paces itself by the clock")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
