//! `rempart upgrade`: another program takes over, while visitors are served.

use std::fs::canonicalize;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Why;
use crate::configuration;
use crate::output::{Failure, say};
use crate::supervisor::Call;

/// The arguments of `upgrade`.
#[derive(clap::Args)]
pub(crate) struct Upgrade {
    /// The new program; without it, what stands now where the running supervisor was started from
    #[arg(value_name = "PROGRAM")]
    program: Option<PathBuf>,
    /// The configuration that it runs on
    #[arg(short, long, value_name = "FILE", default_value = super::DEFAULT_FILE)]
    config: PathBuf,
    /// Its `data_dir`, instead of reading that from the configuration
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Replace the supervisor too, and not the edge alone
    #[arg(long)]
    supervisor: bool,
    #[command(flatten)]
    why: Why,
}

impl Upgrade {
    /// Upgrades, and waits until the new program serves or is dropped.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut wish = if self.supervisor { "replace" } else { "upgrade" }.to_owned();
        if let Some(program) = &self.program {
            let path = canonicalize(program)
                .map_err(|error| Failure::Text(format!("{}: {error}", program.display())))?;
            let path =
                path.to_str().ok_or_else(|| Failure::Text("the program's path is no UTF-8".to_owned()))?;
            wish.push_str(&format!(" {path}"));
        }
        let data_dir = self.data_dir.clone().unwrap_or_else(|| configuration::data_dir(&self.config));
        // How long it takes is bounded by the supervisor.
        let call = Call::to(&data_dir, None).map_err(|error| unreachable(&data_dir, &error))?;
        let answer = call.say(&wish).and_then(|()| call.answer());
        let said = answer.as_ref().map_or_else(ToString::to_string, Clone::clone);
        let details = json!({"asked": wish, "ok": said.starts_with("ok: "), "answer": said});
        self.why.write_down(&data_dir, "upgrade", &details);
        let answer =
            answer.map_err(|error| Failure::Text(format!("the supervisor does not answer: {error}")))?;
        match answer.split_once(": ") {
            Some(("ok", said)) => say(&format!("upgraded: {said}\n")),
            Some((_, reason)) => return Err(Failure::Text(format!("not upgraded: {reason}"))),
            None => return Err(Failure::Text(format!("the supervisor answers nonsense: {answer}"))),
        }
        Ok(())
    }
}

fn unreachable(data_dir: &Path, error: &io::Error) -> Failure {
    let socket = data_dir.join("supervisor.sock");
    let socket = socket.display();
    let nobody = error.kind() == ErrorKind::NotFound || error.kind() == ErrorKind::ConnectionRefused;
    Failure::Text(if nobody {
        format!(
            "no supervisor listens on {socket}\n  to do: start it with `rempart up`, or name its `data_dir` with --data-dir"
        )
    } else if error.kind() == ErrorKind::PermissionDenied {
        format!("{socket} is another account's\n  to do: ask as root or as the account that started it")
    } else {
        format!("{socket} cannot be reached: {error}")
    })
}
