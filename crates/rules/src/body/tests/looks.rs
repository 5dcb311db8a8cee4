//! What bodies look like.

use crate::body::mime::sniff;

#[test]
fn the_formats_that_are_sent_most_are_known_by_their_beginnings() {
    let tar = [&[b'x'; 257][..], b"ustar\x0000"].concat();
    let entry = |name: &str| [&b"PK\x03\x04"[..], &[0; 26], name.as_bytes(), b"\xFF\xFF"].concat();
    let docx = [entry("[Content_Types].xml"), entry("word/document.xml")].concat();
    let xlsx = [entry("[Content_Types].xml"), entry("xl/workbook.xml")].concat();
    let pptx = [entry("[Content_Types].xml"), entry("ppt/presentation.xml")].concat();
    for (body, mime) in [
        // Images.
        (&b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR"[..], "image/png"),
        (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "image/jpeg"),
        (b"GIF89a\x01\0\x01\0", "image/gif"),
        (b"GIF87a\x01\0\x01\0", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0", "image/bmp"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"\0\0\x01\0\x01\0\x10\x10", "image/vnd.microsoft.icon"),
        (b"\0\0\0\x1Cftypavif\0\0\0\0", "image/avif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "image/heif"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0", "image/x-canon-cr3"),
        (b"8BPS\0\x01", "image/vnd.adobe.photoshop"),
        (b"\xFF\x0A\x01\x02", "image/jxl"),
        (b"\0\0\0\x0CJXL \r\n\x87\n", "image/jxl"),
        (b"\0\0\0\x0CjP  \r\n\x87\n", "image/jp2"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "image/svg+xml"),
        // Sound.
        (b"ID3\x04\0\0", "audio/mpeg"),
        (b"\xFF\xFB\x90\x64", "audio/mpeg"),
        (b"\xFF\xF3\x90\x64", "audio/mpeg"),
        (b"\xFF\xF2\x90\x64", "audio/mpeg"),
        (b"\xFF\xF1\x50\x80", "audio/aac"),
        (b"\xFF\xF9\x50\x80", "audio/aac"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"OggS\0\x02\0\0\0\0\x01vorbis", "audio/ogg"),
        (b"FORM\0\0\0\x10AIFFCOMM", "audio/aiff"),
        (b"MThd\0\0\0\x06\0\x01", "audio/midi"),
        (b"#!AMR\n", "audio/amr"),
        (b".snd\0\0\0\x18", "audio/basic"),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "audio/mp4"),
        // Moving pictures.
        (b"\0\0\0\x20ftypisom\0\0\x02\0", "video/mp4"),
        (b"\0\0\0\x20ftypM4V \0\0\0\0", "video/x-m4v"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x14ftyp3gp5\0\0\0\0", "video/3gpp"),
        (b"\0\0\0\x14ftyp3g2a\0\0\0\0", "video/3gpp2"),
        (b"\x1A\x45\xDF\xA3\x9F\x42\x82\x84webm", "video/webm"),
        (b"\x1A\x45\xDF\xA3\x9F\x42\x82\x88matroska", "video/x-matroska"),
        (b"OggS\0\x02\0\0\0\0\x80theora", "video/ogg"),
        (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
        (b"FLV\x01\x05", "video/x-flv"),
        (b"\0\0\x01\xBA\x44", "video/mpeg"),
        (b"\0\0\x01\xB3\x44", "video/mpeg"),
        (b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9", "video/x-ms-wmv"),
        // Applications.
        (b"%PDF-1.7\n", "application/pdf"),
        (b"%!PS-Adobe-3.0", "application/postscript"),
        (b"{\\rtf1\\ansi", "application/rtf"),
        (b"PK\x03\x04\x14\0\0\0", "application/zip"),
        (b"PK\x05\x06\0\0\0\0", "application/zip"),
        (&docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (&xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (&pptx, "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        (&entry("mimetypeapplication/epub+zip"), "application/epub+zip"),
        (
            &entry("mimetypeapplication/vnd.oasis.opendocument.text"),
            "application/vnd.oasis.opendocument.text",
        ),
        (
            &entry("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
            "application/vnd.oasis.opendocument.spreadsheet",
        ),
        (
            &entry("mimetypeapplication/vnd.oasis.opendocument.presentation"),
            "application/vnd.oasis.opendocument.presentation",
        ),
        (&entry("mimetypesomething/else"), "application/zip"),
        (&entry("META-INF/MANIFEST.MF"), "application/java-archive"),
        (&entry("words/a.txt"), "application/zip"),
        (b"\x1F\x8B\x08\0", "application/gzip"),
        (b"BZh91AY", "application/x-bzip2"),
        (b"\xFD7zXZ\0\0", "application/x-xz"),
        (b"\x28\xB5\x2F\xFD\x04", "application/zstd"),
        (b"7z\xBC\xAF\x27\x1C\0", "application/x-7z-compressed"),
        (b"Rar!\x1A\x07\0", "application/vnd.rar"),
        (b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
        (b"!<arch>\ndebian-binary", "application/x-archive"),
        (&tar, "application/x-tar"),
        (b"\x7FELF\x02\x01", "application/x-executable"),
        (b"MZ\x90\0\x03\0\0\0", "application/vnd.microsoft.portable-executable"),
        (b"\xFE\xED\xFA\xCE\0", "application/x-mach-binary"),
        (b"\xFE\xED\xFA\xCF\0", "application/x-mach-binary"),
        (b"\xCE\xFA\xED\xFE\x07", "application/x-mach-binary"),
        (b"\xCF\xFA\xED\xFE\x07", "application/x-mach-binary"),
        (b"\xCA\xFE\xBA\xBE\0\0\0\x34", "application/java"),
        (b"\0asm\x01\0\0\0", "application/wasm"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0", "application/x-ole-storage"),
        (b"SQLite format 3\0", "application/vnd.sqlite3"),
        (b"wOFF\0\x01", "font/woff"),
        (b"wOF2\0\x01", "font/woff2"),
        (b"\0\x01\0\0\0\x0C", "font/ttf"),
        (b"OTTO\0\x0C", "font/otf"),
        // Text.
        (b"<!DOCTYPE html><html>", "text/html"),
        (b"\xEF\xBB\xBF \r\n<ScRiPt>alert(1)</script>", "text/html"),
        (b"<a href=x>", "text/html"),
        (b"<!-- x -->", "text/html"),
        (b"<?xml version='1.0'?>", "text/xml"),
        (b"#!/bin/sh\n", "text/x-shellscript"),
        (b"{\"a\":1}", "text/plain"),
        (b"a=1&b=2", "text/plain"),
        (b"MZ is no program, and BMW no picture", "text/plain"),
        (b"<abc>", "text/plain"),
        (b"\xFF\xFEa\0", "text/plain"),
        (b"gr\xFC\xDFe", "text/plain"),
    ] {
        assert_eq!(sniff(body), Some(mime), "{:?}", String::from_utf8_lossy(body));
    }
}

#[test]
fn what_looks_like_nothing_has_no_type() {
    for body in [&b""[..], b"\x01\x02\x03", b"text with a \0 in it", b"RIFF\x24\0\0\0????", b"\0\0\0\x20fty"]
    {
        assert_eq!(sniff(body), None, "{:?}", String::from_utf8_lossy(body));
    }
}
