//! The floods: what each of them sends, a batch at a time.

use clap::ValueEnum;

use super::frames::{
    ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, YOUNGEST, frame, remembered, request,
};
use crate::certificate::HOST;
use crate::works::Work;

/// How much is written at once, in bytes, or slightly more.
const BATCH_BYTES: usize = 64 << 10;
/// Frames without content on one stream, before another one is opened.
const EMPTY_ON_ONE_STREAM: u32 = 4_096;
/// What is remembered and then referred to: as large as the table that everybody must have, 4,096 bytes with 32 of
/// its own and its name.
const ENTRY_BYTES: usize = 4_096 - 32 - BOMB.len();
const BOMB: &str = "x-bomb";
/// References to it in one request: what is left of a frame of 16,384 bytes.
const REFERENCES: usize = 16_000;
/// `SETTINGS_HEADER_TABLE_SIZE` (RFC 9113 section 6.5.2): each change of it is work for who encodes.
const HEADER_TABLE_SIZE: u16 = 0x1;

/// What the flooder sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Flood {
    /// Nothing: what visitors feel on a quiet day.
    None,
    /// Requests that are taken back at once.
    RapidReset,
    /// Requests that the server must take back: each is followed by a `WINDOW_UPDATE` of nothing, an error of its
    /// stream (RFC 9113 section 6.9).
    MadeYouReset,
    /// PING.
    Ping,
    /// PING, and no answer is read.
    PingUnread,
    /// SETTINGS that change the size of a table.
    Settings,
    /// The same, and no answer is read.
    SettingsUnread,
    /// Requests with DATA that has no content and no end.
    EmptyData,
    /// One request whose head goes on without end, in frames without content.
    Continuation,
    /// Heads that refer to one large field again and again.
    HeaderBomb,
    /// `WINDOW_UPDATE` by one byte.
    WindowUpdate,
    /// PRIORITY of streams that do not exist.
    Priority,
}

impl Flood {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Self; 12] = [
        Self::None,
        Self::RapidReset,
        Self::MadeYouReset,
        Self::Ping,
        Self::PingUnread,
        Self::Settings,
        Self::SettingsUnread,
        Self::EmptyData,
        Self::Continuation,
        Self::HeaderBomb,
        Self::WindowUpdate,
        Self::Priority,
    ];

    /// As it is typed.
    #[must_use]
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether one batch is as good as the next.
    const fn repeats(self) -> bool {
        match self {
            Self::Ping | Self::PingUnread | Self::Settings | Self::SettingsUnread => true,
            Self::Continuation | Self::WindowUpdate | Self::Priority => true,
            Self::None | Self::RapidReset | Self::MadeYouReset | Self::EmptyData | Self::HeaderBomb => false,
        }
    }

    /// Whether the flooder reads what it is answered.
    #[must_use]
    pub(crate) const fn reads(self) -> bool {
        !matches!(self, Self::PingUnread | Self::SettingsUnread)
    }
}

/// The bytes of a flood on one connection.
#[derive(Debug)]
pub(crate) struct Batches {
    flood: Flood,
    /// The stream that was opened last; clients' are odd.
    stream: u32,
    nth: u32,
    get: Vec<u8>,
    batch: Vec<u8>,
    batch_frames: u64,
    /// Frames so far.
    pub frames: u64,
}

impl Batches {
    /// For a new connection.
    #[must_use]
    pub(crate) fn of(flood: Flood) -> Self {
        let stream = 0_u32.wrapping_sub(1);
        let get = request("GET", HOST, Work::H2Hit1k.path());
        Self { flood, stream, nth: 0, get, batch: Vec::new(), batch_frames: 0, frames: 0 }
    }

