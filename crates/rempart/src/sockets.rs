//! The listening sockets. The supervisor binds them once and keeps them, so that connections wait in
//! their backlogs while one edge process follows another.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use rempart_edge::page::Page;
use rempart_edge::taste::report::Needs;
use rempart_wire::ProxyProtocol;
use rempart_wire::config::{Listen, ListenAddress, Listener};
use socket2::{Domain, Protocol, Socket, Type};

use crate::output::Failure;

/// The kernel cuts it down to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// One address with a socket for each worker.
pub(crate) struct Bound {
    /// As bound: port 0 has become a real one.
    pub(crate) address: SocketAddr,
    /// Whether visitors speak TLS here.
    pub(crate) tls: bool,
    /// What connections begin with.
    pub(crate) proxy_protocol: ProxyProtocol,
    /// One `SO_REUSEPORT` socket for each worker.
    pub(crate) sockets: Vec<TcpListener>,
}

impl Bound {
    /// Whether it is what a listener for this address would be. On a machine without IPv6, every address is
    /// every IPv4 address.
    fn is_for(&self, wanted: ListenAddress) -> bool {
        is_same(self.address, wanted.socket_address())
            || matches!(wanted, ListenAddress::Every { port }
                if is_same(self.address, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))))
    }

    /// The address as a person would type it.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }
}

/// Everything that one edge after another serves on.
#[derive(Default)]
pub(crate) struct Sockets {
    /// For visitors.
    pub(crate) listeners: Vec<Bound>,
    /// For the people who run this edge; `None` is off.
    pub(crate) admin: Option<TcpListener>,
    /// By which edges learn of each other's purges; `None`: the kernel had no memory for it, and an edge that
    /// drains does not learn of what its successor is told.
    pub(crate) tide: Option<Page>,
}

impl Sockets {
    /// What these settings need. Of the inherited ones those are kept that are still wanted, so that who waits
    /// in their backlogs goes on waiting for us.
    ///
    /// # Errors
    /// The first address that cannot be bound, with what to do about it.
    pub(crate) fn open(needs: &Needs, inherited: Self) -> Result<Self, Failure> {
        let admin = match (needs.admin, inherited.admin) {
            (Some(address), Some(socket)) if is_on(&socket, address) => Some(socket),
            (Some(address), _) => Some(bind_admin(address)?),
            (None, _) => None,
        };
        let listeners = bind(&needs.listen(), needs.workers, inherited.listeners)?;
        let tide = inherited.tide.or_else(|| Page::create_tide().ok());
        Ok(Self { listeners, admin, tide })
    }

    /// For how many workers they are.
    pub(crate) fn workers(&self) -> usize {
        self.listeners.iter().map(|bound| bound.sockets.len()).max().unwrap_or(1)
    }
}

/// Binds the admin endpoint.
///
/// # Errors
/// The address cannot be bound, with what to do about it.
fn bind_admin(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| {
        Failure::Text(format!(
            "admin.listen {address}: {error}\n  to do: set admin.listen to another address, or to off"
        ))
    })
}

/// Binds every address of `listen`, with a socket for each worker.
///
/// # Errors
/// The first address that cannot be bound, with what to do about it.
fn bind(listen: &Listen, workers: NonZeroUsize, mut inherited: Vec<Bound>) -> Result<Vec<Bound>, Failure> {
    let http = listen.http.iter().map(|listener| (listener, false));
    let https = listen.https.iter().map(|listener| (listener, true));
    http.chain(https)
        .map(|(listener, tls)| {
            let known = inherited.iter().position(|bound| bound.is_for(listener.address));
            let opened = match known.map(|index| inherited.remove(index)) {
                Some(bound) => complete(bound, listener.address, workers.get()),
                None => bind_one(listener.address, workers.get()),
            };
            let (address, sockets) = opened.map_err(|error| Failure::Text(explain(listener, &error)))?;
            Ok(Bound { address, tls, proxy_protocol: listener.proxy_protocol, sockets })
        })
        .collect()
}

/// Brings inherited sockets to as many as there are workers. Those beyond stay: somebody may wait there.
fn complete(
    bound: Bound,
    wanted: ListenAddress,
    workers: usize,
) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let Bound { address, mut sockets, .. } = bound;
    for _ in sockets.len()..workers {
        sockets.push(one_of_group(address, matches!(wanted, ListenAddress::At(_)))?);
    }
    Ok((address, sockets))
}

fn is_on(socket: &TcpListener, wanted: SocketAddr) -> bool {
    socket.local_addr().is_ok_and(|address| is_same(address, wanted))
}

/// Port 0 is any.
fn is_same(address: SocketAddr, wanted: SocketAddr) -> bool {
    address.ip() == wanted.ip() && (address.port() == wanted.port() || wanted.port() == 0)
}

fn bind_one(address: ListenAddress, workers: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let wanted = address.socket_address();
    let only_v6 = matches!(address, ListenAddress::At(_));
    match group(wanted, only_v6, workers) {
        // This machine has no IPv6.
        Err(error) if !only_v6 && is_no_ipv6(&error) => {
            group(SocketAddr::from((Ipv4Addr::UNSPECIFIED, wanted.port())), only_v6, workers)
        }
        bound => bound,
    }
}

fn group(wanted: SocketAddr, only_v6: bool, workers: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    // Without SO_REUSEPORT first: else a second instance of ours would silently share the visitors.
    let probe = open(wanted, only_v6)?;
    probe.bind(&wanted.into())?;
    probe.listen(1)?;
    let address = TcpListener::from(probe).local_addr()?;
    let sockets = (0..workers).map(|_| one_of_group(address, only_v6));
    Ok((address, sockets.collect::<io::Result<_>>()?))
}

fn one_of_group(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = open(address, only_v6)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn open(address: SocketAddr, only_v6: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    Ok(socket)
}

fn is_no_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

fn explain(listener: &Listener, error: &io::Error) -> String {
    let address = listener.address.socket_address();
    if error.kind() == ErrorKind::AddrInUse {
        return format!(
            "cannot listen on {address}: another program listens there already\n  \
             to do: stop that program, or choose another port under `listen` (`--from` of `rempart proxy`)"
        );
    }
    if error.kind() == ErrorKind::PermissionDenied {
        return format!(
            "cannot listen on {address}: ports below 1024 need a privilege\n  \
             to do: start as root (Rempart then changes to `user`), give the program CAP_NET_BIND_SERVICE, \
             or choose a higher port"
        );
    }
    format!("cannot listen on {address}: {error}\n  to do: give an address of this machine under `listen`")
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn each_worker_has_a_socket_of_its_own_on_one_port() {
        let (address, sockets) =
            bind_one(ListenAddress::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))), 3).unwrap();
        assert_eq!(sockets.len(), 3);
        assert!(sockets.iter().all(|socket| socket.local_addr().unwrap() == address));
        TcpStream::connect(address).unwrap();
    }

    #[test]
    fn an_address_that_someone_listens_on_is_refused_even_if_they_share_it() {
        let (address, _sockets) =
            bind_one(ListenAddress::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))), 2).unwrap();
        let error = bind_one(ListenAddress::At(address), 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn every_address_takes_visitors_over_ipv4_too() {
        let (address, _sockets) = bind_one(ListenAddress::Every { port: 0 }, 1).unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).unwrap();
    }
}
