//! The configuration of the demo.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const PORTS_TRIED: u16 = 100;

/// Writes it, with the usual ports or, where those are taken, the next free ones.
pub(super) fn write(file: &Path) -> Result<()> {
    let [http, https, origin, admin] =
        [free_port(8080)?, free_port(8443)?, free_port(9000)?, free_port(8001)?];
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    fs::write(
        file,
        format!(
            "# The demo's configuration. Change it while it runs: what is right is taken at once,\n\
             # what is wrong changes nothing. Delete it to begin anew.\n\
             listen:\n  http: [\"127.0.0.1:{http}\"]\n  https: [\"127.0.0.1:{https}\"]\n\
             data_dir: ./state\n\
             admin:\n  listen: \"127.0.0.1:{admin}\"\n\
             log:\n  access:\n    to: ./state/access.log\n\
             {user}\
             zones:\n  - name: demo.localhost\n    hosts: [\"*\"]   # every name and address\n    \
             origins: [\"http://127.0.0.1:{origin}\"]\n",
            user = user(folder)?,
        ),
    )
}

/// Rempart gives root up after binding. Where the account that it changes to cannot reach the file, a
/// changed file could not be read, so there it stays root.
fn user(folder: &Path) -> Result<&'static str> {
    let folder = folder.canonicalize()?;
    let started_as_root = fs::metadata("/proc/self")?.uid() == 0;
    let mut shut = false;
    for ancestor in folder.ancestors() {
        shut |= fs::metadata(ancestor)?.mode() & 0o001 == 0;
    }
    let stays = "user: root   # only because other accounts cannot reach this folder\n";
    Ok(if started_as_root && shut { stays } else { "" })
}

/// The wanted port, or the next one that is free.
fn free_port(wanted: u16) -> Result<u16> {
    let last = wanted.saturating_add(PORTS_TRIED);
    let free = (wanted..=last).find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    let free = free.ok_or_else(|| {
        Error::new(ErrorKind::AddrInUse, format!("no port from {wanted} to {last} is free on 127.0.0.1"))
    })?;
    if free != wanted {
        println!("demo: port {wanted} is taken, using {free} instead");
    }
    Ok(free)
}
