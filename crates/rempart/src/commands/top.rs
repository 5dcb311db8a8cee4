//! `rempart top`: what a running edge does, refreshed every second: zones, cache and origins. Frames are lines of
//! text, and the terminal is steered by half a dozen escape sequences that all of them know: a library for
//! terminals would bring more code than there is here.

mod counts;
mod frame;
mod rates;
mod terminal;

use std::io::{IsTerminal, stdin, stdout};
use std::time::{Duration, Instant};

use rempart_base::Now;
use serde_json::{Value, json};

use self::counts::Counts;
use self::frame::{Size, Sort};
use self::rates::Rates;
use self::terminal::{Event, Inputs, Terminal};
use crate::control::Running;
use crate::output::{Failure, say};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// An edge that does not answer within this time is asked again at the next look.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of a frame that goes to no terminal. Nothing is left out for want of lines.
const ONCE: Size = Size { columns: 120, lines: usize::MAX };

/// The arguments of `top`.
#[derive(clap::Args)]
pub(crate) struct Top {
    #[command(flatten)]
    running: Running,
    /// Print one frame, of one second, and end
    #[arg(long)]
    once: bool,
    /// By what zones are sorted at first
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,
}

impl Top {
    /// Shows frames until `q` or a signal.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let inputs = Inputs::open(!self.once).map_err(|error| failed(&error))?;
        if self.once {
            return self.print_one(&inputs);
        }
        if !stdin().is_terminal() || !stdout().is_terminal() {
            let text = "top needs a terminal\n  to do: `rempart top --once` prints one frame";
            return Err(Failure::Text(text.to_owned()));
        }
        let terminal = Terminal::enter(stdin(), stdout()).map_err(|error| failed(&error))?;
        self.follow(&inputs, &terminal).map_err(|error| failed(&error))
    }

    fn print_one(&self, inputs: &Inputs) -> Result<(), Failure> {
        let before = self.look()?;
        let due = Now::mono() + EVERY;
        loop {
            match inputs.wait(due).map_err(|error| failed(&error))? {
                Event::Due => break,
                Event::Quit => return Err(Failure::Said),
                Event::Sort | Event::Resized | Event::Suspend | Event::Nothing => {}
            }
        }
        let rates = Rates::between(&before, &self.look()?);
        say(&(frame::lines(&rates, self.sort, ONCE).join("\n") + "\n"));
        Ok(())
    }

    fn follow(&self, inputs: &Inputs, terminal: &Terminal) -> std::io::Result<()> {
        let mut sort = self.sort;
        let mut view = View { before: None, rates: None, trouble: None };
        view.take(self.look());
        let mut due = Now::mono() + EVERY;
        loop {
            terminal.show(&view.lines(sort, terminal.size()))?;
            match inputs.wait(due)? {
                Event::Quit => return Ok(()),
                Event::Sort => sort = sort.next(),
                Event::Suspend => terminal.suspend()?,
                Event::Resized | Event::Nothing => {}
                Event::Due => {
                    view.take(self.look());
                    due = later(due);
                }
            }
        }
    }

    fn look(&self) -> Result<Counts, Failure> {
        let answer = self.running.ask_within(&json!({"command": "counts"}), PATIENCE)?;
        if let Some(why) = answer.get("error").and_then(Value::as_str) {
            return Err(Failure::Text(format!("the edge does not say what it counts: {why}")));
        }
        let counts = answer.get("counts").cloned().unwrap_or(Value::Null);
        serde_json::from_value(counts).map_err(|error| {
            Failure::Text(format!("the edge counts what this program does not know: {error}"))
        })
    }
}

/// The next look, in step with those before; one that was missed is left out.
fn later(due: Instant) -> Instant {
    let (next, now) = (due + EVERY, Now::mono());
    if next > now { next } else { now + EVERY }
}

/// What is shown: the newest figures, and why there are no newer ones.
struct View {
    before: Option<Counts>,
    rates: Option<Rates>,
    trouble: Option<String>,
}

impl View {
    fn take(&mut self, looked: Result<Counts, Failure>) {
        match looked {
            Ok(counts) => {
                let before = self.before.as_ref().filter(|before| before.pid == counts.pid);
                self.rates = Some(Rates::between(before.unwrap_or(&counts), &counts));
                self.before = Some(counts);
                self.trouble = None;
            }
            Err(Failure::Text(text)) => self.trouble = text.lines().next().map(str::to_owned),
            Err(Failure::Refused(_) | Failure::Said) => {}
        }
    }

    fn lines(&self, sort: Sort, size: Size) -> Vec<String> {
        let mut lines = match &self.rates {
            Some(rates) => frame::lines(rates, sort, Size { lines: size.lines.saturating_sub(1), ..size }),
            None => Vec::new(),
        };
        let keys = format!("q quit   s sort (now by {})", sort.name());
        lines.resize(size.lines.saturating_sub(1), String::new());
        lines.push(frame::cut(self.trouble.as_deref().unwrap_or(&keys), size.columns));
        lines
    }
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::Text(format!("the terminal cannot be used: {error}"))
}
