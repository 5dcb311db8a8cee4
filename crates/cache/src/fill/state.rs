//! What is so with one fill: who waits, who reads from where, what is held.

use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use rempart_flow::Fault;

use super::bounds::{Manner, Reserved};
use super::pieces::Pieces;
use super::registry::Detached;
use super::{Gone, Published};
use crate::key::Key;

/// All of a fill that changes; behind its lock.
#[derive(Debug)]
pub(super) struct State {
    /// Under which keys it is found.
    pub(super) keys: Vec<Key>,
    /// It is among those that are under way, and may be found.
    pub(super) is_listed: bool,
    pub(super) phase: Phase,
    pub(super) seats: Seats,
    pub(super) body: Flow,
}

/// How far a fill is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Somebody fetches the head.
    Led,
    /// Whoever did has vanished: the next who looks takes over.
    Leaderless,
    /// Nobody was there to take over.
    Over,
    /// What became of it.
    Said(Word),
}

/// What is said to all who wait.
#[derive(Clone, Debug)]
pub(super) enum Word {
    Object(Arc<Published>),
    Alone,
    Failed(Fault),
}

/// The body that comes.
#[derive(Debug)]
pub(super) struct Flow {
    /// Its first byte in the whole body.
    pub(super) first: u64,
    pub(super) pieces: Pieces,
    pub(super) manner: Manner,
    pub(super) end: Option<u64>,
    pub(super) progress: Progress,
    /// How far the writer may be ahead.
    pub(super) window: u64,
    /// Up to here slices are with the store.
    pub(super) stored_to: u64,
    pub(super) reserved: Reserved,
    pub(super) detached: Option<Detached>,
    pub(super) writer: WriterSeat,
}

/// Whether a body goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Flowing,
    Complete,
    Failed,
}

/// The writer, when it waits.
#[derive(Debug, Default)]
pub(super) struct WriterSeat {
    pub(super) waker: Option<Waker>,
    /// What it waits for, beside that all readers go.
    pub(super) waits_for: Option<Wanted>,
}

/// When a writer that waits is woken. Some way before the window is all free, so that it is not woken for each piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One reader is here.
    Fastest(u64),
    /// So many readers are not yet here.
    All(u64, usize),
}

/// Everybody who waits or reads, each on a numbered seat.
#[derive(Debug, Default)]
pub(super) struct Seats {
    seats: Vec<Option<Seat>>,
    free: Vec<usize>,
    /// How many were ever taken.
    taken: u64,
    /// No seat is further; some way below it if `is_stale`.
    fastest: u64,
    is_stale: bool,
}

/// One of them.
#[derive(Debug)]
struct Seat {
    at: u64,
    waker: Option<Waker>,
}

impl Seats {
    pub(super) fn take(&mut self, at: u64) -> usize {
        let seat = Some(Seat { at, waker: None });
        self.taken += 1;
        self.fastest = self.fastest.max(at);
        if let Some(free) = self.free.pop()
            && let Some(place) = self.seats.get_mut(free)
        {
            *place = seat;
            return free;
        }
        self.seats.push(seat);
        self.seats.len() - 1
    }

