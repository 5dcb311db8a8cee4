//! `rempart explain RAY`: the whole story of one request, from its line in the access log and the events that rules
//! have left of it.

mod log;
mod origin;
mod story;

use std::fs::File;
use std::io::stdin;
use std::path::{Path, PathBuf};

use rempart_base::Now;
use rempart_config::AccessTo;
use serde_json::{Value, json};

use super::events::stored;
use crate::control::Running;
use crate::output::{Failure, complain, say};

/// So many events of one request are shown.
const EVENTS_MAX: usize = 100;

/// The arguments of `explain`.
#[derive(clap::Args)]
pub(crate) struct Explain {
    /// The ray: the first 16 characters of `CF-Ray`, which stand on error pages too; what follows is left out
    #[arg(value_name = "RAY")]
    ray: String,
    #[command(flatten)]
    running: Running,
    /// The access log to look in, or `-` for standard input; without it, where `log.access.to` says
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// For programs: `{"ray":…,"log":…,"events":[…]}`
    #[arg(long)]
    json: bool,
}

impl Explain {
    /// Tells it.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let ray = ray(&self.ray)?;
        let (line, where_looked) = self.line(&ray)?;
        let of_ray = |event: &Value| stored::text(event, "RayID") == ray;
        let events = match stored::newest(&self.running.data_dir(), EVENTS_MAX, of_ray) {
            Ok(events) => events.unwrap_or_default(),
            // The log's line is worth telling without them.
            Err(Failure::Text(text)) => {
                complain(&format!("warning: {text}\n"));
                Vec::new()
            }
            Err(failure) => return Err(failure),
        };
        // The first rule first.
        let events: Vec<Value> = events.into_iter().rev().map(|(_, event)| event).collect();
        if line.is_none() && events.is_empty() {
            return Err(Failure::Text(format!(
                "nothing is known of {ray}: it is not in {where_looked}, and no rule has left an event of it\n  \
                 to do: if the log was moved away since, name the old file with --log FILE; of packed ones, \
                 `zcat FILE.gz | rempart explain {ray} --log -`"
            )));
        }
        if self.json {
            say(&format!("{:#}\n", json!({ "ray": ray, "log": line, "events": events })));
        } else {
            say(&story::of(&ray, line.as_ref(), &events));
        }
        Ok(())
    }

    /// Its line, and where that was looked for.
    fn line(&self, ray: &str) -> Result<(Option<Value>, String), Failure> {
        let path = match &self.log {
            Some(path) if path.as_os_str() == "-" => {
                let found = log::newest_of_stream(stdin().lock(), ray);
                let failed = |error| Failure::Text(format!("standard input cannot be read: {error}"));
                return Ok((found.map_err(failed)?, "standard input".to_owned()));
            }
            Some(path) => path.clone(),
            None => match self.configured()? {
                Ok(path) => path,
                Err(why) => {
                    complain(&format!("{why}\n"));
                    return Ok((None, "a file of the access log".to_owned()));
                }
            },
        };
        let looked = path.display().to_string();
        let failed = |error| Failure::Text(format!("the access log {looked} cannot be read: {error}"));
        let file = File::open(&path).map_err(failed)?;
        let found = if is_plain(&path) { log::newest(&file, ray) } else { log::newest_of_stream(&file, ray) };
        Ok((found.map_err(failed)?, looked))
    }

    /// The file that the configuration names, or why there is none.
    fn configured(&self) -> Result<Result<PathBuf, String>, Failure> {
        let to_do = "to do: name the log with --log FILE, or give it to --log - on standard input";
        let config = self.running.config();
        let Ok(snapshot) = rempart_config::load(config, Now::read()) else {
            let config = config.display();
            return Err(Failure::Text(format!(
                "where the access log is cannot be told: the configuration {config} is refused \
                 (`rempart check {config}` says why)\n  {to_do}"
            )));
        };
        Ok(match &snapshot.settings.log.access.to {
            AccessTo::File(path) => Ok(path.clone()),
            AccessTo::Stdout => Err(format!(
                "the access log goes to standard output (`log.access.to: stdout`), which is not kept here: only events \
                 are told\n  {to_do}: `journalctl -u rempart -o cat | rempart explain RAY --log -`, say"
            )),
            AccessTo::Off => {
                Err(format!("the access log is off (`log.access.to: off`): only events are told\n  {to_do}"))
            }
        })
    }
}

/// Whether the file can be read from its end.
fn is_plain(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

/// A ray as logs write it.
fn ray(text: &str) -> Result<String, Failure> {
    let hex = text.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
    if hex.len() == 16 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(hex);
    }
    Err(Failure::Text(format!(
        "`{text}` is no ray: it has 16 hexadecimal digits, as in the response header `CF-Ray` and on error pages"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ray_is_taken_as_pages_and_logs_show_it() {
        for text in ["0123456789abcdef", "0123456789ABCDEF-FRA", " 0123456789abcdef-LOC\n"] {
            assert_eq!(ray(text).unwrap(), "0123456789abcdef");
        }
        for text in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "../../etc/passwd"] {
            assert!(ray(text).is_err(), "{text}");
        }
    }
}
