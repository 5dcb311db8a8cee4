//! Seeing why: `rempart events`, `rempart explain` and `rempart rules test`, over the real program.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "all of it is test code")]

mod rules;
#[path = "../stand/mod.rs"]
mod stand;
mod told;

use std::net::SocketAddr;

use crate::stand::{Folder, configuration};

/// A zone with rules of several kinds.
pub(crate) const RULES: &str = r#"    user_agent_rules:
      - {mode: block, configuration: {target: ua, value: "BadBot/1.0"}, description: "no bots"}
    rulesets:
      - phase: http_request_transform
        rules:
          - ref: old-paths
            expression: starts_with(http.request.uri.path, "/old/")
            action: rewrite
            action_parameters: {uri: {path: {expression: 'concat("/new/", substring(http.request.uri.path, 5))'}}}
      - phase: http_request_firewall_custom
        rules:
          - ref: watch-posts
            description: "every POST is noted"
            expression: http.request.method eq "POST"
            action: log
          - ref: block-login
            description: "nobody logs in from outside"
            expression: lower(http.request.uri.path) eq "/login" and not ip.src in {10.0.0.0/8}
            action: block
          - ref: block-token
            expression: any(http.request.headers["authorization"][*] contains "stolen")
            action: block
          - ref: never-reached
            expression: http.host eq "other.example"
            action: block
"#;

/// A folder with such a zone, its log in a file.
pub(crate) fn folder(origin: SocketAddr) -> Folder {
    let folder = Folder::new();
    let log = "log:\n  access: {to: ./access.log}\n";
    // One worker, so that what comes first stands first.
    let configuration = configuration(origin, "root").replace("workers: 2", "workers: 1");
    folder.write(&(log.to_owned() + &configuration + RULES));
    folder
}
