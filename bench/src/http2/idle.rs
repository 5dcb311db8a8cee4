//! `h2-idle`: what an idle connection over HTTP/2 and TLS costs.

use std::net::Ipv4Addr;

use tokio::runtime;
use tokio::task::JoinSet;

use crate::hold::{settled_pss, within};
use crate::http2::ground::Ground;
use crate::http2::{Server, Visitor};
use crate::peers::System;
use crate::place::Place;
use crate::works::Work;
use crate::{Outcome, process};

/// Descriptors that this program needs beside its connections.
const DESCRIPTORS_OWN: u64 = 64;
/// Connections that are opened at a time: no system need have a long queue.
const OPENED_AT_ONCE: u32 = 32;

/// Many idle connections over HTTP/2.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// The systems, one after the other
    #[arg(long, value_delimiter = ',', default_value = "rempart")]
    systems: Vec<System>,
    /// How many
    #[arg(long, default_value_t = 10_000)]
    connections: u32,
    /// Fail if Rempart takes more than this, in bytes a connection
    #[arg(long)]
    bytes_max: Option<u64>,
    #[command(flatten)]
    place: Place,
}

/// Opens the connections, asks once on each, and prints what one costs.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    let wanted = u64::from(options.connections) + DESCRIPTORS_OWN;
    let limit = process::raise_descriptors();
    if limit < wanted {
        return Err(format!("{wanted} descriptors are needed and {limit} allowed: ulimit -n {wanted}").into());
    }
    let ground = Ground::prepare(&options.place)?;
    for system in &options.systems {
        let each = cost(options, &ground, *system)?;
        if *system == System::Rempart {
            within(each, options.bytes_max)?;
        }
    }
    Ok(())
}

/// Bytes a connection.
fn cost(options: &Options, ground: &Ground, system: System) -> Outcome<u64> {
    // Near its bound Rempart takes nobody new.
    let (running, server) = ground.start(system, 0, options.connections.saturating_mul(5) / 4)?;
    let tree = running.tree;
    let before = settled_pss(tree)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (held, after) = runtime.block_on(async {
        let held = open(&server, options.connections).await?;
        let after = tokio::task::spawn_blocking(move || settled_pss(tree)).await??;
        // What the server has closed meanwhile is noticed before it is counted.
        held.first().ok_or("there are no connections")?.ask(Work::H2Hit1k.path()).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((held, after))
    })?;
    let open = held.iter().filter(|visitor| visitor.is_open()).count();
    if open < held.len() {
        let (name, closed) = (system.name(), held.len() - open);
        return Err(format!("{name} closed {closed} of {} connections", held.len()).into());
    }
    let each = after.saturating_sub(before) / u64::from(options.connections.max(1));
    println!(
        "{}: {open} idle connections over HTTP/2: PSS {before} → {after} bytes, {each} bytes a connection",
        system.name()
    );
    Ok(each)
}

/// Visitors who have asked once and stay.
async fn open(server: &Server, connections: u32) -> Outcome<Vec<Visitor>> {
    let (mut opening, mut held) = (JoinSet::new(), Vec::new());
    for nth in 0..connections + OPENED_AT_ONCE {
        if nth >= OPENED_AT_ONCE
            && let Some(opened) = opening.join_next().await
        {
            held.push(opened??);
        }
        if nth < connections {
            let server = server.clone();
            opening.spawn(async move {
                let told = |error| format!("connection {nth}: {error}");
                let visitor = server.visit(Ipv4Addr::LOCALHOST).await.map_err(told)?;
                let bytes = visitor.ask(Work::H2Hit1k.path()).await.map_err(told)?;
                if bytes != Work::H2Hit1k.body_bytes() as u64 {
                    return Err(told(format!("{bytes} bytes came").into()));
                }
                Ok(visitor)
            });
        }
    }
    Ok(held)
}
