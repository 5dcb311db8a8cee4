//! The sockets of the control thread, opened while the process still has its privileges.

use std::io;
use std::os::unix::net::UnixListener;

use rempart_config::Settings;
use rustix::fs::Mode;

/// The file name of the control socket in `data_dir`.
const CTL_SOCKET: &str = "ctl.sock";

/// The sockets of the control thread.
pub struct Inlets {
    /// For `rempart ctl`: whoever may open it may do everything, so only the account itself may.
    pub(super) ctl: UnixListener,
    /// For metrics and status.
    pub(super) admin: Option<std::net::TcpListener>,
}

impl Inlets {
    /// Opens them.
    ///
    /// # Errors
    /// An address is in use or not this machine's, or the control socket cannot be made.
    pub fn open(settings: &Settings) -> io::Result<Self> {
        let path = settings.data_dir.join(CTL_SOCKET);
        let named =
            |e: io::Error| io::Error::new(e.kind(), format!("control socket {}: {e}", path.display()));
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(named(error)),
        }
        // Private from its first moment: a mode that is set afterwards leaves a gap.
        let umask = rustix::process::umask(Mode::from_raw_mode(0o177));
        let ctl = UnixListener::bind(&path);
        rustix::process::umask(umask);
        let ctl = ctl.map_err(named)?;
        ctl.set_nonblocking(true)?;
        let admin = settings.admin.map(|address| -> io::Result<_> {
            let listener = std::net::TcpListener::bind(address).map_err(|e| {
                let hint = "set admin.listen to another address, or to off";
                io::Error::new(e.kind(), format!("admin.listen {address}: {e}; {hint}"))
            })?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        Ok(Self { ctl, admin: admin.transpose()? })
    }
}
