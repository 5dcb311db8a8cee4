//! The taster's own: what it reports, and the tasting itself. It runs in a child of the supervisor that has
//! no network and little memory; what kills or hangs it there never reaches an edge.

pub mod report;

pub use report::Report;
