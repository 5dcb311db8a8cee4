//! Compares the RAM tier with others: hit ratios, nanoseconds, memory. What it prints stands in
//! `docs/performance.md`.
//!
//! `cargo run --release -p rempart-cache --example store [ratios | speed | memory]`

mod loads;
mod peers;
mod ratios;
mod speed;

fn main() {
    let what = std::env::args().nth(1);
    let is_asked = |name: &str| what.as_deref().is_none_or(|what| what == name);
    if is_asked("memory") {
        speed::print_memory();
    }
    if is_asked("speed") {
        speed::print();
    }
    if is_asked("ratios") {
        ratios::print(1.0);
        ratios::print(1.6);
    }
}
