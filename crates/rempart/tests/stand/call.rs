//! A caller of `supervisor.sock` that is not the program itself.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketType, connect, send, socket};

use super::Folder;

/// Has the sockets of the supervisor handed over, and does nothing with them.
pub(crate) fn take_over(folder: &Folder) -> OwnedFd {
    say(folder, "take-over")
}

/// Says something.
pub(crate) fn say(folder: &Folder, text: &str) -> OwnedFd {
    let call = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    connect(&call, &SocketAddrUnix::new(folder.data_dir().join("supervisor.sock")).unwrap()).unwrap();
    send(&call, text.as_bytes(), SendFlags::empty()).unwrap();
    call
}
