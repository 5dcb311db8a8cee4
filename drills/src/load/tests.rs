//! The generator notices what it must, by servers that lie.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::net::sockopt::set_socket_linger;

use super::*;
use crate::marks;

/// What a server that lies does with a request.
type Lie = fn(&mut TcpStream, &str);

/// Each connection has a thread; each request that is read is given to the lie.
fn lying(lie: Lie) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || converse(stream, lie));
        }
    });
    address
}

fn converse(mut stream: TcpStream, lie: Lie) {
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
        lie(&mut stream, request.split(' ').nth(1).unwrap());
    }
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok();
}

fn honest(stream: &mut TcpStream, target: &str) {
    answer(stream, "200 OK", &marks::body(7, "z0007.example", target));
}

/// Sends until something has come of ten requests.
fn load(address: SocketAddr, change: impl FnOnce(&mut Plan)) -> Tally {
    let mut plan = Plan::new(address, vec![Tenant::new(7)]);
    change(&mut plan);
    let load = Load::start(plan).unwrap();
    until(Duration::from_secs(20), "ten ends", || {
        let tally = load.so_far();
        Ok(tally.right + tally.failed_count() + tally.crossed() >= 10)
    })
    .unwrap();
    load.stop()
}

#[test]
fn an_honest_server_fails_in_nothing() {
    let tally = load(lying(honest), |_| {});
    assert_eq!((tally.failed_count(), tally.crossed(), tally.sent), (0, 0, tally.right));
    assert_eq!(tally.latency[0].total(), tally.right);
}

#[test]
fn every_lie_is_noticed_and_called_by_its_name() {
    let lies: [(Lie, Failure); 10] = [
        (
            |stream, target| answer(stream, "200 OK", &marks::body(8, "z0007.example", target)),
            Failure::WrongTenant,
        ),
        (
            |stream, target| answer(stream, "200 OK", &marks::body(7, "z0008.example", target)),
            Failure::WrongTenant,
        ),
        (
            |stream, _| answer(stream, "200 OK", &marks::body(7, "z0007.example", "/1?id=77777")),
            Failure::WrongBody,
        ),
        (
            |stream, target| answer(stream, "200 OK", &marks::body(7, "z0007.example", target)[1..]),
            Failure::WrongTenant,
        ),
        (
            |stream, target| {
                answer(stream, "200 OK", &format!("{}x", marks::body(7, "z0007.example", target)))
            },
            Failure::WrongBody,
        ),
        (
            |stream, target| answer(stream, "503 No", &marks::body(7, "z0007.example", target)),
            Failure::Ours(503),
        ),
        (|stream, _| answer(stream, "404 No", ""), Failure::Status(404)),
        (|stream, _| answer(stream, "whatever", ""), Failure::Nonsense),
        (
            |stream, _| {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").ok();
                stream.shutdown(std::net::Shutdown::Both).ok();
            },
            Failure::Closed,
        ),
        (
            |stream, _| {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").ok();
                reset(stream);
            },
            Failure::Reset,
        ),
    ];
    for (lie, failure) in lies {
        let tally = load(lying(lie), |_| {});
        assert_eq!(tally.right, 0, "{failure}: {}", tally.kinds(|_| true));
        assert!(
            tally.failures().all(|failed| failed.failure == failure),
            "{failure}: {}",
            tally.kinds(|_| true)
        );
    }
}

/// Resets the connection: a socket that may not linger is closed so.
fn reset(stream: &mut TcpStream) {
    set_socket_linger(&*stream, Some(Duration::ZERO)).unwrap();
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap();
    *stream = TcpStream::connect(nowhere.local_addr().unwrap()).unwrap();
}

#[test]
fn a_server_that_answers_late_or_never_or_is_not_there_is_noticed() {
    let late = load(lying(honest), |plan| plan.late_after = Duration::ZERO);
    assert!(late.failures().all(|failed| failed.failure == Failure::Late) && late.right == 0);
    let never = load(lying(|_, _| {}), |plan| plan.timeout = Duration::from_millis(50));
    assert!(never.failures().all(|failed| failed.failure == Failure::TimedOut) && never.right == 0);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = load(closed, |_| {});
    assert!(refused.failures().all(|failed| failed.failure == Failure::Refused) && refused.right == 0);
}

#[test]
fn a_kept_connection_that_closes_under_a_request_is_counted_and_not_repeated() {
    // Honest to the first request of a connection; the second is read and never answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut buffer = vec![0; 4096];
                let read = stream.read(&mut buffer).unwrap();
                let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                honest(&mut stream, request.split(' ').nth(1).unwrap());
                let _ = stream.read(&mut buffer).unwrap();
            });
        }
    });
    let tally = load(address, |_| {});
    assert!(tally.crossed() > 0, "{tally:?}");
    assert_eq!((tally.failed_count(), tally.sent), (0, tally.right + tally.crossed()));
}

#[test]
fn no_more_are_open_than_may_be() {
    let tally = load(lying(|_, _| {}), |plan| {
        plan.open_max = 3;
        plan.timeout = Duration::from_millis(100);
    });
    assert!(tally.held_back > 0, "{tally:?}");
}
