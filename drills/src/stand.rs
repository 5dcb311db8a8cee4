//! What every drill stands on: the real program in a folder of its own, before an origin of ours.

mod answer;
mod lines;
pub(crate) mod process;
pub(crate) mod releases;
mod site;
mod up;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) use self::answer::Answer;
pub(crate) use self::lines::Lines;
pub(crate) use self::releases::Listed;
pub(crate) use self::site::{Settings, Site};
pub(crate) use self::up::{PATIENCE, Up};
use crate::Outcome;
use crate::load::{Load, Plan};
use crate::marks::Tenant;
use crate::origin::Origin;

/// A folder with a configuration, and the origin that it names.
pub(crate) struct Stand {
    folder: TempDir,
    program: PathBuf,
    /// What was said by all that ran here.
    pub(crate) lines: Lines,
    /// The files.
    pub(crate) site: Site,
    /// The tenants, in their order.
    pub(crate) tenants: Vec<Tenant>,
    /// Where their content comes from, as long as this stands.
    _origin: Origin,
}

impl Stand {
    /// With so many zones.
    pub(crate) fn new(program: &Path, lines: &Lines, zones: u16, settings: &Settings) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let origin = Origin::start()?;
        let tenants: Vec<Tenant> = (0..zones).map(Tenant::new).collect();
        let site = Site::write(folder.path(), origin.port, settings, &tenants)?;
        Ok(Self { folder, program: program.to_owned(), lines: lines.clone(), site, tenants, _origin: origin })
    }

    /// The tenant of this number.
    pub(crate) fn tenant(&self, number: u16) -> Tenant {
        Tenant::new(number)
    }

    /// Where the edge keeps its releases.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts `rempart up` and waits until it serves.
    pub(crate) fn up(&self) -> Outcome<Up> {
        Up::start(self.command(&["up"]), &self.data_dir(), self.lines.clone())
    }

    /// The same, with a change to how it is started.
    pub(crate) fn up_with(&self, change: impl FnOnce(&mut Command)) -> Outcome<Up> {
        let mut command = self.command(&["up"]);
        change(&mut command);
        Up::start(command, &self.data_dir(), self.lines.clone())
    }

    /// The program with these words and this configuration.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.program();
        let (command_word, rest) = words.split_first().unwrap_or((&"up", &[]));
        command.arg(command_word).arg("-c").arg(self.site.file()).args(rest);
        command
    }

    /// The program without any word.
    pub(crate) fn program(&self) -> Command {
        Command::new(&self.program)
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Outcome<Output> {
        Ok(self.command(words).output()?)
    }

    /// A load on every zone.
    pub(crate) fn load(&self, up: &Up, change: impl FnOnce(&mut Plan)) -> Outcome<Load> {
        let mut plan = Plan::new(up.http, self.tenants.clone());
        change(&mut plan);
        Load::start(plan)
    }
}
