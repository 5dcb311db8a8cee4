//! What a taster may not do. It runs our own code on an operator's files: this is no jail for an attacker, it
//! bounds what a mistake of ours can do, and makes sure that trying a release touches nobody outside.

use std::collections::BTreeMap;
use std::io::{self, Error};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, geteuid, getppid, set_parent_process_death_signal, setrlimit,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// A taster has two threads; more processor time than both can use is a third that nobody has started.
const THREADS: u64 = 2;
/// Address space that is in use already where the kernel does not say how much it is.
const MAPPED_BYTES_MIN: u64 = 256 << 20;

/// Bounds this process for good. To be called first, before there is a second thread: `parent` started it,
/// and it ends when that ends. `memory_bytes_max` comes on top of what the program itself takes.
///
/// # Errors
/// The kernel refuses. The process must then end.
pub(crate) fn enter(parent: Option<Pid>, memory_bytes_max: u64, time_max: Duration) -> io::Result<()> {
    die_with(parent)?;
    let same = |value| Rlimit { current: Some(value), maximum: Some(value) };
    setrlimit(Resource::Core, same(0))?;
    setrlimit(Resource::As, same(mapped_bytes().saturating_add(memory_bytes_max)))?;
    setrlimit(Resource::Cpu, same((time_max.as_secs() + 1).saturating_mul(THREADS)))?;
    forbid()
}

/// Becomes whoever owns the folder into which it writes, if this process is root's: an edge has handed it to
/// the account that serves.
///
/// # Errors
/// The kernel refuses. The process must then end.
pub(crate) fn become_owner_of(folder: &Path, parent: Option<Pid>) -> io::Result<()> {
    // Of a link that was planted there, whoever planted it.
    let owner = std::fs::symlink_metadata(folder)?;
    if !geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    // libc's calls and not bare system calls: they change every thread of the process.
    // SAFETY: the arguments are numbers; no group is given.
    let done = unsafe {
        libc::setgroups(0, std::ptr::null()) == 0
            && libc::setgid(owner.gid()) == 0
            && libc::setuid(owner.uid()) == 0
    };
    if !done {
        return Err(Error::last_os_error());
    }
    // The kernel forgets this when the account changes.
    die_with(parent)
}

fn die_with(parent: Option<Pid>) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() == parent { Ok(()) } else { Err(Error::other("the supervisor has died")) }
}

/// What the program has mapped before it has done anything.
fn mapped_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<u64> = statm.split(' ').next().and_then(|pages| pages.parse().ok());
    pages.map_or(MAPPED_BYTES_MIN, |pages| pages.saturating_mul(rustix::param::page_size() as u64))
}

/// Forbids this thread, and those that it starts, what [`forbidden`] lists: each such call fails with `EPERM`.
fn forbid() -> io::Result<()> {
    let filter = SeccompFilter::new(
        forbidden()?,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        std::env::consts::ARCH.try_into().map_err(Error::other)?,
    );
    let program: BpfProgram = filter.map_err(Error::other)?.try_into().map_err(Error::other)?;
    // Sets "no new privileges" too.
    seccompiler::apply_filter(&program).map_err(Error::other)
}

fn forbidden() -> io::Result<BTreeMap<libc::c_long, Vec<SeccompRule>>> {
    let always = [
        // The network, and sockets of other programs on this machine.
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        // They may carry an address, which a filter cannot see; nothing of ours needs them.
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        // Would do all of that behind this list's back.
        libc::SYS_io_uring_setup,
        // Other programs and processes.
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_kill,
        libc::SYS_pidfd_send_signal,
        libc::SYS_pidfd_getfd,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        // The machine.
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_keyctl,
        libc::SYS_reboot,
    ];
    let not_unix = rule(0, SeccompCmpArgLen::Dword, libc::AF_UNIX.unsigned_abs().into())?;
    // A datagram needs no connection if it carries an address.
    let with_address = rule(4, SeccompCmpArgLen::Qword, 0)?;
    let some = [
        (libc::SYS_socket, not_unix.clone()),
        (libc::SYS_socketpair, not_unix),
        (libc::SYS_sendto, with_address),
    ];
    let always = always.into_iter().map(|call| (call, Vec::new()));
    Ok(always.chain(some.into_iter().map(|(call, rule)| (call, vec![rule]))).collect())
}

/// Whether an argument is another than this.
fn rule(argument: u8, length: SeccompCmpArgLen, value: u64) -> io::Result<SeccompRule> {
    let condition = SeccompCondition::new(argument, length, SeccompCmpOp::Ne, value);
    SeccompRule::new(vec![condition.map_err(Error::other)?]).map_err(Error::other)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, IoSlice, Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
    use std::process::Command;

    use rustix::net::{SendAncillaryBuffer, SendFlags, SocketAddrUnix, sendmsg_addr};

    use super::*;

    fn denied<T>(outcome: io::Result<T>) -> bool {
        outcome.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    }

    #[test]
    fn nothing_outside_can_be_reached_and_socket_pairs_work() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _unix = UnixListener::bind(&path).unwrap();
        let datagrams_path = folder.path().join("datagrams");
        let datagrams = UnixDatagram::bind(&datagrams_path).unwrap();
        let address = listener.local_addr().unwrap();
        // The filter is this thread's alone.
        std::thread::spawn(move || {
            let before = UdpSocket::bind("127.0.0.1:0").unwrap();
            forbid().unwrap();
            assert!(denied(TcpStream::connect(address)) && denied(TcpListener::bind("127.0.0.1:0")));
            assert!(denied(UdpSocket::bind("[::1]:0")) && denied(before.send_to(b"x", address)));
            assert!(
                denied(UnixStream::connect(&path)) && denied(UnixListener::bind(path.with_extension("2")))
            );
            let other = UnixDatagram::unbound().unwrap();
            assert!(denied(other.send_to(b"x", datagrams.local_addr().unwrap().as_pathname().unwrap())));
            let address = SocketAddrUnix::new(&datagrams_path).unwrap();
            let sent = sendmsg_addr(
                &other,
                &address,
                &[IoSlice::new(b"x")],
                &mut SendAncillaryBuffer::default(),
                SendFlags::empty(),
            );
            assert!(denied(sent.map_err(Error::from)));
            assert!(denied(Command::new("/bin/true").status()));
            let (mut one, mut two) = UnixStream::pair().unwrap();
            one.write_all(b"x").unwrap();
            two.read_exact(&mut [0]).unwrap();
        })
        .join()
        .unwrap();
    }

    #[test]
    fn what_is_mapped_already_is_known() {
        let mapped = mapped_bytes();
        assert!((1 << 20..MAPPED_BYTES_MIN * 1024).contains(&mapped), "{mapped}");
        let _more = vec![0_u8; 64 << 20];
        assert!(mapped_bytes() >= mapped + (64 << 20));
    }
}
