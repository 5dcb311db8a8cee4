//! What a body looks like, by its first bytes: the formats that are sent most, by their signatures, in the manner of the
//! WHATWG's MIME sniffing. What was declared is not asked.

mod containers;

use self::containers::{bmff, ebml, ogg, riff, zip};

/// As much of a body as is looked at.
const SNIFFED_BYTES: usize = 4096;
/// As much as is looked at for text.
const TEXT_BYTES: usize = 1445;

/// Bytes that stand at a place, and what begins so.
struct Signature {
    at: usize,
    bytes: &'static [u8],
    mime: &'static str,
}

const fn signature(at: usize, bytes: &'static [u8], mime: &'static str) -> Signature {
    Signature { at, bytes, mime }
}

/// Of two that begin alike the longer one comes first.
const SIGNATURES: &[Signature] = &[
    signature(0, b"\x89PNG\r\n\x1A\n", "image/png"),
    signature(0, b"\xFF\xD8\xFF", "image/jpeg"),
    signature(0, b"GIF87a", "image/gif"),
    signature(0, b"GIF89a", "image/gif"),
    signature(0, b"II*\0", "image/tiff"),
    signature(0, b"MM\0*", "image/tiff"),
    signature(0, b"\0\0\x01\0", "image/vnd.microsoft.icon"),
    signature(0, b"8BPS", "image/vnd.adobe.photoshop"),
    signature(0, b"\0\0\0\x0CJXL \r\n\x87\n", "image/jxl"),
    signature(0, b"\xFF\x0A", "image/jxl"),
    signature(0, b"\0\0\0\x0CjP  \r\n\x87\n", "image/jp2"),
    signature(0, b"ID3", "audio/mpeg"),
    signature(0, b"\xFF\xFB", "audio/mpeg"),
    signature(0, b"\xFF\xF3", "audio/mpeg"),
    signature(0, b"\xFF\xF2", "audio/mpeg"),
    signature(0, b"\xFF\xF1", "audio/aac"),
    signature(0, b"\xFF\xF9", "audio/aac"),
    signature(0, b"fLaC", "audio/flac"),
    signature(0, b"MThd\0\0\0\x06", "audio/midi"),
    signature(0, b"#!AMR", "audio/amr"),
    signature(0, b".snd", "audio/basic"),
    signature(0, b"FLV\x01", "video/x-flv"),
    signature(0, b"\0\0\x01\xBA", "video/mpeg"),
    signature(0, b"\0\0\x01\xB3", "video/mpeg"),
    signature(0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", "video/x-ms-wmv"),
    signature(0, b"%PDF-", "application/pdf"),
    signature(0, b"%!PS", "application/postscript"),
    signature(0, b"{\\rtf", "application/rtf"),
    signature(0, b"\x1F\x8B\x08", "application/gzip"),
    signature(0, b"BZh", "application/x-bzip2"),
    signature(0, b"\xFD7zXZ\0", "application/x-xz"),
    signature(0, b"\x28\xB5\x2F\xFD", "application/zstd"),
    signature(0, b"7z\xBC\xAF\x27\x1C", "application/x-7z-compressed"),
    signature(0, b"Rar!\x1A\x07", "application/vnd.rar"),
    signature(0, b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    signature(0, b"!<arch>\n", "application/x-archive"),
    signature(0, b"\x7FELF", "application/x-executable"),
    signature(0, b"\xFE\xED\xFA\xCE", "application/x-mach-binary"),
    signature(0, b"\xFE\xED\xFA\xCF", "application/x-mach-binary"),
    signature(0, b"\xCE\xFA\xED\xFE", "application/x-mach-binary"),
    signature(0, b"\xCF\xFA\xED\xFE", "application/x-mach-binary"),
    signature(0, b"\xCA\xFE\xBA\xBE", "application/java"),
    signature(0, b"\0asm", "application/wasm"),
    signature(0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "application/x-ole-storage"),
    signature(0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    signature(0, b"wOFF", "font/woff"),
    signature(0, b"wOF2", "font/woff2"),
    signature(0, b"\0\x01\0\0\0", "font/ttf"),
    signature(0, b"OTTO\0", "font/otf"),
    signature(257, b"ustar", "application/x-tar"),
];

/// A format whose kind stands further inside.
type Container = fn(&[u8]) -> Option<&'static str>;

const CONTAINERS: &[Container] = &[riff, bmff, ebml, ogg, zip, bmp, aiff, executable, html, script];

/// What a body looks like; `None` if it is empty, or like nothing that is known.
#[must_use]
pub fn sniff(body: &[u8]) -> Option<&'static str> {
    let body = body.get(..SNIFFED_BYTES).unwrap_or(body);
    let begins = |one: &&Signature| body.get(one.at..).is_some_and(|rest| rest.starts_with(one.bytes));
    let signed = SIGNATURES.iter().find(begins).map(|one| one.mime);
    signed.or_else(|| CONTAINERS.iter().find_map(|looks| looks(body))).or_else(|| plain(body))
}

/// `BM` alone begins many a text.
fn bmp(body: &[u8]) -> Option<&'static str> {
    let rest = body.strip_prefix(b"BM")?;
    // The reserved bytes behind the file's size are zero.
    (rest.get(4..8)? == [0; 4]).then_some("image/bmp")
}

/// So does `MZ`; the head of such a file has zeros in it.
fn executable(body: &[u8]) -> Option<&'static str> {
    let head = body.strip_prefix(b"MZ")?;
    let is_binary = head.get(..62).unwrap_or(head).contains(&0);
    is_binary.then_some("application/vnd.microsoft.portable-executable")
}

fn aiff(body: &[u8]) -> Option<&'static str> {
    body.strip_prefix(b"FORM")?.get(4..)?.starts_with(b"AIF").then_some("audio/aiff")
}

/// Beginnings of a page, in lower case.
const HTML: &[&[u8]] = &[
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<script",
    b"<iframe",
    b"<h1",
    b"<div",
    b"<font",
    b"<table",
    b"<a",
    b"<style",
    b"<title",
    b"<b",
    b"<body",
    b"<br",
    b"<p",
    b"<img",
    b"<svg",
    b"<!--",
];

fn html(body: &[u8]) -> Option<&'static str> {
    let text = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    if text.starts_with(b"<?xml") {
        return Some("text/xml");
    }
    let begins = |tag: &&&[u8]| {
        let (begin, rest) = text.split_at_checked(tag.len()).unwrap_or_default();
        let ends = matches!(rest, [b' ' | b'>' | b'\t' | b'\r' | b'\n' | b'/', ..]);
        begin.eq_ignore_ascii_case(tag) && (ends || tag.starts_with(b"<!"))
    };
    let tag = HTML.iter().find(begins)?;
    Some(if **tag == b"<svg"[..] { "image/svg+xml" } else { "text/html" })
}

fn script(body: &[u8]) -> Option<&'static str> {
    body.starts_with(b"#!").then_some("text/x-shellscript")
}

/// Text is what has a byte order mark, or no bytes that no text has.
fn plain(body: &[u8]) -> Option<&'static str> {
    let is_marked =
        [&b"\xFE\xFF"[..], b"\xFF\xFE", b"\xEF\xBB\xBF"].iter().any(|mark| body.starts_with(mark));
    let is_binary = |byte: &u8| matches!(byte, 0..=8 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F);
    let is_text = is_marked || !body.iter().take(TEXT_BYTES).any(is_binary);
    (is_text && !body.is_empty()).then_some("text/plain")
}
