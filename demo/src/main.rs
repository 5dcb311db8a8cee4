//! The demo website: a small origin server that behaves like a real one, for `make run`, for tests and
//! for trying a proxy by hand. `rempart-demo` serves it alone; `rempart-demo run` puts Rempart before it.

mod bodies;
mod cut;
mod echo;
mod items;
mod live;
mod run;
mod site;
mod trouble;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::{any, get, put};
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

#[derive(Parser)]
#[command(name = "rempart-demo", about = "A small website to put a proxy before")]
struct CommandLine {
    /// The address to listen on; port 0 takes a free one, and the address is printed.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the website and Rempart before it, with the configuration in data/demo.
    Run,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let line = CommandLine::parse();
    match line.command {
        Some(Command::Run) => run::run().await,
        None => {
            let listener = TcpListener::bind(line.listen).await?;
            println!("listening on http://{}", listener.local_addr()?);
            serve(listener).await
        }
    }
}

/// Serves the website on this socket until the process ends.
async fn serve(listener: TcpListener) -> io::Result<()> {
    let service = website().into_make_service_with_connect_info::<cut::Cut>();
    axum::serve(cut::CuttableListener(listener), service).await
}

/// Every address of the website.
fn website() -> Router {
    Router::new()
        .merge(site::routes())
        .route("/api/items", get(items::list).post(items::add))
        .route("/api/items/{id}", get(items::one).delete(items::remove))
        .with_state(items::Shelf::stocked())
        .route("/echo", any(echo::echo))
        .route("/upload", put(bodies::upload).post(bodies::upload))
        .route("/download", get(bodies::download))
        .route("/ws", any(live::websocket))
        .route("/events", get(live::events))
        .route("/slow", any(trouble::slow))
        .route("/fail", any(trouble::fail))
        .route("/fail/reset", any(trouble::reset))
        .fallback(site::not_found)
}
