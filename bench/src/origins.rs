//! The two origins of the rig: `floor` with canned bodies, and `echo`, which tells what it saw.

use std::net::TcpListener;
use std::rc::Rc;

use crate::serve::{Asked, Canned};
use crate::works::{Work, body};
use crate::{Outcome, process, serve};

/// A server of this program and where it listens.
#[derive(clap::Args, Debug)]
pub(crate) struct Place {
    /// Address and port; port 0 takes a free one, which is printed
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// The core to run on
    #[arg(long)]
    core: Option<usize>,
}

impl Place {
    fn bind(&self) -> Outcome<TcpListener> {
        if let Some(core) = self.core {
            process::pin_current(core)?;
        }
        let _ = process::raise_descriptors();
        let listener =
            TcpListener::bind(&self.listen).map_err(|error| format!("{}: {error}", self.listen))?;
        println!("listening on {}", listener.local_addr()?);
        Ok(listener)
    }
}

/// Answers `/1k`, `/64k` and `/1m` with bodies of that length, and `/1g` with a gibibyte.
pub(crate) fn floor(place: &Place) -> Outcome<()> {
    let mut canned: Vec<(&str, Rc<Canned>)> = Vec::new();
    for work in Work::ALL {
        let block = body(work.body_bytes());
        canned.push((work.path(), Rc::new(Canned::ok("application/octet-stream", block, work.body_bytes()))));
    }
    let gibibyte = Canned::ok("application/octet-stream", body(1 << 20), 1 << 30);
    canned.push(("/1g", Rc::new(gibibyte)));
    let answer =
        |asked: &Asked<'_>| canned.iter().find(|(path, _)| *path == asked.target).map(|(_, c)| Rc::clone(c));
    Ok(serve::forever(&place.bind()?, answer)?)
}

/// Answers everything with what it saw and who it is, one `key=value` a line.
pub(crate) fn echo(place: &Place, name: &str) -> Outcome<()> {
    let answer = |asked: &Asked<'_>| {
        let body = format!(
            "origin={name}\nhost={}\ntarget={}\nconnection={}\nnth={}\n",
            asked.host, asked.target, asked.connection, asked.nth
        );
        let body_bytes = body.len();
        Some(Rc::new(Canned::ok("text/plain", body.into_bytes(), body_bytes)))
    };
    Ok(serve::forever(&place.bind()?, answer)?)
}
