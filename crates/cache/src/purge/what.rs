//! What a purge names.

/// The longest URL, host or prefix in a purge, in bytes.
pub const URL_BYTES_MAX: usize = 16 * 1024;
/// The longest tag in a purge, in bytes: Cloudflare's bound.
pub const TAG_BYTES_MAX: usize = 1024;

/// What is to be purged. Hosts are compared whatever their case and port, tags whatever their case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// All of the zone.
    Everything,
    /// A URL with all its variants, whatever the scheme: host, path and query.
    Url(Box<[u8]>, Box<[u8]>),
    /// A host.
    Host(Box<[u8]>),
    /// Everything under a path: host and the beginning of the path, up to a `/` or the end. `/css` names `/css`
    /// and all below it, `/css/` what is below.
    Prefix(Box<[u8]>, Box<[u8]>),
    /// A tag.
    Tag(Box<[u8]>),
}
