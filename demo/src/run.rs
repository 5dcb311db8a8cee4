//! `make run`: the website, and Rempart before it, with a configuration that is written once and then
//! belongs to whoever plays with it.

mod file;
mod front;
mod rempart;

use std::io;
use std::path::Path;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use self::front::Front;
use self::rempart::Rempart;

const FILE: &str = "data/demo/rempart.yaml";

/// Runs both until Ctrl-C or `SIGTERM`, or until Rempart ends by itself.
pub(crate) async fn run() -> io::Result<()> {
    let file = Path::new(FILE);
    if file.exists() {
        println!("demo: using {FILE} as it is; delete it to begin anew");
    } else {
        file::write(file)?;
        println!("demo: wrote {FILE}");
    }
    let front = Front::read(file)?;
    let origin = TcpListener::bind(front.origin).await.map_err(|error| {
        io::Error::new(error.kind(), format!("the website cannot listen on {}: {error}", front.origin))
    })?;
    tokio::spawn(crate::serve(origin));
    let mut rempart = Rempart::start(file)?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        ended = serve(&mut rempart, &front) => ended,
        _ = interrupt.recv() => rempart.stop().await,
        _ = terminate.recv() => rempart.stop().await,
    }
}

/// Says what to try once all answers, and then waits for an end that nobody asked for.
async fn serve(rempart: &mut Rempart, front: &Front) -> io::Result<()> {
    tokio::select! {
        answered = front.answers() => {
            answered?;
            println!("{}", front.welcome(FILE));
        }
        ended = rempart.ended() => return ended,
    }
    rempart.ended().await
}
