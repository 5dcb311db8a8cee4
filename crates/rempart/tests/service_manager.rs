//! What the service manager is told, on a socket that plays its part.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is test code")]

mod stand;

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::process::{Pid, Signal, kill_process};
use stand::process::Stray;
use stand::{Folder, Origin, PATIENCE, ask, text};

struct Manager(UnixDatagram);

impl Manager {
    fn at(address: &SocketAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn hears(&self) -> String {
        let mut message = [0; 4096];
        let length = self.0.recv(&mut message).unwrap();
        text(&message[..length])
    }
}

#[test]
fn it_is_told_of_the_start_a_reload_a_death_and_the_stop() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let path = folder.path().join("notify");
    let manager = Manager::at(&SocketAddr::from_pathname(&path).unwrap());
    let mut up = folder.up_with(|command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    let serving = format!("READY=1\nSTATUS=serving http://{}", up.http);
    assert_eq!(manager.hears(), serving);
    up.signal(Signal::HUP);
    assert!(manager.hears().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(manager.hears(), serving);
    kill_process(up.edge(), Signal::KILL).unwrap();
    assert_eq!(manager.hears(), "STATUS=the edge died and is started again");
    assert_eq!(manager.hears(), serving);
    up.signal(Signal::TERM);
    assert_eq!(manager.hears(), "STOPPING=1\nSTATUS=draining");
    assert_eq!(up.ended().code(), Some(0));
}

#[test]
fn it_is_told_which_supervisor_is_the_service_now() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let path = folder.path().join("notify");
    let manager = Manager::at(&SocketAddr::from_pathname(&path).unwrap());
    let mut first = folder.up_with(|command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    let serving = format!("READY=1\nSTATUS=serving http://{}", first.http);
    assert_eq!(manager.hears(), serving);
    let file = folder.file();
    let output = ask(&["upgrade", "--supervisor", "-c", file.to_str().unwrap()]);
    let said = text(&output.stdout);
    let pid = said.split(' ').find_map(|word| Pid::from_raw(word.parse().ok()?)).unwrap();
    let second = Stray::of(pid);
    let told = manager.hears();
    assert_eq!(told, format!("MAINPID={pid}\nSTATUS=another supervisor has taken over"));
    assert_eq!(manager.hears(), serving, "of the second, as the service");
    assert_eq!(first.ended().code(), Some(0));
    second.stop();
    assert_eq!(manager.hears(), "STOPPING=1\nSTATUS=draining");
}

#[test]
fn it_may_listen_on_an_abstract_socket() {
    let origin = Origin::start();
    let folder = Folder::before(&origin);
    let name = format!("rempart-test-{}", std::process::id());
    let manager = Manager::at(&SocketAddr::from_abstract_name(&name).unwrap());
    let up = folder.up_with(|command| {
        command.env("NOTIFY_SOCKET", format!("@{name}"));
    });
    assert_eq!(manager.hears(), format!("READY=1\nSTATUS=serving http://{}", up.http));
}
