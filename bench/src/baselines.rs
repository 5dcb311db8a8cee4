//! What the prototypes and peers cost when Rempart was designed, for comparison with a run of today.
//!
//! Source: the design's BASELINES.md, table "HTTP/1.1, 64 keep-alive connections, five request headers
//! (wrk)": CPU µs a request, median of three, access logs off everywhere but for Varnish. `rempart` is its
//! last column, the prototype "httparse + tokio by hand", which did nothing else. For HTTP/2 its table "HTTP/2 over
//! TLS 1.3 (h2load -c 16 -m 32)": the peers as they come, and `rempart` the prototype "own layer over rustls" with the
//! memmove tunable, as the edge starts itself where that is faster.

use crate::peers::System;
use crate::works::Work;

const CPU_US: [(Work, System, f64); 25] = [
    (Work::Proxy1k, System::Rempart, 14.2),
    (Work::Proxy1k, System::Nginx, 18.6),
    (Work::Proxy1k, System::Haproxy, 20.7),
    (Work::Proxy1k, System::H2o, 24.9),
    (Work::Proxy1k, System::Caddy, 93.1),
    (Work::Hit1k, System::Rempart, 8.2),
    (Work::Hit1k, System::Nginx, 20.4),
    (Work::Hit1k, System::Haproxy, 11.0),
    (Work::Hit1k, System::Varnish, 29.2),
    (Work::Hit1k, System::TrafficServer, 20.7),
    (Work::Hit1k, System::Floor, 7.6),
    (Work::Hit64k, System::Rempart, 19.7),
    (Work::Hit64k, System::Nginx, 25.3),
    (Work::Hit64k, System::Haproxy, 32.6),
    (Work::Hit64k, System::Varnish, 44.7),
    (Work::Hit64k, System::TrafficServer, 28.9),
    (Work::Hit64k, System::Floor, 23.5),
    (Work::H2Hit1k, System::Rempart, 1.2),
    (Work::H2Hit1k, System::Nginx, 18.0),
    (Work::H2Hit1k, System::Haproxy, 8.8),
    (Work::H2Hit1k, System::H2o, 3.0),
    (Work::H2Hit64k, System::Rempart, 28.0),
    (Work::H2Hit64k, System::Nginx, 112.0),
    (Work::H2Hit64k, System::Haproxy, 150.0),
    (Work::H2Hit64k, System::H2o, 57.0),
];

/// The cost of `a` as a multiple of that of `b`, where both were measured.
#[must_use]
pub(crate) fn ratio(work: Work, a: System, b: System) -> Option<f64> {
    Some(cpu_us(work, a)? / cpu_us(work, b)?)
}

fn cpu_us(work: Work, system: System) -> Option<f64> {
    CPU_US.iter().find(|(of, by, _)| (*of, *by) == (work, system)).map(|(_, _, cpu_us)| *cpu_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_needs_both_figures() {
        let ratio_to_nginx = ratio(Work::Proxy1k, System::Rempart, System::Nginx).unwrap();
        assert!((ratio_to_nginx - 0.763).abs() < 0.001);
        assert_eq!(ratio(Work::Proxy1m, System::Rempart, System::Nginx), None);
        assert_eq!(ratio(Work::Proxy1k, System::Rempart, System::Floor), None);
    }
}
