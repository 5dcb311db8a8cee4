//! Formats that hold others: what is inside is said a little behind the beginning.

use memchr::memmem;

pub(super) fn riff(body: &[u8]) -> Option<&'static str> {
    match body.strip_prefix(b"RIFF")?.get(4..8)? {
        b"WEBP" => Some("image/webp"),
        b"WAVE" => Some("audio/wav"),
        b"AVI " => Some("video/x-msvideo"),
        _ => None,
    }
}

/// ISO base media files: a box `ftyp`, with the brand behind it (ISO/IEC 14496-12 section 4.3).
pub(super) fn bmff(body: &[u8]) -> Option<&'static str> {
    let brand = body.get(4..)?.strip_prefix(b"ftyp")?.get(..4)?;
    Some(match brand {
        b"avif" | b"avis" => "image/avif",
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" => "image/heic",
        b"mif1" | b"msf1" => "image/heif",
        b"crx " => "image/x-canon-cr3",
        b"M4A " | b"M4B " | b"M4P " => "audio/mp4",
        b"M4V " | b"M4VH" | b"M4VP" => "video/x-m4v",
        b"qt  " => "video/quicktime",
        [b'3', b'g', b'2', _] => "video/3gpp2",
        [b'3', b'g', ..] => "video/3gpp",
        _ => "video/mp4",
    })
}

/// EBML (RFC 8794): its head says which of its kinds it is.
pub(super) fn ebml(body: &[u8]) -> Option<&'static str> {
    let head = body.strip_prefix(b"\x1A\x45\xDF\xA3")?;
    let is_webm = memmem::find(head.get(..64).unwrap_or(head), b"webm").is_some();
    Some(if is_webm { "video/webm" } else { "video/x-matroska" })
}

pub(super) fn ogg(body: &[u8]) -> Option<&'static str> {
    let page = body.strip_prefix(b"OggS")?;
    let is_video = memmem::find(page.get(..64).unwrap_or(page), b"theora").is_some();
    Some(if is_video { "video/ogg" } else { "audio/ogg" })
}

/// Where the name of an entry stands behind the signature of its head, and how long that head is without names.
const ZIP_NAME_AT: usize = 26;

/// An archive, or a document that is one.
pub(super) fn zip(body: &[u8]) -> Option<&'static str> {
    if body.starts_with(b"PK\x05\x06") {
        return Some("application/zip");
    }
    let first = body.strip_prefix(b"PK\x03\x04")?.get(ZIP_NAME_AT..).unwrap_or_default();
    // OpenDocument and EPUB begin with an entry that says what they are, as it is.
    if let Some(said) = first.strip_prefix(b"mimetype") {
        let known = [
            "application/epub+zip",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.presentation",
        ];
        return Some(
            known.into_iter().find(|mime| said.starts_with(mime.as_bytes())).unwrap_or("application/zip"),
        );
    }
    let office = [
        ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ];
    for entry in memmem::find_iter(body, b"PK\x03\x04") {
        let name = body.get(entry + 4 + ZIP_NAME_AT..).unwrap_or_default();
        if name.starts_with(b"META-INF/MANIFEST.MF") {
            return Some("application/java-archive");
        }
        if let Some((_, mime)) = office.iter().find(|(folder, _)| name.starts_with(folder.as_bytes())) {
            return Some(mime);
        }
    }
    Some("application/zip")
}
