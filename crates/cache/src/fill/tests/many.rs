//! Ten thousand visitors, and threads.

use std::thread;

use super::*;

#[test]
fn ten_thousand_readers_of_one_fill_get_every_byte() {
    let fills = Fills::new(Bounds::default());
    let (_, waker) = Bell::new();
    let total = 1_000_000;
    let leader = lead(&fills, "a");
    let mut readers: Vec<_> = (0..10_000).map(|_| (follow(&fills, "a"), 0_u64)).collect();
    let coming = coming(total, false);
    let (mut writer, own) = leader.object(published("a", coming.bodies(fills.bounds())), coming).unwrap();
    drop(own);
    let bytes = body(0, total);
    while writer.at() < total {
        let Some(Room::Bytes(_)) = room(&mut writer, &waker) else { panic!() };
        let at = writer.at() as usize;
        writer.write(&bytes[at..(at + 100_000).min(bytes.len())]);
        for (reader, at) in &mut readers {
            while let Some(Ok(piece)) = read(reader, &waker, *at) {
                assert_eq!(piece[0], bytes[*at as usize]);
                *at += piece.len() as u64;
            }
        }
    }
    assert!(writer.finish().unwrap().is_whole());
    assert!(readers.iter().all(|(_, at)| *at == total));
    assert_eq!((fills.counts().begun, fills.counts().collapsed), (1, 10_000));
    drop(readers);
    assert_idle(&fills);
}

/// Wakes a thread.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs one step after the other on this thread until it is ready.
fn wait<T>(mut step: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match step(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// What one visitor does, whatever part falls to it. Answers how many bytes it got.
fn visit(fills: &Fills, total: u64, vanishes: bool) -> u64 {
    let mut reader = match fills.join(key("a")) {
        Joined::Leader(leader) => return fetch(leader, fills, total, vanishes),
        Joined::Follower(reader) => reader,
        Joined::Full => panic!(),
    };
    match wait(|cx| reader.poll_head(cx)) {
        Outcome::Object(_) => follow_to_the_end(&mut reader),
        Outcome::Lead(leader) => fetch(leader, fills, total, vanishes),
        other @ (Outcome::Alone | Outcome::Failed(_)) => panic!("{other:?}"),
    }
}

fn fetch(leader: Leader, fills: &Fills, total: u64, vanishes: bool) -> u64 {
    if vanishes {
        return total;
    }
    let coming = coming(total, false);
    let (mut writer, mut own) = leader.object(published("a", coming.bodies(fills.bounds())), coming).unwrap();
    let writing = thread::spawn(move || {
        while writer.at() < total {
            let Room::Bytes(_) = wait(|cx| writer.poll_room(cx)) else { panic!() };
            writer.write(&body(writer.at(), total.min(writer.at() + 1000)));
        }
        drop(writer.finish().unwrap());
    });
    let got = follow_to_the_end(&mut own);
    drop(own);
    writing.join().unwrap();
    got
}

fn follow_to_the_end(reader: &mut Reader) -> u64 {
    let mut at = 0;
    loop {
        match wait(|cx| reader.poll_bytes(cx, at)) {
            Ok(bytes) => {
                let end = at + bytes.len() as u64;
                assert_eq!(bytes, body(at, end));
                at = end;
            }
            Err(Gone::End) => return at,
            Err(gone) => panic!("{gone:?}"),
        }
    }
}

#[test]
fn visitors_on_many_threads_get_every_byte_though_leaders_vanish() {
    for round in 0..20 {
        // The second half is detached: whoever comes later fetches anew.
        let total = if round % 2 == 0 { 30_000 } else { 90_000 };
        let fills = Fills::new(Bounds {
            whole_bytes_max: 50_000,
            window_bytes: 10_000,
            bytes_max: u64::MAX,
            ..SMALL
        });
        let fills = Fills::new(Bounds { detached_per_origin_max: 1000, ..*fills.bounds() });
        let visitors: Vec<_> = (0..16)
            .map(|number| {
                let fills = fills.clone();
                thread::spawn(move || visit(&fills, total, number % 5 == 0))
            })
            .collect();
        for visitor in visitors {
            assert_eq!(visitor.join().unwrap(), total);
        }
        assert_idle(&fills);
    }
}
