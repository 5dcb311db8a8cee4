//! The end of an exchange, and of the connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use rempart_base::Now;
use rempart_io::buffer::Filled;
use tokio::io::AsyncWrite;

use super::{Answer, Http1};
use crate::bounds::{LINGER, LINGER_BYTES_MAX};
use crate::visitor::Visitor;

impl Http1 {
    /// Ends the exchange after its answer: whether the connection can carry another one.
    pub async fn end_exchange(&mut self) -> bool {
        if self.aborted && self.answer == Answer::UntilClose {
            self.stream.reset_on_close();
            return false;
        }
        if self.close || matches!(self.answer, Answer::Exact(1..) | Answer::UntilClose) {
            self.close_gently().await;
            return false;
        }
        true
    }

    /// Closes so that the answer arrives: what the visitor still sends is read away for a moment, since
    /// unread bytes would turn the close into a reset.
    async fn close_gently(&mut self) {
        if poll_fn(|cx| self.poll_flush(cx)).await.is_err() {
            return;
        }
        self.deadline.set(Now::mono() + LINGER);
        let mut budget = LINGER_BYTES_MAX;
        let mut shut = false;
        poll_fn(|cx| {
            if !shut {
                shut = Pin::new(&mut self.stream).poll_shutdown(cx).is_ready();
            }
            while !self.input_ended && budget > 0 {
                let waiting = self.input.len();
                budget = budget.saturating_sub(waiting as u64);
                self.input.consume(waiting);
                match self.input.poll_fill(&mut self.stream, cx, self.limits.head_bytes_max) {
                    Poll::Ready(Ok(Filled::Bytes)) => {}
                    Poll::Ready(Ok(Filled::End) | Err(_)) => self.input_ended = true,
                    Poll::Pending => return self.deadline.poll_passed(cx),
                }
            }
            Poll::Ready(())
        })
        .await;
    }
}
