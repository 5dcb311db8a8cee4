//! `rempart ctl purge`: takes responses out of the cache of the running edge.

use serde_json::{Value, json};

/// Whose and how.
#[derive(clap::Args)]
pub(super) struct Purge {
    /// The name or the id of the zone
    #[arg(long)]
    zone: String,
    #[command(flatten)]
    what: What,
    /// Only make them stale: they are validated, and may be used while and if the origin does not answer
    #[arg(long)]
    soft: bool,
}

/// What to purge: at least one of these.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct What {
    /// A URL with all its variants: https://shop.example/cart?x=1
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,
    /// A host
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// A host and path, with all that is below: shop.example/css
    #[arg(long = "prefix", value_name = "PREFIX")]
    prefixes: Vec<String>,
    /// A tag of `Cache-Tag`
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// All of the zone
    #[arg(long)]
    everything: bool,
}

impl Purge {
    /// As the edge reads it: the members of Cloudflare's API.
    pub(super) fn line(&self) -> Value {
        let Self { zone, what: What { urls, hosts, prefixes, tags, everything }, soft } = self;
        let list = |items: &[String]| if items.is_empty() { Value::Null } else { json!(items) };
        json!({
            "command": "purge", "zone": zone, "purge_everything": everything, "files": list(urls),
            "hosts": list(hosts), "prefixes": list(prefixes), "tags": list(tags), "soft": soft,
        })
    }

    /// What was done, for people.
    pub(super) fn done(&self, answer: &Value) -> String {
        let part = |name: &str| match answer.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => "?".to_owned(),
        };
        let how = if self.soft { "made stale" } else { "purged" };
        format!(
            "{how}: zone {} (id {}), names: {}, purge {}\n",
            part("zone"),
            part("id"),
            part("count"),
            part("number")
        )
    }
}
