//! A narrow link: what a server sends to a visitor passes it no faster than so many bits a second, and little waits in
//! it. What a server hands over too early waits at the server.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rempart_base::Now;
use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt};

use crate::{Outcome, pause};

/// What waits in the link.
const QUEUE_BYTES: usize = 64 * 1024;
/// What passes at once.
const PIECE_BYTES: usize = 8 * 1024;

/// Opens a link to that port of this machine, and tells its own. It lasts as long as the program.
pub(super) fn before(port: u16, mbit_per_s: u32) -> Outcome<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let own = listener.local_addr()?.port();
    thread::spawn(move || {
        for visitor in listener.incoming().map_while(Result::ok) {
            // Either side may leave whenever it likes.
            thread::spawn(move || pass(&visitor, port, mbit_per_s).ok());
        }
    });
    Ok(own)
}

fn pass(visitor: &TcpStream, port: u16, mbit_per_s: u32) -> io::Result<()> {
    let server = narrow(port)?;
    visitor.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_visitor, mut to_server) = (visitor.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_visitor, &mut to_server);
        to_server.shutdown(Shutdown::Write).ok()
    });
    let (mut from, mut to) = (&server, visitor);
    let mut piece = [0; PIECE_BYTES];
    let mut due = Now::mono();
    loop {
        let count = from.read(&mut piece)?;
        if count == 0 {
            return visitor.shutdown(Shutdown::Write);
        }
        to.write_all(piece.get(..count).unwrap_or_default())?;
        let nanos = count as u64 * 8 * 1000 / u64::from(mbit_per_s.max(1));
        due = due.max(Now::mono()) + Duration::from_nanos(nanos);
        pause(due.saturating_duration_since(Now::mono()));
    }
}

/// A connection with little room at our end, which has to be said before it is made.
fn narrow(port: u16) -> io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    sockopt::set_socket_recv_buffer_size(&socket, QUEUE_BYTES)?;
    connect(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(TcpStream::from(socket))
}
