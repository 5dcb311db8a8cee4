//! cases
fn main() {}
