//! Static files: which paths are cached without a word of the origin, and whether an answer is what its path says.

/// The longest extension in the list has six letters; a longer one is in none.
const EXTENSION_BYTES: usize = 8;

/// What a static file should be, by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Images, sound, films.
    Media,
    /// Fonts.
    Font,
    /// Style sheets.
    Style,
    /// Scripts.
    Script,
    /// Tables as text.
    Table,
    /// Documents, archives and programs.
    Binary,
}

/// Whether a path is that of a static file: by its extension, as Cloudflare's list has it, or `/robots.txt`.
#[must_use]
pub fn is_static_file(path: &[u8]) -> bool {
    path == b"/robots.txt" || family(path).is_some()
}

/// Whether `Content-Type` (if there is one) fits the extension of the path: the armor against web cache deception,
/// in which a visitor is led to `/account/x.css` where the website answers with `/account`. What says nothing about
/// itself, or only that it is bytes or text, passes; so does a path whose extension says nothing.
#[must_use]
pub fn armor_allows(path: &[u8], content_type: Option<&[u8]>) -> bool {
    let (Some(family), Some(content_type)) = (family(path), content_type) else { return true };
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let essence = essence.to_ascii_lowercase();
    let slash = essence.iter().position(|byte| *byte == b'/').unwrap_or(essence.len());
    let (top, sub) = essence.split_at(slash);
    let sub = sub.get(1..).unwrap_or_default();
    if matches!((top, sub), (b"application", b"octet-stream") | (b"text", b"plain")) {
        return true;
    }
    let is_media = matches!(top, b"image" | b"audio" | b"video");
    match family {
        // One is often served as the other: `.gif` as a film, `.svg` as XML that is an image by its type.
        Family::Media => is_media || matches!(sub, b"ogg" | b"x-shockwave-flash" | b"vnd.apple.mpegurl"),
        Family::Font => {
            top == b"font"
                || sub.starts_with(b"font")
                || sub.starts_with(b"x-font")
                || matches!(sub, b"vnd.ms-fontobject" | b"vnd.ms-opentype")
        }
        Family::Style => (top, sub) == (b"text", b"css"),
        Family::Script => matches!(sub, b"javascript" | b"x-javascript" | b"ecmascript" | b"x-ecmascript"),
        Family::Table => sub.ends_with(b"csv") || sub == b"vnd.ms-excel",
        Family::Binary => top == b"application" && !is_of_pages(sub),
    }
}

/// Subtypes in which websites answer with somebody's data.
fn is_of_pages(sub: &[u8]) -> bool {
    let is_or_ends =
        |what: &[u8]| sub == what || sub.strip_suffix(what).is_some_and(|front| front.ends_with(b"+"));
    is_or_ends(b"json") || is_or_ends(b"xml") || matches!(sub, b"x-ndjson" | b"javascript")
}

/// Cloudflare's list of what it caches by default.
fn family(path: &[u8]) -> Option<Family> {
    let mut lower = [0; EXTENSION_BYTES];
    let extension = extension(path)?;
    let lower = lower.get_mut(..extension.len())?;
    lower.copy_from_slice(extension);
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"avif" | b"bmp" | b"eps" | b"gif" | b"ico" | b"jpeg" | b"jpg" | b"pict" | b"png" | b"svg"
        | b"svgz" | b"tif" | b"tiff" | b"webp" => Family::Media,
        b"avi" | b"flac" | b"mid" | b"midi" | b"mkv" | b"mp3" | b"mp4" | b"ogg" | b"pls" | b"swf"
        | b"webm" => Family::Media,
        b"eot" | b"otf" | b"ttf" | b"woff" | b"woff2" => Family::Font,
        b"css" => Family::Style,
        b"ejs" | b"js" => Family::Script,
        b"csv" => Family::Table,
        b"doc" | b"docx" | b"pdf" | b"ppt" | b"pptx" | b"ps" | b"xls" | b"xlsx" => Family::Binary,
        b"7z" | b"apk" | b"bin" | b"bz2" | b"class" | b"dmg" | b"exe" | b"gz" | b"iso" | b"jar" | b"rar"
        | b"tar" | b"zip" | b"zst" => Family::Binary,
        _ => return None,
    })
}

/// What stands behind the last dot of the last segment.
fn extension(path: &[u8]) -> Option<&[u8]> {
    let dot = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'))?;
    path.get(dot..).and_then(|end| end.strip_prefix(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_files_are_told_by_the_extension_of_their_last_segment() {
        for path in ["/a.css", "/A.CSS", "/x/y.tar.gz", "/.js", "/a;b.woff2", "/account/x.jpg", "/robots.txt"]
        {
            assert!(is_static_file(path.as_bytes()), "{path}");
        }
        for path in [
            "/",
            "*",
            "",
            "/a",
            "/a.html",
            "/a.txt",
            "/x/robots.txt",
            "/a.css/",
            "/a.css/b",
            "/a.",
            "/a.cssx",
            "/a%2ecss",
            "/css",
            "/a.json",
            "/a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(!is_static_file(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn the_armor_refuses_what_is_not_what_its_path_says() {
        for (path, content_type, allowed) in [
            ("/account/x.css", Some("text/html; charset=utf-8"), false),
            ("/account/x.css", Some("Text/CSS;charset=utf-8"), true),
            ("/account/x.css", None, true),
            ("/account/x.jpg", Some("application/json"), false),
            ("/account/x.jpg", Some("image/webp"), true),
            ("/a.gif", Some("video/webm"), true),
            ("/a.svg", Some("image/svg+xml"), true),
            ("/a.svg", Some("text/xml"), false),
            ("/a.js", Some("text/javascript"), true),
            ("/a.js", Some("application/json"), false),
            ("/a.woff2", Some("font/woff2"), true),
            ("/a.woff", Some("application/font-woff"), true),
            ("/a.woff", Some("text/html"), false),
            ("/a.pdf", Some("application/pdf"), true),
            ("/a.pdf", Some("text/html"), false),
            ("/a.zip", Some("application/problem+json"), false),
            ("/a.zip", Some("application/xhtml+xml"), false),
            ("/a.zip", Some("application/x-zip-compressed"), true),
            ("/a.csv", Some("text/csv"), true),
            ("/a.zip", Some("application/octet-stream"), true),
            ("/a.mp4", Some(""), false),
            ("/a.html", Some("text/html"), true),
            ("/account", Some("text/html"), true),
        ] {
            let found = armor_allows(path.as_bytes(), content_type.map(str::as_bytes));
            assert_eq!(found, allowed, "{path} {content_type:?}");
        }
    }
}
