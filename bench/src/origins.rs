//! The two origins of the rig: `floor` with canned bodies, and `echo`, which tells what it saw.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::rc::Rc;

use crate::http::{Connection, Url};
use crate::serve::{Asked, Canned};
use crate::works::{Kind, LARGE_BYTES, LARGE_PATH, Work, body};
use crate::{Outcome, process, program, serve};

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

/// How many requests the origin has answered so far, this one not counted.
const COUNT_PATH: &str = "/count";

/// What may be stored says so, and can be validated.
const PUBLIC: &str = "Cache-Control: public, max-age=86400\r\n\
                      ETag: \"5f3a-6123456789abc\"\r\n\
                      Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n";

/// Answers `/1k`, `/64k` and `/1m` with bodies of that length, below `/public` so that they may be stored, there also
/// `/public/64m`, and `/1g` with a gibibyte.
pub(crate) fn floor(place: &Place) -> Outcome<()> {
    let mut canned: Vec<(&str, Rc<Canned>)> = Vec::new();
    for work in Work::ALL {
        let (bytes, block) = (work.body_bytes(), body(work.body_bytes()));
        let fields = match work.kind() {
            Kind::PassThrough => "",
            Kind::Hit => PUBLIC,
            // They ask for the same.
            Kind::Rules | Kind::Pair => continue,
        };
        canned.push((work.path(), Rc::new(Canned::with("application/octet-stream", fields, block, bytes))));
    }
    let gibibyte = Canned::ok("application/octet-stream", body(1 << 20), 1 << 30);
    canned.push(("/1g", Rc::new(gibibyte)));
    let large = Canned::with("application/octet-stream", PUBLIC, body(1 << 20), LARGE_BYTES);
    canned.push((LARGE_PATH, Rc::new(large)));
    let mut count = 0_u64;
    let answer = move |asked: &Asked<'_>| {
        if asked.target == COUNT_PATH {
            let text = count.to_string();
            let bytes = text.len();
            return Some(Rc::new(Canned::ok("text/plain", text.into_bytes(), bytes)));
        }
        count += 1;
        canned.iter().find(|(path, _)| *path == asked.target).map(|(_, c)| Rc::clone(c))
    };
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

/// The origin: this program as `floor`, in a process of its own.
#[derive(Debug)]
pub(crate) struct Origin {
    /// Where it serves, on 127.0.0.1.
    pub port: u16,
    child: Child,
}

impl Origin {
    /// On the caller's core.
    pub(crate) fn start() -> Outcome<Self> {
        let mut command = program("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(env::current_exe()?).arg("floor");
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        Ok(Self { child, port: port.ok_or("the origin does not start")? })
    }

    /// How many requests it has answered so far.
    pub(crate) fn answered(&self) -> Outcome<u64> {
        let url = Url::parse(&format!("http://127.0.0.1:{}{COUNT_PATH}", self.port))?;
        let request = format!("GET {COUNT_PATH} HTTP/1.1\r\nHost: {}\r\n\r\n", url.authority);
        let answer =
            Connection::open(url.address)?.exchange(request.as_bytes()).map_err(|broken| broken.cause)?;
        Ok(String::from_utf8_lossy(&answer.body).parse()?)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
