//! The systems that are measured: their configuration from `peers/` and their command.

use std::env;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

use crate::program;
use crate::works::{Kind, Protocol, Work};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum System {
    /// This project.
    Rempart,
    /// nginx.
    Nginx,
    /// `HAProxy`.
    Haproxy,
    /// H2O.
    H2o,
    /// Caddy.
    Caddy,
    /// Varnish, with the program that writes its log.
    Varnish,
    /// Apache Traffic Server.
    TrafficServer,
    /// A canned answer: the mark for hits. It passes nothing through, and writes no log.
    Floor,
}

/// Name and text of each file of a system's configuration; the first is the one that it is told of.
pub(crate) type Files = &'static [(&'static str, &'static str)];

const REMPART: Files = &[("rempart.yaml", include_str!("../../peers/rempart.yaml"))];
const NGINX: Files = &[("nginx.conf", include_str!("../../peers/nginx.conf"))];
const HAPROXY: Files = &[("haproxy.cfg", include_str!("../../peers/haproxy.cfg"))];
const H2O: Files = &[("h2o.conf", include_str!("../../peers/h2o.conf"))];
const CADDY: Files = &[("Caddyfile", include_str!("../../peers/Caddyfile"))];
const NGINX_HITS: Files = &[("nginx.conf", include_str!("../../peers/hits/nginx.conf"))];
const HAPROXY_HITS: Files = &[("haproxy.cfg", include_str!("../../peers/hits/haproxy.cfg"))];
const VARNISH_HITS: Files = &[
    ("varnish.sh", include_str!("../../peers/hits/varnish.sh")),
    ("varnish.vcl", include_str!("../../peers/hits/varnish.vcl")),
];
const TRAFFIC_SERVER_HITS: Files = &[
    ("runroot.yaml", include_str!("../../peers/hits/trafficserver/runroot.yaml")),
    ("records.config", include_str!("../../peers/hits/trafficserver/records.config")),
    ("remap.config", include_str!("../../peers/hits/trafficserver/remap.config")),
    ("storage.config", include_str!("../../peers/hits/trafficserver/storage.config")),
    ("ip_allow.yaml", include_str!("../../peers/hits/trafficserver/ip_allow.yaml")),
    ("logging.yaml", include_str!("../../peers/hits/trafficserver/logging.yaml")),
];
const REMPART_RULES: Files = &[("rempart.yaml", include_str!("../../peers/rules/rempart.yaml"))];
const NGINX_RULES: Files = &[("nginx.conf", include_str!("../../peers/rules/nginx.conf"))];
const HAPROXY_RULES: Files = &[("haproxy.cfg", include_str!("../../peers/rules/haproxy.cfg"))];
const REMPART_H2: Files = &[("rempart.yaml", include_str!("../../peers/h2/rempart.yaml"))];
const NGINX_H2: Files = &[("nginx.conf", include_str!("../../peers/h2/nginx.conf"))];
const HAPROXY_H2: Files = &[("haproxy.cfg", include_str!("../../peers/h2/haproxy.cfg"))];
const H2O_H2: Files = &[("h2o.conf", include_str!("../../peers/h2/h2o.conf"))];
const NGINX_H2_HITS: Files = &[("nginx.conf", include_str!("../../peers/h2/hits/nginx.conf"))];
const HAPROXY_H2_HITS: Files = &[("haproxy.cfg", include_str!("../../peers/h2/hits/haproxy.cfg"))];
const H2O_H2_HITS: Files = &[("h2o.conf", include_str!("../../peers/h2/hits/h2o.conf"))];

