//! A running `rempart up`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use serde_json::{Value, json};

use super::answer::Answer;
use super::lines::Lines;
use super::process;
use crate::marks::{self, Tenant};
use crate::{Outcome, until};

/// Nothing that is only waited for takes longer, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Orders are taken so long after visitors are served.
const ORDERS_WITHIN: Duration = Duration::from_secs(5);
/// The longest answer of the control socket that is read.
const CONTROL_BYTES_MAX: u64 = 256 << 20;

/// The supervisor and its children. Killed at the end, if they still run.
pub(crate) struct Up {
    child: Child,
    data_dir: PathBuf,
    /// Where visitors are answered.
    pub(crate) http: SocketAddr,
    /// What all of them have said.
    pub(crate) lines: Lines,
}

impl Up {
    /// Starts it and waits until it serves.
    pub(crate) fn start(mut command: Command, data_dir: &Path, lines: Lines) -> Outcome<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG");
        // SAFETY: between fork and exec only this system call is made; nothing is allocated or locked.
        unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?)) };
        let from = lines.count();
        let mut child = command.spawn()?;
        if let Some(stderr) = child.stderr.take() {
            lines.read(stderr)?;
        }
        let mut up =
            Self { child, data_dir: data_dir.to_owned(), http: SocketAddr::from(([127, 0, 0, 1], 0)), lines };
        up.http = up.await_address(from)?;
        Ok(up)
    }

    fn await_address(&mut self, from: usize) -> Outcome<SocketAddr> {
        let mut said = None;
        let lines = self.lines.clone();
        until(PATIENCE, "`serving http://…`", || {
            said = lines.with(from, &["serving http://"]).into_iter().next();
            if said.is_none()
                && let Some(status) = self.child.try_wait()?
            {
                return Err(format!("`rempart up` has ended: {status}").into());
            }
            Ok(said.is_some())
        })?;
        let text = said.map(|line| line.text).unwrap_or_default();
        let address =
            text.split("http://").nth(1).and_then(|rest| rest.split([' ', '/']).next()).unwrap_or_default();
        Ok(address.parse().map_err(|error| format!("{text}: {error}"))?)
    }

    /// The supervisor.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The edges that it has now, the oldest first.
    pub(crate) fn edges(&self) -> Vec<Pid> {
        let mut edges = process::children(self.pid());
        edges.retain(|pid| process::command(*pid) == "edge");
        edges.sort_by_key(|pid| pid.as_raw_nonzero());
        edges
    }

    /// The edge that it has, once it is the only one.
    pub(crate) fn edge(&self) -> Outcome<Pid> {
        let mut found = None;
        until(PATIENCE, "one edge", || {
            let edges = self.edges();
            found = edges.first().copied().filter(|_| edges.len() == 1);
            Ok(found.is_some())
        })?;
        found.ok_or_else(|| "there is no edge".into())
    }

    /// Kills every child and waits until nothing of them is left.
    pub(crate) fn kill_all_but_supervisor(&self) -> Outcome<()> {
        for child in process::children(self.pid()) {
            // One that ends by itself meanwhile is as dead.
            process::kill_and_await(child, PATIENCE)
                .or_else(|error| if process::is_alive(child) { Err(error) } else { Ok(()) })?;
        }
        Ok(())
    }

    /// Kills everything.
    pub(crate) fn kill_all(mut self) -> Outcome<()> {
        let edges = self.edges();
        self.child.kill()?;
        self.child.wait()?;
        for edge in edges.into_iter().filter(|edge| process::is_alive(*edge)) {
            process::kill_and_await(edge, PATIENCE)?;
        }
        Ok(())
    }

    /// Sends the supervisor a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Outcome<()> {
        Ok(kill_process(self.pid(), signal)?)
    }

    /// Ends it in good order.
    pub(crate) fn end(self) -> Outcome<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.await_end()
    }

    /// Waits until it ends by itself.
    pub(crate) fn await_end(mut self) -> Outcome<ExitStatus> {
        let mut ended = None;
        until(PATIENCE, "the end of `rempart up`", || {
            ended = self.child.try_wait()?;
            Ok(ended.is_some())
        })?;
        ended.ok_or_else(|| "it has not ended".into())
    }

    /// One order whose answer is not waited for.
    pub(crate) fn order_soon(&self, order: &Value) -> Outcome<UnixStream> {
        let socket = self.data_dir.join("ctl.sock");
        let mut connected = None;
        // A new edge serves visitors a moment before it takes orders.
        until(ORDERS_WITHIN, "a control socket that is listened on", || {
            connected = UnixStream::connect(&socket).ok();
            Ok(connected.is_some())
        })?;
        let mut stream = connected.ok_or("nobody takes orders")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{order}\n").as_bytes())?;
        Ok(stream)
    }

    /// One order over the control socket. A refusal is an answer as well.
    pub(crate) fn order(&self, order: &Value) -> Outcome<Answer> {
        let stream = self.order_soon(order)?;
        let mut answer = String::new();
        BufReader::new(stream.take(CONTROL_BYTES_MAX)).read_line(&mut answer)?;
        Ok(Answer::parse(&answer).map_err(|error| format!("{order}: {error}"))?)
    }

    /// An order that must be obeyed.
    pub(crate) fn obey(&self, order: &Value) -> Outcome<Answer> {
        let answer = self.order(order)?;
        if answer.is_ok() {
            Ok(answer)
        } else {
            Err(format!("{order} was answered {}", answer.whole()).into())
        }
    }

    /// What `status` says.
    pub(crate) fn status(&self) -> Outcome<Value> {
        let answer = self.obey(&json!({"command": "status"}))?;
        Ok(answer.value("status").cloned().unwrap_or(Value::Null))
    }

    /// Asks once, for this tenant, on a connection of its own: the status, and whether the body was right.
    pub(crate) fn ask(&self, tenant: &Tenant, target: &str) -> Outcome<(u16, bool)> {
        let mut stream = TcpStream::connect(self.http)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", tenant.host)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| format!("{target} was answered {answer:?}"))?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok((status, body == marks::body(tenant.number, &tenant.host, target)))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
