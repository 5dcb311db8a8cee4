//! How evenly Rempart's workers share connections: opens some, and reads each worker's count from its metrics.

use crate::Outcome;
use crate::http::{Connection, Url};

/// The gauge that is read; one sample a worker.
const GAUGE: &str = "rempart_worker_connections{";

/// What to open, and where the counts are.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Asked once on each connection
    #[arg(long)]
    url: String,
    /// Rempart's metrics, `http://admin.listen/metrics`
    #[arg(long)]
    metrics: String,
    /// How many to hold
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Fail if the busiest worker holds more than this multiple of the mean
    #[arg(long)]
    ratio_max: Option<f64>,
}

/// Prints each worker's connections and the busiest's as a multiple of the mean.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    let url = Url::parse(&options.url)?;
    let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", url.target, url.authority);
    let mut held = Vec::new();
    for _ in 0..options.connections {
        let mut connection = Connection::open(url.address)?;
        connection.exchange(request.as_bytes()).map_err(|broken| broken.cause)?;
        held.push(connection);
    }
    let metrics = Url::parse(&options.metrics)?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        metrics.target, metrics.authority
    );
    let answer =
        Connection::open(metrics.address)?.exchange(request.as_bytes()).map_err(|broken| broken.cause)?;
    let counts = counts_in(&String::from_utf8_lossy(&answer.body));
    let ratio = ratio(&counts).ok_or_else(|| format!("{}: no {GAUGE}…}} above 0", options.metrics))?;
    println!("connections of each worker: {counts:?}; the busiest holds {ratio:.2} × the mean");
    if let Some(max) = options.ratio_max.filter(|max| ratio > *max) {
        return Err(format!("at most {max} × was allowed").into());
    }
    Ok(())
}

fn counts_in(metrics: &str) -> Vec<f64> {
    let samples = metrics.lines().filter_map(|line| line.strip_prefix(GAUGE)?.rsplit_once(' '));
    samples.filter_map(|(_, value)| value.parse().ok()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "there are few workers")]
fn ratio(counts: &[f64]) -> Option<f64> {
    let sum: f64 = counts.iter().sum();
    let busiest = counts.iter().copied().fold(0.0, f64::max);
    (sum > 0.0).then(|| busiest / (sum / counts.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_against_the_mean() {
        let metrics = "# TYPE rempart_worker_connections gauge\n\
                       rempart_worker_connections{worker=\"0\"} 12\n\
                       rempart_worker_connections{worker=\"1\"} 20\n\
                       rempart_worker_connections_total{worker=\"1\"} 900\n";
        let counts = counts_in(metrics);
        assert_eq!(counts, [12.0, 20.0]);
        assert_eq!(ratio(&counts), Some(1.25));
        assert_eq!(ratio(&[]), None);
        assert_eq!(ratio(&[0.0]), None);
    }
}
