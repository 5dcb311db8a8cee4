//! The line to a running edge: `ctl.sock` in its `data_dir`, one JSON line asked, one JSON line answered.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::configuration;
use crate::output::Failure;

/// A reload of very many zones takes seconds.
const ANSWER_TIMEOUT_S: u64 = 60;
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Which running edge is meant.
#[derive(clap::Args)]
pub(crate) struct Running {
    /// The configuration that it runs on
    #[arg(short, long, value_name = "FILE", default_value = "rempart.yaml")]
    config: PathBuf,
    /// Its `data_dir`, instead of reading that from the configuration
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Why there is no answer.
pub(crate) enum Silence {
    /// Nobody listens: no edge runs, or one is just being started.
    NoEdge(String),
    /// There may be one, and it did not answer.
    Failed(String),
}

impl From<Silence> for Failure {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::NoEdge(text) | Silence::Failed(text) => Self::Text(text),
        }
    }
}

impl Running {
    /// Where its socket and its releases are, as far as that can be known.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| configuration::data_dir(&self.config))
    }

    /// Where its configuration is.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// Gives it an order, an object with `command`, and returns its answer, an object with `ok`.
    pub(crate) fn ask(&self, order: &Value) -> Result<Value, Silence> {
        self.ask_within(order, Duration::from_secs(ANSWER_TIMEOUT_S))
    }

    /// The same, with so much patience.
    pub(crate) fn ask_within(&self, order: &Value, patience: Duration) -> Result<Value, Silence> {
        let socket = self.data_dir().join("ctl.sock");
        let stream = UnixStream::connect(&socket).map_err(|error| unreachable(&socket, &error))?;
        let answer = exchange(&stream, order, patience)
            .map_err(|error| Silence::Failed(format!("{} did not answer: {error}", socket.display())))?;
        if answer.is_empty() {
            return Err(Silence::Failed(format!("{} closed without an answer", socket.display())));
        }
        serde_json::from_str(&answer)
            .map_err(|error| Silence::Failed(format!("{} answered nonsense: {error}", socket.display())))
    }
}

fn exchange(mut stream: &UnixStream, order: &Value, patience: Duration) -> std::io::Result<String> {
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(format!("{order}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream.take(ANSWER_BYTES_MAX)).read_line(&mut answer)?;
    Ok(answer)
}

fn unreachable(socket: &Path, error: &std::io::Error) -> Silence {
    let socket = socket.display();
    if error.kind() == ErrorKind::NotFound {
        Silence::NoEdge(format!(
            "no edge runs here: there is no {socket}\n  \
             to do: start it with `rempart up`, or name its `data_dir` with --data-dir"
        ))
    } else if error.kind() == ErrorKind::ConnectionRefused {
        Silence::NoEdge(format!(
            "no edge runs here: nobody listens on {socket}\n  to do: start it with `rempart up`"
        ))
    } else if error.kind() == ErrorKind::PermissionDenied {
        Silence::Failed(format!(
            "{socket} is another account's\n  to do: ask as root or as the account that the edge runs as"
        ))
    } else {
        Silence::Failed(format!("{socket} cannot be reached: {error}"))
    }
}
