//! `rempart rules test`: which rules match a request and why, what they do and what they cost. The request passes a real
//! worker of this program, before a stand-in for every origin: what is told is what an edge does.

mod har;
mod json;
mod request;
mod tale;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Subcommand;
use rempart_edge::taste::trial::{self, Request};

use self::request::Asked;
use crate::configuration;
use crate::output::{Failure, complain, say};

/// The port that a visitor seems to come from.
const PORT: u16 = 49_152;
/// Where a visitor seems to come from if nobody says: TEST-NET-1 (RFC 5737).
const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// The arguments of `rules`.
#[derive(clap::Args)]
pub(crate) struct Rules {
    #[command(subcommand)]
    order: Order,
}

#[derive(Subcommand)]
enum Order {
    /// Show which rules match a request and why, what they do and what they cost; nothing is sent anywhere
    Test(Test),
}

#[derive(clap::Args)]
struct Test {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = super::DEFAULT_FILE)]
    config: PathBuf,
    #[command(flatten)]
    what: What,
    /// The zone that is meant: a request without Host is for its first host; of a HAR only its entries are tried
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Where the visitor comes from; without it, what the request file says (`# ip: …`), or 192.0.2.1
    #[arg(long, value_name = "IP")]
    ip: Option<IpAddr>,
    /// `http` or `https`; without it, what the request file says (`# scheme: …`), the HAR's URL, or https
    #[arg(long, value_enum)]
    scheme: Option<Scheme>,
    /// Everything about each request, for programs: a JSON object a line
    #[arg(long)]
    json: bool,
}

/// What is tried.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A request as text: request line, fields, an empty line, a body. `-` is standard input
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Every request of an HTTP archive (HAR 1.2), as browsers export it
    #[arg(long, value_name = "FILE")]
    har: Option<PathBuf>,
}

/// How a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Scheme {
    /// In clear
    Http,
    /// Over TLS
    Https,
}

impl Rules {
    /// Does it.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Order::Test(test) = self.order;
        test.run()
    }
}

impl Test {
    fn run(self) -> Result<(), Failure> {
        let snapshot = configuration::load(&self.config)?;
        for warning in &snapshot.warnings {
            complain(&format!("{warning}\n"));
        }
        let zone = match &self.zone {
            None => None,
            Some(name) => Some(snapshot.zone_named(name).ok_or_else(|| no_zone(&snapshot, name))?),
        };
        let mut all = self.requests(zone)?;
        if let Some(zone) = zone.filter(|_| self.what.har.is_some()) {
            let is_its = |asked: &Asked| {
                snapshot.zone_for_host(asked.host.as_bytes()).is_some_and(|own| own.name == zone.name)
            };
            let before = all.len();
            all.retain(is_its);
            complain(&format!("{} of {before} requests are for the zone {}\n", all.len(), zone.name));
        }
        for (number, asked) in all.iter().enumerate() {
            let of_zone = snapshot.zone_for_host(asked.host.as_bytes()).map(|zone| &*zone.name);
            let from = SocketAddr::new(self.ip.or(asked.ip).unwrap_or(VISITOR), PORT);
            let tls = self.scheme.or(asked.scheme) != Some(Scheme::Http);
            let request = Request { bytes: asked.bytes.clone(), from, tls };
            let tried = trial::attempt(&snapshot, &request)
                .map_err(|error| Failure::Text(format!("{}: {error}", asked.name)))?;
            let tale = tale::Tale { asked, request: &request, zone: of_zone, tried: &tried };
            if self.json {
                say(&format!("{}\n", json::of(&tale)));
            } else {
                say(&format!("{}{}", if number > 0 { "\n" } else { "" }, tale.text()));
            }
        }
        Ok(())
    }

    fn requests(
        &self,
        zone: Option<&std::sync::Arc<rempart_config::ZonePlan>>,
    ) -> Result<Vec<Asked>, Failure> {
        let host = zone.map(|zone| tale::host_of(zone));
        match (&self.what.request, &self.what.har) {
            (Some(file), _) => Ok(vec![request::read(file, host.as_deref())?]),
            (None, Some(file)) => har::read(file),
            (None, None) => Ok(Vec::new()),
        }
    }
}

fn no_zone(snapshot: &rempart_config::Snapshot, name: &str) -> Failure {
    let some: Vec<&str> = snapshot.zones().take(5).map(|zone| &*zone.name).collect();
    Failure::Text(format!("there is no zone {name}; there is {} …", some.join(", ")))
}
