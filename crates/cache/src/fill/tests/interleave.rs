//! Whatever order things happen in: each reader gets exactly the body, or a prefix of it and why there is no more;
//! and nobody waits for ever.

use std::collections::HashMap;

use super::*;
use crate::object::Slice;

/// Numbers that look random, the same in each run (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One visitor, as the edge would serve it.
struct Visitor {
    /// `None`: it has ended.
    reader: Option<Reader>,
    bell: Arc<Bell>,
    waker: Waker,
    may_run: bool,
    got: u64,
    end: Option<Gone>,
}

struct World {
    dice: Dice,
    fills: Fills,
    store: HashMap<u32, Slice>,
    forgets: bool,
    total: u64,
    writer: Option<Writer>,
    writer_bell: (Arc<Bell>, Waker),
    writer_may_run: bool,
    /// At which byte the origin breaks off.
    breaks_at: u64,
    visitors: Vec<Visitor>,
    failed: bool,
}

impl World {
    fn visit(&mut self, reader: Reader, from: u64) {
        let (bell, waker) = Bell::new();
        self.visitors.push(Visitor {
            reader: Some(reader),
            bell,
            waker,
            may_run: true,
            got: from,
            end: None,
        });
    }

    fn store(&mut self, (index, slice): (u32, Slice)) {
        if !(self.forgets && self.dice.roll(3) == 0) {
            self.store.insert(index, slice);
        }
    }

    fn write(&mut self) {
        let Some(mut writer) = self.writer.take() else { return };
        if writer.at() == self.breaks_at && self.breaks_at < self.total {
            self.failed = true;
            return drop(writer);
        }
        match room(&mut writer, &self.writer_bell.1) {
            None => self.writer_may_run = false,
            Some(Room::Abandoned) => {
                self.failed = true;
                let mut finished = writer.abandon();
                while let Some(slice) = finished.take_slice() {
                    self.store(slice);
                }
                return;
            }
            Some(Room::Bytes(_)) => {
                let at = writer.at();
                let end = self.total.min(self.breaks_at).min(at + 1 + self.dice.roll(25));
                writer.write(&body(at, end));
                while let Some(slice) = writer.take_slice() {
                    self.store(slice);
                }
            }
        }
        if writer.at() < self.total {
            self.writer = Some(writer);
            return;
        }
        let mut finished = writer.finish().unwrap();
        while let Some(slice) = finished.take_slice() {
            self.store(slice);
        }
    }

    fn read(&mut self, who: usize) {
        let total = self.total;
        let visitor = &mut self.visitors[who];
        let at = visitor.got;
        let Some(reader) = &mut visitor.reader else { return };
        match read(reader, &visitor.waker, at) {
            None => visitor.may_run = false,
            Some(Ok(bytes)) => {
                let end = at + bytes.len() as u64;
                assert_eq!(bytes, body(at, end));
                visitor.got = end;
            }
            Some(Err(Gone::Behind)) => {
                let found = self.store.get(&((at / SMALL.slice_bytes) as u32)).and_then(|slice| {
                    let within = at % SMALL.slice_bytes;
                    slice.stretches.iter().find_map(|(first, bytes)| {
                        let skip = within.checked_sub(u64::from(*first))? as usize;
                        bytes.get(skip..).filter(|rest| !rest.is_empty())
                    })
                });
                match found {
                    Some(bytes) => {
                        visitor.got = at + bytes.len() as u64;
                        assert_eq!(bytes, body(at, visitor.got));
                    }
                    None => visitor.end = Some(Gone::Behind),
                }
            }
            Some(Err(gone)) => {
                if gone == Gone::End {
                    assert_eq!(at, total);
                }
                visitor.end = Some(gone);
            }
        }
        if visitor.end.is_some() {
            visitor.reader = None;
        }
    }

    fn step(&mut self) {
        let who = self.dice.roll(self.visitors.len() as u64 + 2) as usize;
        if self.writer_bell.0.rang() {
            self.writer_may_run = true;
        }
        for visitor in &mut self.visitors {
            visitor.may_run |= visitor.bell.rang();
        }
        let running = self.visitors.iter().any(|visitor| visitor.may_run && visitor.end.is_none());
        assert!(
            running || self.writer.is_none() || self.writer_may_run,
            "nobody can go on, and the writer stands at {:?}",
            self.writer
        );
        if let Some(visitor) = self.visitors.get(who) {
            if self.dice.roll(60) == 0 {
                self.visitors.swap_remove(who);
            } else if visitor.may_run && visitor.end.is_none() {
                self.read(who);
            }
        } else if self.dice.roll(20) == 0 {
            if let Some((_, reader)) = self.fills.find(key("a")) {
                // A range: it may be behind what is held, or far ahead.
                let from = self.dice.roll(self.total + 1);
                self.visit(reader, from);
            }
        } else if self.writer_may_run {
            self.write();
        }
    }

    fn is_over(&self) -> bool {
        self.writer.is_none() && self.visitors.iter().all(|visitor| visitor.end.is_some())
    }
}

fn play(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..8 {
        dice.roll(2);
    }
    let fills = Fills::new(SMALL);
    let total = dice.roll(150);
    let strong = dice.roll(2) == 0;
    let coming = coming((dice.roll(3) > 0).then_some(total), strong);
    let leader = lead(&fills, "a");
    let followers: Vec<_> = (0..dice.roll(6)).map(|_| follow(&fills, "a")).collect();
    let (writer, own) = leader.object(published("a", coming.bodies(&SMALL)), coming).unwrap();
    let manner = coming.manner(&SMALL);
    let breaks_at = if dice.roll(3) == 0 { dice.roll(total + 1) } else { total };
    let forgets = dice.roll(2) == 0;
    let mut world = World {
        dice,
        fills,
        store: HashMap::new(),
        forgets,
        total,
        writer: Some(writer),
        writer_bell: Bell::new(),
        writer_may_run: true,
        breaks_at,
        visitors: Vec::new(),
        failed: false,
    };
    world.visit(own, 0);
    followers.into_iter().for_each(|reader| world.visit(reader, 0));
    let mut steps = 0;
    while !world.is_over() {
        world.step();
        steps += 1;
        assert!(steps < 100_000, "seed {seed}: it does not end");
    }
    for visitor in &world.visitors {
        match visitor.end {
            Some(Gone::End) => assert_eq!(visitor.got, total),
            Some(Gone::Failed) => assert!(world.failed),
            Some(Gone::Behind) => {
                assert!(manner == Manner::Sliced && (world.forgets || world.failed), "seed {seed}")
            }
            None => panic!("seed {seed}"),
        }
    }
    world.visitors.clear();
    assert_idle(&world.fills);
}

#[test]
fn in_whatever_order_nobody_waits_for_ever_and_every_byte_is_right() {
    (1..2000).for_each(play);
}
