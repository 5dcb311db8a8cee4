//! A zone as it was written, and where: kept beside its plan, so that a release holds everything that it takes
//! to make the plan again.

use std::sync::Arc;

use rempart_base::config::{Context, Mark, Node, Problem};
use rempart_base::{Diagnostic, Diagnostics};

use crate::inputs::Input;
use crate::node_bytes;

/// Bytes of one zone as a release holds it. The error text calls it `zone_bytes_max`.
pub(crate) const ZONE_BYTES_MAX: usize = 16 << 20;

/// A file in which zones stand.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SourceFile {
    /// As the operator named it.
    pub(crate) name: Arc<str>,
    /// Whether the zones stand under `zones:`, or the file is one zone.
    pub(crate) is_list: bool,
}

/// Where a zone stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) file: Arc<SourceFile>,
    /// Which one of its file it is.
    pub(crate) index: u32,
    /// Where it begins.
    pub(crate) mark: Mark,
}

/// A zone as it was written.
#[derive(Debug)]
pub(crate) struct ZoneSource {
    pub(crate) spot: Spot,
    /// Its node, by [`node_bytes::encode`].
    pub(crate) text: Box<[u8]>,
    /// What it needed, as it was then.
    pub(crate) inputs: Box<[Input]>,
    /// What the operator should know about it.
    pub(crate) warnings: Box<[Diagnostic]>,
}

impl Spot {
    /// Does something in a context that stands at this zone, and returns what was found there.
    pub(crate) fn about<T>(&self, act: impl FnOnce(&mut Context) -> T) -> (T, Diagnostics) {
        let mut cx = Context::new(Arc::clone(&self.file.name));
        let done = if self.file.is_list {
            let index = usize::try_from(self.index).unwrap_or(usize::MAX);
            cx.in_key("zones", |cx| cx.in_item(index, act))
        } else {
            act(&mut cx)
        };
        (done, cx.finish())
    }
}

impl ZoneSource {
    /// The zone's node, as it was read. `None` only if the bytes are not those of a node.
    pub(crate) fn node(&self) -> Option<Node> {
        node_bytes::decode(&self.text, self.spot.mark).ok()
    }

    /// Where the zone's name stands.
    pub(crate) fn name_mark(&self) -> Mark {
        self.node().and_then(|node| node.key("name").map(|name| name.mark)).unwrap_or(self.spot.mark)
    }

    /// Where one of its hosts stands, if they were written out.
    pub(crate) fn host_mark(&self, index: usize) -> Option<Mark> {
        use rempart_base::config::Value;
        match &self.node()?.key("hosts")?.value {
            Value::List(hosts) => hosts.get(index).map(|host| host.mark),
            Value::Scalar(_) | Value::Map(_) => None,
        }
    }
}

/// A zone's node as bytes.
///
/// # Errors
/// It is larger than a zone may be.
pub(crate) fn text_of(node: &Node) -> Result<Box<[u8]>, Problem> {
    node_bytes::encode(node, ZONE_BYTES_MAX).map(Vec::into_boxed_slice).ok_or_else(|| {
        let message = format!("the zone is larger than zone_bytes_max, {ZONE_BYTES_MAX} bytes");
        Problem::new(
            "zone-too-large",
            message,
            "Find out why it has grown; aliases count as what they repeat.",
        )
        .expecting(format!("at most {ZONE_BYTES_MAX} bytes"))
    })
}
