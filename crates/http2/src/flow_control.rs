//! Flow control (RFC 9113 section 5.2): what may be sent, and what is granted.

use crate::frame::MAX_31;

/// What every window begins with (section 6.9.2).
pub(crate) const INITIAL_WINDOW_BYTES: u32 = 65_535;

/// How much we may send. A change of settings can make it negative (section 6.9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SendWindow(i64);

/// A window above 2³¹ − 1 (section 6.9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl SendWindow {
    pub(crate) fn new(bytes: u32) -> Self {
        Self(i64::from(bytes))
    }

    /// Bytes that may go now.
    #[inline]
    pub(crate) fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    pub(crate) const fn is_open(self) -> bool {
        self.0 > 0
    }

    /// `count` bytes were sent; at most [`SendWindow::bytes`].
    #[inline]
    pub(crate) fn take(&mut self, count: usize) {
        debug_assert!(count <= self.bytes());
        self.0 -= i64::try_from(count).unwrap_or(i64::MAX).min(self.0.max(0));
    }

    /// The peer grants more, or changes what windows begin with.
    pub(crate) fn shift(&mut self, bytes: i64) -> Result<(), Overflow> {
        let shifted = self.0 + bytes;
        if shifted > i64::from(MAX_31) {
            return Err(Overflow);
        }
        self.0 = shifted;
        Ok(())
    }
}

/// How much the peer may send. What was taken is granted again in portions of half a window, so that one
/// WINDOW_UPDATE stands for many frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceiveWindow {
    left: i64,
    due: u32,
    size: u32,
}

/// More than was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overrun;

impl ReceiveWindow {
    /// A window of which `left` bytes are granted and which is to be `size` bytes.
    pub(crate) fn new(left: u32, size: u32) -> Self {
        Self { left: i64::from(left), due: size.saturating_sub(left), size }
    }

    /// The peer has sent so much.
    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> Result<(), Overrun> {
        if i64::from(count) > self.left {
            return Err(Overrun);
        }
        self.left -= i64::from(count);
        Ok(())
    }

    /// So much of it needs no more room.
    #[inline]
    pub(crate) const fn credit(&mut self, count: u32) {
        self.due = self.due.saturating_add(count);
    }

    /// What is to be granted now, if it is enough to be worth a frame.
    #[inline]
    pub(crate) fn grant(&mut self) -> Option<u32> {
        if self.due < self.size / 2 { None } else { self.grant_all() }
    }

    /// What is to be granted, however little.
    pub(crate) fn grant_all(&mut self) -> Option<u32> {
        let due = std::mem::take(&mut self.due);
        self.left += i64::from(due);
        (due > 0).then_some(due)
    }

    /// The peer knows now that windows begin `bytes` smaller.
    pub(crate) fn shrink(&mut self, bytes: u32) {
        self.left -= i64::from(bytes);
    }

    #[cfg(test)]
    pub(crate) const fn parts(self) -> (i64, u32, u32) {
        (self.left, self.due, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_window_may_be_negative_but_not_above_its_bound() {
        let mut window = SendWindow::new(10);
        window.take(10);
        assert_eq!(window.shift(-5), Ok(()));
        assert_eq!((window.bytes(), window.is_open()), (0, false));
        assert_eq!(window.shift(6), Ok(()));
        assert_eq!(window.bytes(), 1);
        assert_eq!(window.shift(i64::from(MAX_31) - 1), Ok(()));
        assert_eq!(window.shift(1), Err(Overflow));
        assert_eq!(window.bytes(), MAX_31 as usize);
    }

    #[test]
    fn what_was_taken_is_granted_again_by_halves() {
        let mut window = ReceiveWindow::new(100, 100);
        assert_eq!(window.take(100), Ok(()));
        assert_eq!(window.take(1), Err(Overrun));
        window.credit(49);
        assert_eq!(window.grant(), None);
        window.credit(1);
        assert_eq!(window.grant(), Some(50));
        assert_eq!(window.grant(), None);
        assert_eq!(window.take(50), Ok(()));
        assert_eq!(window.take(1), Err(Overrun));
    }

    #[test]
    fn a_window_of_one_byte_is_granted_byte_by_byte() {
        let mut window = ReceiveWindow::new(1, 1);
        assert_eq!(window.grant(), None);
        assert_eq!(window.take(1), Ok(()));
        window.credit(1);
        assert_eq!(window.grant(), Some(1));
    }

    #[test]
    fn a_window_that_is_to_be_larger_asks_for_the_difference_at_once() {
        assert_eq!(ReceiveWindow::new(65_535, 1 << 20).grant(), Some((1 << 20) - 65_535));
        assert_eq!(ReceiveWindow::new(65_535, 1000).grant(), None);
    }
}
