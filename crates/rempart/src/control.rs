//! The line to a running edge: `ctl.sock` in its `data_dir`, one JSON line asked, one JSON line answered.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

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

impl Running {
    /// Asks it and returns its answer, an object with `ok`.
    ///
    /// # Errors
    /// It cannot be found or asked, or its answer makes no sense.
    pub(crate) fn ask(&self, command: &str) -> Result<Value, Failure> {
        let data_dir = match &self.data_dir {
            Some(data_dir) => data_dir.clone(),
            None => configuration::data_dir(&self.config),
        };
        let socket = data_dir.join("ctl.sock");
        let stream = UnixStream::connect(&socket).map_err(|error| unreachable(&socket, &error))?;
        let answer = exchange(&stream, command)
            .map_err(|error| Failure::Text(format!("{} did not answer: {error}", socket.display())))?;
        serde_json::from_str(&answer)
            .map_err(|error| Failure::Text(format!("{} answered nonsense: {error}", socket.display())))
    }
}

fn exchange(mut stream: &UnixStream, command: &str) -> std::io::Result<String> {
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_TIMEOUT_S)))?;
    stream.write_all(format!("{}\n", json!({ "command": command })).as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream.take(ANSWER_BYTES_MAX)).read_line(&mut answer)?;
    Ok(answer)
}

fn unreachable(socket: &Path, error: &std::io::Error) -> Failure {
    let socket = socket.display();
    let text = if error.kind() == ErrorKind::NotFound {
        format!(
            "no edge runs here: there is no {socket}\n  \
             to do: start it with `rempart up`, or name its `data_dir` with --data-dir"
        )
    } else if error.kind() == ErrorKind::ConnectionRefused {
        format!("no edge runs here: nobody listens on {socket}\n  to do: start it with `rempart up`")
    } else if error.kind() == ErrorKind::PermissionDenied {
        format!("{socket} is another account's\n  to do: ask as root or as the account that the edge runs as")
    } else {
        format!("{socket} cannot be reached: {error}")
    };
    Failure::Text(text)
}
