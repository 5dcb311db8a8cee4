//! An origin that answers everything with its greeting; `/held` only once it is told to; `/flood` without end;
//! `/asks…` with a wish to be asked each time.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::PATIENCE;

/// Runs as long as the test does.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    arrived: Receiver<()>,
    release: Sender<()>,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell_arrived, arrived) = channel();
        let (release, released) = channel();
        let released = Arc::new(Mutex::new(released));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (tell_arrived, released) = (tell_arrived.clone(), Arc::clone(&released));
                std::thread::spawn(move || serve(stream, &tell_arrived, &released));
            }
        });
        Self { address, arrived, release }
    }

    /// Waits until a request for `/held` has come.
    pub(crate) fn await_held(&self) {
        self.arrived.recv_timeout(PATIENCE).unwrap();
    }

    /// Lets it be answered.
    pub(crate) fn release(&self) {
        self.release.send(()).unwrap();
    }
}

fn serve(mut stream: TcpStream, tell_arrived: &Sender<()>, released: &Mutex<Receiver<()>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        let _ = lines.by_ref().take_while(|line| !line.is_empty()).count();
        if first.starts_with("GET /held ") {
            tell_arrived.send(()).ok();
            released.lock().unwrap().recv().ok();
        }
        if first.starts_with("GET /flood ") {
            let endless = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX / 2);
            let mut left = stream.write_all(endless.as_bytes()).is_ok();
            while left {
                left = stream.write_all(&[b'x'; 64 * 1024]).is_ok();
            }
            return;
        }
        if first.starts_with("GET /asks") {
            let asks =
                b"HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nETag: \"1\"\r\nContent-Length: 15\r\n\r\n\
                         from the origin";
            if stream.write_all(asks).is_err() {
                return;
            }
            continue;
        }
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nfrom the origin").is_err() {
            return;
        }
    }
}
