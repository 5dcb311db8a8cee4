//! The terminal: taken over for a while and always given back, and what comes from it and by signals.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rempart_base::Now;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

use super::frame::Size;
use crate::signals::{Meanings, Signals};

/// The other screen, no cursor, no wrapping; and back.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &[u8] = b"\x1b[?7h\x1b[?25h\x1b[?1049l";
/// Where the terminal does not say how large it is.
const USUAL: Size = Size { columns: 80, lines: 24 };

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The moment has come.
    Due,
    /// `q`, or a signal to end.
    Quit,
    /// `s`.
    Sort,
    /// The terminal has another size.
    Resized,
    /// The shell wants its terminal for a while.
    Suspend,
    /// A key that means nothing.
    Nothing,
}

const MEANINGS: Meanings<Event> = &[
    (libc::SIGINT, Event::Quit),
    (libc::SIGTERM, Event::Quit),
    (libc::SIGHUP, Event::Quit),
    (libc::SIGWINCH, Event::Resized),
    (libc::SIGTSTP, Event::Suspend),
];

/// Keys and signals.
pub(super) struct Inputs {
    signals: Signals<Event>,
    keys: bool,
}

impl Inputs {
    /// From now on signals are read and do nothing by themselves; keys too, where they are wanted.
    pub(super) fn open(keys: bool) -> io::Result<Self> {
        Ok(Self { signals: Signals::with(MEANINGS)?, keys })
    }

    /// Waits for the next one until then.
    pub(super) fn wait(&self, until: Instant) -> io::Result<Event> {
        let left = until.saturating_duration_since(Now::mono());
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let stdin = io::stdin();
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        if self.keys {
            fds.push(PollFd::new(&stdin, PollFlags::IN));
        }
        match poll(&mut fds, Some(&left)) {
            Ok(0) => return Ok(Event::Due),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let has_key = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
        if let Some(event) = self.signals.next() {
            return Ok(event);
        }
        if !has_key {
            return Ok(Event::Nothing);
        }
        let mut key = [0; 1];
        match rustix::io::read(&stdin, &mut key) {
            // The terminal is gone.
            Ok(0) | Err(rustix::io::Errno::IO) => Ok(Event::Quit),
            Ok(_) => Ok(meaning(key[0])),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(Event::Nothing),
            Err(error) => Err(error.into()),
        }
    }
}

const fn meaning(key: u8) -> Event {
    match key {
        b'q' | b'Q' => Event::Quit,
        b's' | b'S' => Event::Sort,
        _ => Event::Nothing,
    }
}

/// What is to be restored, for whoever comes first: the end of [`Terminal`], or a panic, whose text must not
/// go to the screen that disappears.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

struct Taken {
    input: OwnedFd,
    out: OwnedFd,
    modes: Termios,
}

/// A terminal that shows frames. It is as it was before when this is dropped, and before a panic says anything.
pub(super) struct Terminal {
    input: OwnedFd,
    out: OwnedFd,
}

impl Terminal {
    /// Takes it over.
    pub(super) fn enter(input: impl AsFd, output: impl AsFd) -> io::Result<Self> {
        let terminal =
            Self { input: input.as_fd().try_clone_to_owned()?, out: output.as_fd().try_clone_to_owned()? };
        terminal.take()?;
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
        Ok(terminal)
    }

    fn take(&self) -> io::Result<()> {
        let modes = tcgetattr(&self.input)?;
        let mut raw = modes.clone();
        // Keys come at once and unseen. Those that send signals still do.
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        let taken = Taken { input: self.input.try_clone()?, out: self.out.try_clone()?, modes };
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken);
        tcsetattr(&self.input, OptionalActions::Now, &raw)?;
        write_all(&self.out, ENTER)
    }

    /// Gives it back, stops until somebody continues this program, and takes it again.
    pub(super) fn suspend(&self) -> io::Result<()> {
        give_back();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
        self.take()
    }

    /// How much it shows.
    pub(super) fn size(&self) -> Size {
        match tcgetwinsize(&self.out) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                Size { columns: size.ws_col.into(), lines: size.ws_row.into() }
            }
            Ok(_) | Err(_) => USUAL,
        }
    }

    /// Shows these lines in the place of those before, in one write. Headings are bold.
    pub(super) fn show(&self, lines: &[String]) -> io::Result<()> {
        let mut text = String::from("\x1b[H");
        for (nth, line) in lines.iter().enumerate() {
            if nth > 0 {
                text.push_str("\r\n");
            }
            let is_heading = line.starts_with("ZONE ") || line.starts_with("ORIGIN ");
            text.push_str(if is_heading { "\x1b[1m" } else { "" });
            text.push_str(line);
            text.push_str(if is_heading { "\x1b[0m\x1b[K" } else { "\x1b[K" });
        }
        text.push_str("\x1b[J");
        write_all(&self.out, text.as_bytes())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    let Some(taken) = TAKEN.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    // Whatever fails here: there is nobody left to tell.
    let _ = write_all(&taken.out, LEAVE);
    let _ = tcsetattr(&taken.input, OptionalActions::Now, &taken.modes);
}

fn write_all(out: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    std::fs::File::from(out.try_clone()?).write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rustix::fs::{Mode, OFlags, open};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    #[test]
    fn a_panic_leaves_the_terminal_as_it_was_and_before_its_text() {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let before = tcgetattr(&slave).unwrap().local_modes;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let terminal = Terminal::enter(&slave, &slave).unwrap();
            assert!(!tcgetattr(&slave).unwrap().local_modes.contains(LocalModes::ECHO));
            terminal.show(&["a line".to_owned()]).unwrap();
            panic!("something is wrong");
        }));
        assert!(panicked.is_err());
        assert_eq!(tcgetattr(&slave).unwrap().local_modes, before);
        drop(slave);
        let mut shown = Vec::new();
        // The other end is closed: EIO is the end.
        let _ = File::from(master).read_to_end(&mut shown);
        let shown = String::from_utf8_lossy(&shown);
        assert!(shown.starts_with("\x1b[?1049h") && shown.ends_with("\x1b[?1049l"), "{shown:?}");
        assert_eq!(shown.matches("\x1b[?1049l").count(), 1);
    }

    #[test]
    fn keys() {
        assert_eq!((meaning(b'q'), meaning(b's'), meaning(b'x')), (Event::Quit, Event::Sort, Event::Nothing));
    }
}