    /// What is sent first.
    pub(crate) fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend(PREFACE);
        frame(out, SETTINGS, 0, 0, &[]);
        frame(out, SETTINGS, ACK, 0, &[]);
        match self.flood {
            Flood::Continuation => {
                let (stream, get) = (self.next_stream(), self.get.clone());
                frame(out, HEADERS, END_STREAM, stream, &get);
            }
            Flood::HeaderBomb => {
                let stream = self.next_stream();
                let mut block = self.get.clone();
                remembered(&mut block, BOMB, &"x".repeat(ENTRY_BYTES));
                frame(out, HEADERS, END_STREAM | END_HEADERS, stream, &block);
                self.get.extend([YOUNGEST; REFERENCES]);
            }
            Flood::None | Flood::RapidReset | Flood::MadeYouReset | Flood::Ping => {}
            Flood::PingUnread | Flood::Settings | Flood::SettingsUnread => {}
            Flood::EmptyData | Flood::WindowUpdate | Flood::Priority => {}
        }
    }

    /// The next batch; empty where nothing is sent, or when the numbers of streams are used up. It is the one before
    /// where that can be sent again: who writes frames is not what is measured.
    pub(crate) fn next(&mut self) -> &[u8] {
        if self.batch.is_empty() || !self.flood.repeats() {
            let (before, mut out) = (self.frames, std::mem::take(&mut self.batch));
            out.clear();
            let is_over = |stream: u32| stream.wrapping_add(1) > (1 << 31) - 2;
            while self.flood != Flood::None && !is_over(self.stream) && out.len() < BATCH_BYTES {
                self.one(&mut out);
            }
            self.batch = out;
            self.batch_frames = self.frames - before;
        } else {
            self.frames += self.batch_frames;
        }
        &self.batch
    }

    fn one(&mut self, out: &mut Vec<u8>) {
        self.nth = self.nth.wrapping_add(1);
        self.frames += 1;
        match self.flood {
            Flood::None => {}
            Flood::RapidReset | Flood::MadeYouReset => {
                let stream = self.next_stream();
                frame(out, HEADERS, END_STREAM | END_HEADERS, stream, &self.get);
                if self.flood == Flood::RapidReset {
                    frame(out, RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
                } else {
                    frame(out, WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes());
                }
                self.frames += 1;
            }
            Flood::Ping | Flood::PingUnread => {
                frame(out, PING, 0, 0, &u64::from(self.nth).to_be_bytes());
            }
            Flood::Settings | Flood::SettingsUnread => {
                let [a, b] = HEADER_TABLE_SIZE.to_be_bytes();
                let [c, d, e, f] = (self.nth % 2 * 4096).to_be_bytes();
                frame(out, SETTINGS, 0, 0, &[a, b, c, d, e, f]);
            }
            Flood::EmptyData if self.nth % EMPTY_ON_ONE_STREAM == 1 => {
                let stream = self.next_stream();
                frame(out, HEADERS, END_HEADERS, stream, &request("POST", HOST, Work::H2Hit1k.path()));
            }
            Flood::EmptyData => frame(out, DATA, 0, self.stream, &[]),
            Flood::Continuation => frame(out, CONTINUATION, 0, self.stream, &[]),
            Flood::HeaderBomb => {
                let stream = self.next_stream();
                frame(out, HEADERS, END_STREAM | END_HEADERS, stream, &self.get);
            }
            Flood::WindowUpdate => frame(out, WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
            Flood::Priority => {
                // Of streams that this connection may still open, each below none (RFC 9113 section 6.3).
                frame(out, PRIORITY, 0, self.nth % 1000 * 2 + 1, &[0, 0, 0, 0, 15]);
            }
        }
    }

    fn next_stream(&mut self) -> u32 {
        self.stream = self.stream.wrapping_add(2);
        self.stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind, flags, stream and payload of each frame.
    fn frames_of(mut bytes: &[u8]) -> Vec<(u8, u8, u32, &[u8])> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_at(9);
            let payload = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            frames.push((head[3], head[4], stream, &rest[..payload]));
            bytes = &rest[payload..];
        }
        frames
    }

    #[test]
    fn every_flood_is_whole_frames_of_a_length_that_everybody_takes() {
        for flood in Flood::ALL {
            let (mut batches, mut out) = (Batches::of(flood), Vec::new());
            batches.begin(&mut out);
            out.extend(batches.next());
            let frames = frames_of(&out[PREFACE.len()..]);
            assert!(frames.iter().all(|(_, _, _, payload)| payload.len() <= 16_384), "{flood:?}");
            assert_eq!(frames.len() > 10 || flood == Flood::HeaderBomb, flood != Flood::None, "{flood:?}");
        }
    }

    #[test]
    fn every_frame_is_counted_also_of_a_batch_that_is_sent_again() {
        for flood in [Flood::Ping, Flood::RapidReset] {
            let mut batches = Batches::of(flood);
            let frames: usize = (0..3).map(|_| frames_of(batches.next()).len()).sum();
            assert_eq!(batches.frames, frames as u64, "{flood:?}");
        }
    }

    #[test]
    fn streams_are_odd_and_rise() {
        for flood in [Flood::RapidReset, Flood::MadeYouReset, Flood::EmptyData, Flood::HeaderBomb] {
            let (mut batches, mut out) = (Batches::of(flood), Vec::new());
            batches.begin(&mut out);
            (0..3).for_each(|_| out.extend(batches.next()));
            let opened: Vec<u32> = frames_of(&out[PREFACE.len()..])
                .into_iter()
                .filter(|(kind, ..)| *kind == HEADERS)
                .map(|(_, _, stream, _)| stream)
                .collect();
            let expected: Vec<u32> = (0..opened.len()).map(|nth| nth as u32 * 2 + 1).collect();
            assert_eq!(opened, expected, "{flood:?}");
        }
    }

    #[test]
    fn what_a_head_refers_to_is_what_another_implementation_remembers() {
        // The crate h2 reads the first request with its large field, and refuses the second for its size.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut flooder, server) = tokio::io::duplex(1 << 20);
            let (mut batches, mut out) = (Batches::of(Flood::HeaderBomb), Vec::new());
            batches.begin(&mut out);
            batches.one(&mut out);
            tokio::io::AsyncWriteExt::write_all(&mut flooder, &out).await.unwrap();
            let mut server = h2::server::handshake(server).await.unwrap();
            let (request, mut respond) = server.accept().await.unwrap().unwrap();
            assert_eq!((request.method().as_str(), request.uri().path()), ("GET", "/public/1k"));
            assert_eq!(request.headers()[BOMB].len(), ENTRY_BYTES);
            respond.send_response(http::Response::new(()), true).unwrap();
            // The second one is never handed over.
            drop(flooder);
            assert!(server.accept().await.is_none_or(|next| next.is_err()));
        });
    }
}