    /// Answers where it was.
    pub(super) fn leave(&mut self, number: usize) -> Option<u64> {
        let seat = self.seats.get_mut(number)?.take()?;
        self.free.push(number);
        self.is_stale |= seat.at == self.fastest;
        Some(seat.at)
    }

    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) const fn count(&self) -> usize {
        self.seats.len() - self.free.len()
    }

    /// Whoever sits there waits.
    pub(super) fn wait(&mut self, number: usize, waker: &Waker) {
        if let Some(Some(seat)) = self.seats.get_mut(number) {
            match &mut seat.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
    }

    /// Moves a seat forward. Answers where it was.
    pub(super) fn advance(&mut self, number: usize, at: u64) -> u64 {
        let Some(Some(seat)) = self.seats.get_mut(number) else { return at };
        let before = seat.at;
        seat.at = before.max(at);
        self.fastest = self.fastest.max(at);
        before
    }

    /// Where all seats stand that are taken.
    fn places(&self) -> impl Iterator<Item = u64> {
        self.seats.iter().flatten().map(|seat| seat.at)
    }

    pub(super) fn fastest(&mut self) -> u64 {
        if self.is_stale {
            self.fastest = self.places().max().unwrap_or_default();
            self.is_stale = false;
        }
        self.fastest
    }

    pub(super) fn slowest(&self) -> Option<u64> {
        self.places().min()
    }

    pub(super) fn below(&self, at: u64) -> usize {
        self.places().filter(|place| *place < at).count()
    }

    /// All begin here.
    pub(super) fn begin(&mut self, at: u64) {
        self.seats.iter_mut().flatten().for_each(|seat| seat.at = at);
        self.fastest = at;
        self.is_stale = false;
    }

    /// Those who wait for a byte before this one.
    pub(super) fn wake_before(&mut self, end: u64, wakers: &mut Vec<Waker>) {
        let waiting = self.seats.iter_mut().flatten().filter(|seat| seat.at < end);
        wakers.extend(waiting.filter_map(|seat| seat.waker.take()));
    }

    /// Those before this byte are waited for no longer: they find that what they want is gone.
    pub(super) fn leave_behind(&mut self, at: u64, wakers: &mut Vec<Waker>) {
        for seat in self.seats.iter_mut().flatten().filter(|seat| seat.at < at) {
            seat.at = u64::MAX;
            wakers.extend(seat.waker.take());
        }
    }

    /// One of those who wait.
    pub(super) fn wake_one(&mut self) -> Option<Waker> {
        self.seats.iter_mut().flatten().find_map(|seat| seat.waker.take())
    }
}

impl Flow {
    pub(super) fn nothing(reserved: Reserved) -> Self {
        Self {
            first: 0,
            pieces: Pieces::default(),
            manner: Manner::Whole,
            end: None,
            progress: Progress::Flowing,
            window: 0,
            stored_to: 0,
            reserved,
            detached: None,
            writer: WriterSeat::default(),
        }
    }

    /// What a reader gets that stands here.
    pub(super) fn read(&self, at: u64) -> Poll<Result<Bytes, Gone>> {
        let written = self.pieces.end();
        if self.progress != Progress::Failed
            && let Some(bytes) = self.pieces.get(at)
        {
            return Poll::Ready(Ok(bytes));
        }
        let gone = if self.end.is_some_and(|end| at >= end) {
            Gone::End
        } else if self.progress == Progress::Failed {
            Gone::Failed
        } else if at < written {
            Gone::Behind
        } else {
            return Poll::Pending;
        };
        Poll::Ready(Err(gone))
    }

    /// It has failed: nobody gets any more of it.
    pub(super) fn fail(&mut self) {
        self.progress = Progress::Failed;
        self.pieces.clear();
        self.reserved.resize(0);
        self.detached = None;
    }

    /// Whether somebody new may read along.
    pub(super) fn is_open(&self) -> bool {
        self.progress != Progress::Failed && self.manner != Manner::Detached
    }
}

impl WriterSeat {
    /// A reader has moved, or left (`to` is then beyond everything). Whom to wake for it.
    pub(super) fn moved(&mut self, from: u64, to: u64, has_left: bool) -> Option<Waker> {
        let is_woken = match &mut self.waits_for {
            Some(Wanted::Fastest(at)) => !has_left && to >= *at,
            Some(Wanted::All(at, missing)) => {
                if from < *at && (has_left || to >= *at) {
                    *missing = missing.saturating_sub(1);
                }
                *missing == 0
            }
            None => false,
        };
        is_woken.then(|| self.wake()).flatten()
    }

    pub(super) fn wake(&mut self) -> Option<Waker> {
        self.waits_for = None;
        self.waker.take()
    }
}
