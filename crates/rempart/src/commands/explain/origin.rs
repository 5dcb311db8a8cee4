//! What is to be said of the origin.

use serde_json::Value;

use crate::commands::events::stored::{number, status, text};

/// Which one, what it said and how long that took.
pub(super) fn told(line: &Value) -> Vec<String> {
    let label = text(line, "OriginURL");
    if text(line, "OriginIP").is_empty() && number(line, "OriginResponseTime").is_none() {
        return match label {
            "" => vec!["no origin was asked".to_owned()],
            label => vec![format!("{label} could not be reached")],
        };
    }
    let mut rows = Vec::new();
    let address = text(line, "OriginIP");
    let answered = match number(line, "OriginResponseStatus") {
        None | Some(0) => "has not answered".to_owned(),
        Some(_) => format!("answered {}", status(line, "OriginResponseStatus")),
    };
    let took = number(line, "OriginResponseTime").map(|ns| format!(" after {}", time(ns)));
    rows.push(format!("{address} {answered}{}", took.unwrap_or_default()));
    if let Some(bytes) = number(line, "OriginResponseBytes") {
        rows.push(format!("{bytes} bytes came from it"));
    }
    rows.push(
        match (number(line, "OriginTCPHandshakeDurationMs"), number(line, "OriginDNSResponseTimeMs")) {
            (None, None) => "over a connection that was open already".to_owned(),
            (tcp, dns) => {
                let tls = number(line, "OriginTLSHandshakeDurationMs");
                let version = text(line, "OriginSSLProtocol");
                format!(
                    "over a new connection: name {} ms, TCP {} ms, TLS {}",
                    dns.unwrap_or(0),
                    tcp.unwrap_or(0),
                    if version.is_empty() {
                        "none".to_owned()
                    } else {
                        format!("{} ms ({version})", tls.unwrap_or(0))
                    }
                )
            }
        },
    );
    rows
}

/// Nanoseconds as people say them.
pub(super) fn time(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..10_000_000_000 => format!("{}.{} ms", ns / 1_000_000, ns / 100_000 % 10),
        _ => format!("{} s", ns / 1_000_000_000),
    }
}
