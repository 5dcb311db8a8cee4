//! The sockets of the control thread, opened while the process still has its privileges.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

/// The file name of the control socket in `data_dir`.
const CTL_SOCKET: &str = "ctl.sock";

/// Its name until this edge serves: one that does not come to serve leaves its predecessor's socket alone.
const CTL_SOCKET_NEXT: &str = "ctl.sock.next";

/// The sockets of the control thread.
pub struct Inlets {
    /// For `rempart ctl`: whoever may open it may do everything, so only the account itself may.
    pub(super) ctl: UnixListener,
    data_dir: PathBuf,
    /// For metrics and status.
    pub(super) admin: Option<std::net::TcpListener>,
}

impl Inlets {
    /// Opens the control socket, which nobody can find yet.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(data_dir: &Path, admin: Option<std::net::TcpListener>) -> io::Result<Self> {
        let path = data_dir.join(CTL_SOCKET_NEXT);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(named(&path, &error)),
        }
        // Private from its first moment: a mode that is set afterwards leaves a gap.
        let umask = rustix::process::umask(Mode::from_raw_mode(0o177));
        let ctl = UnixListener::bind(&path);
        rustix::process::umask(umask);
        let ctl = ctl.map_err(|error| named(&path, &error))?;
        ctl.set_nonblocking(true)?;
        if let Some(admin) = &admin {
            admin.set_nonblocking(true)?;
        }
        Ok(Self { ctl, data_dir: data_dir.to_owned(), admin })
    }

    /// Puts the control socket where it is looked for. Another edge that still has one there is not asked
    /// any more from now on.
    ///
    /// # Errors
    /// `data_dir` cannot be written to.
    pub(super) fn publish(&self) -> io::Result<()> {
        let path = self.data_dir.join(CTL_SOCKET);
        std::fs::rename(self.data_dir.join(CTL_SOCKET_NEXT), &path).map_err(|error| named(&path, &error))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("control socket {}: {error}", path.display()))
}
