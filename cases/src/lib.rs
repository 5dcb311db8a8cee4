//! Plays `.case` files: one behaviour a file, over real sockets against the real program. What can be
//! written in one is told in `cases/README.md`.

pub mod case;
pub mod certificates;
pub mod http2;
pub mod meeting;
pub mod message;
pub mod parse;
pub mod peer;
pub mod play;
pub mod server;
pub mod site;
pub mod stage;
pub mod step;
pub mod text;
