//! A sink for logs that come over TCP (HAProxy's ring): it writes what comes to a file.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use crate::Outcome;

/// Drains every connection of a free port of this machine into `file`, in threads of this process, and so
/// on its core. Returns the port.
pub(crate) fn drain_into(file: &Path) -> Outcome<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let log = File::options().append(true).create(true).open(file)?;
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Ok(mut log) = log.try_clone() else { return };
            thread::spawn(move || {
                let mut buffer = vec![0; 256 << 10];
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    if log.write_all(buffer.get(..read).unwrap_or_default()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(port)
}