impl System {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Self; 8] = [
        Self::Rempart,
        Self::Nginx,
        Self::Haproxy,
        Self::H2o,
        Self::Caddy,
        Self::Varnish,
        Self::TrafficServer,
        Self::Floor,
    ];

    /// As it is typed and written in the results.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rempart => "rempart",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::H2o => "h2o",
            Self::Caddy => "caddy",
            Self::Varnish => "varnish",
            Self::TrafficServer => "trafficserver",
            Self::Floor => "floor",
        }
    }

    /// Its configuration for works of this kind over this protocol; `None`: it is not measured on them.
    #[must_use]
    pub(crate) const fn files(self, kind: Kind, protocol: Protocol) -> Option<Files> {
        match protocol {
            Protocol::Http1 => self.files_http1(kind),
            Protocol::Http2 { .. } => self.files_http2(kind),
        }
    }

    const fn files_http2(self, kind: Kind) -> Option<Files> {
        match (self, kind) {
            (Self::Rempart, Kind::PassThrough | Kind::Hit) => Some(REMPART_H2),
            (Self::Nginx, Kind::PassThrough) => Some(NGINX_H2),
            (Self::Haproxy, Kind::PassThrough) => Some(HAPROXY_H2),
            (Self::H2o, Kind::PassThrough) => Some(H2O_H2),
            (Self::Nginx, Kind::Hit) => Some(NGINX_H2_HITS),
            (Self::Haproxy, Kind::Hit) => Some(HAPROXY_H2_HITS),
            (Self::H2o, Kind::Hit) => Some(H2O_H2_HITS),
            (Self::Caddy | Self::Varnish | Self::TrafficServer | Self::Floor, _)
            | (_, Kind::Rules | Kind::Pair) => None,
        }
    }

    const fn files_http1(self, kind: Kind) -> Option<Files> {
        match (self, kind) {
            (Self::Rempart, Kind::PassThrough | Kind::Hit | Kind::Pair) => Some(REMPART),
            (Self::Nginx, Kind::PassThrough) => Some(NGINX),
            (Self::Haproxy, Kind::PassThrough) => Some(HAPROXY),
            (Self::H2o, Kind::PassThrough) => Some(H2O),
            (Self::Caddy, Kind::PassThrough) => Some(CADDY),
            (Self::Nginx, Kind::Hit) => Some(NGINX_HITS),
            (Self::Haproxy, Kind::Hit) => Some(HAPROXY_HITS),
            (Self::Varnish, Kind::Hit) => Some(VARNISH_HITS),
            (Self::TrafficServer, Kind::Hit) => Some(TRAFFIC_SERVER_HITS),
            (Self::Floor, Kind::Hit) => Some(&[]),
            (Self::Rempart, Kind::Rules) => Some(REMPART_RULES),
            (Self::Nginx, Kind::Rules) => Some(NGINX_RULES),
            (Self::Haproxy, Kind::Rules) => Some(HAPROXY_RULES),
            (Self::H2o | Self::Caddy, Kind::Hit)
            | (Self::Varnish | Self::TrafficServer | Self::Floor, Kind::PassThrough)
            | (_, Kind::Rules | Kind::Pair) => None,
        }
    }

    /// Whether it has no cache and answers this work's hits from files.
    #[must_use]
    pub(crate) fn answers_from_files(self, work: Work) -> bool {
        self == Self::H2o && work.kind() == Kind::Hit
    }

    /// Whether it writes an access log. The floor does not: it is no peer but a mark.
    #[must_use]
    pub(crate) const fn logs(self) -> bool {
        !matches!(self, Self::Floor)
    }

    /// How it is started with the first of its files, which lies in `folder`.
    #[must_use]
    pub(crate) fn command(self, config: &Path, folder: &Path, port: u16, rempart: &Path) -> Command {
        let mut command = program("setpriv");
        // The peer ends with the rig, however that ends.
        command.args(["--pdeathsig", "TERM", "--"]);
        match self {
            Self::Rempart => command.arg(rempart).args(["up", "-c"]).arg(config),
            Self::Nginx => command.args(["nginx", "-e"]).arg(folder.join("error.log")).arg("-c").arg(config),
            Self::Haproxy => command.args(["haproxy", "-db", "-f"]).arg(config),
            Self::H2o => command.args(["h2o", "-c"]).arg(config),
            Self::Caddy => command
                .args(["caddy", "run", "--adapter", "caddyfile", "--config"])
                .arg(config)
                .env("GOMAXPROCS", "1"),
            Self::Varnish => command.arg("sh").arg(config),
            Self::TrafficServer => {
                command.arg("traffic_server").arg(format!("--run-root={}", config.display()))
            }
            Self::Floor => command.arg(env::current_exe().unwrap_or_default()).args([
                "floor",
                "--listen",
                &format!("127.0.0.1:{port}"),
            ]),
        };
        // Whatever a program keeps below HOME stays in the folder.
        command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
        command
    }

    /// The line or argument by which a server that is started as root keeps its workers root: they write into
    /// the rig's folder, which only its owner can read.
    #[must_use]
    pub(crate) fn as_root(self) -> &'static str {
        if !rustix::process::geteuid().is_root() {
            return "";
        }
        match self {
            Self::Nginx => "user root;",
            Self::H2o => "user: root",
            Self::Varnish => "-j none",
            Self::Rempart | Self::Haproxy | Self::Caddy | Self::TrafficServer | Self::Floor => "",
        }
    }

    /// The version as the program tells it, for the table's head.
    #[must_use]
    pub(crate) fn version(self, rempart: &Path) -> String {
        let mut command = match self {
            Self::Rempart | Self::Floor => Command::new(rempart),
            Self::Nginx | Self::Haproxy | Self::H2o | Self::Caddy => program(self.name()),
            Self::Varnish => program("varnishd"),
            Self::TrafficServer => program("traffic_server"),
        };
        let flag = match self {
            Self::Rempart | Self::Floor => "--version",
            Self::Nginx | Self::Haproxy | Self::H2o => "-v",
            Self::Varnish | Self::TrafficServer => "-V",
            Self::Caddy => "version",
        };
        let Ok(output) = command.arg(flag).output() else { return "?".to_owned() };
        let text = [output.stdout, output.stderr].concat();
        version_in(&String::from_utf8_lossy(&text)).unwrap_or("?").to_owned()
    }
}

