//! Where visitors come in and where the website is, as the configuration says.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rempart_base::Now;
use rempart_config::load;
use rempart_origin::plan::Endpoint;
use rempart_wire::config::Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

const ANSWER_TIMEOUT_S: u64 = 60;
const TRY_EVERY_MS: u64 = 100;

/// The addresses of the demo.
pub(super) struct Front {
    http: SocketAddr,
    https: Option<SocketAddr>,
    /// The website's own.
    pub(super) origin: SocketAddr,
    admin: Option<SocketAddr>,
}

impl Front {
    /// Reads them from the file.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let snapshot = load(file, Now::read()).map_err(|mistakes| Error::other(format!("\n{mistakes}")))?;
        let listen = &snapshot.settings.listen;
        let first = |listeners: &[Listener]| listeners.first().map(|l| l.address.socket_address());
        let origins = snapshot.zones().flat_map(|zone| zone.origins.iter());
        let origin = origins.filter_map(|origin| match &origin.endpoint {
            Endpoint::Ip(address) => Some(*address),
            Endpoint::Name { .. } | Endpoint::Unix(_) => None,
        });
        let needed =
            |what| Error::new(ErrorKind::InvalidInput, format!("{}: the demo needs {what}", file.display()));
        Ok(Self {
            http: first(&listen.http).ok_or_else(|| needed("a listener under listen.http"))?,
            https: first(&listen.https),
            origin: origin.last().ok_or_else(|| needed("an origin with an IP address"))?,
            admin: snapshot.settings.admin,
        })
    }

    /// Waits until the website answers through Rempart.
    pub(super) async fn answers(&self) -> Result<()> {
        let trying = async {
            let mut tick = interval(Duration::from_millis(TRY_EVERY_MS));
            loop {
                tick.tick().await;
                if self.answers_now().await.unwrap_or(false) {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(ANSWER_TIMEOUT_S), trying).await.map_err(|_| {
            Error::new(ErrorKind::TimedOut, format!("http://{} does not answer as it should", self.http))
        })
    }

    async fn answers_now(&self) -> Result<bool> {
        let mut stream = TcpStream::connect(self.http).await?;
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http);
        stream.write_all(request.as_bytes()).await?;
        let mut start = [0; 12];
        stream.read_exact(&mut start).await?;
        Ok(&start == b"HTTP/1.1 200")
    }

    /// What a newcomer wants to know.
    pub(super) fn welcome(&self, file: &str) -> String {
        let Self { http, https, origin, admin } = self;
        let mut text = format!("\nThe demo website is at\n  http://{http}/\n");
        if let Some(https) = https {
            text.push_str(&format!(
                "  https://{https}/   (a self-signed certificate: the browser will warn)\n"
            ));
        }
        text.push_str(&format!("The website itself listens on http://{origin}/"));
        if let Some(admin) = admin {
            text.push_str(&format!(", the metrics are at http://{admin}/metrics"));
        }
        text.push_str(".\n\nTry, from another terminal:\n");
        let mut commands =
            vec![(format!("curl -i http://{http}/api/items"), "through the edge: note CF-Ray and Server")];
        commands
            .extend(https.map(|https| (format!("curl -k https://{https}/echo"), "what the website is sent")));
        commands.push((
            format!("head -c 100M /dev/zero | curl -T - http://{http}/upload"),
            "an upload, streamed",
        ));
        for (command, what) in commands {
            text.push_str(&format!("  {command:<70}  # {what}\n"));
        }
        text.push_str(&format!(
            "\nA WebSocket and an event stream are on the pages. The configuration is {file}. Stop with Ctrl-C."
        ));
        text
    }
}