/// The first word that looks like a version, without what the distribution added.
fn version_in(text: &str) -> Option<&str> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '/' | '(' | ')'));
    words.map(|word| word.strip_prefix("varnish-").unwrap_or(word)).find_map(|word| {
        let digits = word.trim_start_matches('v');
        let is_version = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.contains('.');
        is_version.then(|| digits.split(['-', '+']).next()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_programs_tell_them() {
        assert_eq!(version_in("nginx version: nginx/1.22.1"), Some("1.22.1"));
        assert_eq!(version_in("HAProxy version 2.6.12-1+deb12u4 2026/10/17"), Some("2.6.12"));
        assert_eq!(version_in("h2o version 2.2.5\nOpenSSL: OpenSSL 3.0.19"), Some("2.2.5"));
        assert_eq!(version_in("v2.6.2 h1:abc"), Some("2.6.2"));
        assert_eq!(version_in("varnishd (varnish-7.1.1 revision 7cee1)"), Some("7.1.1"));
        assert_eq!(version_in("Traffic Server 9.2.9 Apr  4 2026 14:52:39 localhost"), Some("9.2.9"));
        assert_eq!(version_in("no idea"), None);
    }

    #[test]
    fn every_placeholder_is_one_that_start_fills_in() {
        let known = [
            "{{port}}",
            "{{admin}}",
            "{{workers}}",
            "{{origin}}",
            "{{sink}}",
            "{{folder}}",
            "{{log}}",
            "{{as_root}}",
            "{{connections}}",
            "{{cert}}",
            "{{key}}",
            "{{both}}",
        ];
        for (system, work) in System::ALL.into_iter().flat_map(|system| Work::ALL.map(|work| (system, work)))
        {
            let files = system.files(work.kind(), work.protocol()).filter(|files| !files.is_empty());
            let Some(files) = files else { continue };
            let all: String = files.iter().map(|(_, text)| *text).collect();
            let filled = known.iter().fold(all.clone(), |text, key| text.replace(key, ""));
            assert!(!filled.contains("{{"), "{system:?} has an unknown placeholder");
            let content = if system.answers_from_files(work) { "{{folder}}/files" } else { "{{origin}}" };
            assert!(all.contains("{{port}}") && all.contains(content), "{system:?} on {}", work.name());
        }
    }
}
