//! `Cache-Tag`: what a response may be purged by, in Cloudflare's form.

use rempart_flow::{Known, ResponseHead};

/// Bytes of all fields together; what goes beyond is not read.
pub const TAGS_BYTES_MAX: usize = 16 * 1024;
/// Tags of one response; further ones are not read.
pub const TAGS_MAX: usize = 1000;
/// Bytes of a tag that a purge can name; a longer one could never be purged by.
pub const TAG_BYTES_MAX: usize = 1024;

/// Tags of a response, in lower case, each once.
#[must_use]
pub fn tags(response: &ResponseHead) -> Box<[Box<[u8]>]> {
    let mut bytes_left = TAGS_BYTES_MAX;
    let mut tags: Vec<Box<[u8]>> = Vec::new();
    for line in response.fields.values(Known::CacheTag) {
        let line_max = bytes_left;
        bytes_left = bytes_left.saturating_sub(line.len());
        // A tag of which only the beginning fits is not another tag.
        let read = match line.get(..line_max) {
            Some(read) if read.len() < line.len() => {
                let last_comma = read.iter().rposition(|&byte| byte == b',').unwrap_or(0);
                read.get(..last_comma).unwrap_or_default()
            }
            Some(_) | None => line,
        };
        let is_tag =
            |tag: &&[u8]| (1..=TAG_BYTES_MAX).contains(&tag.len()) && tag.iter().all(u8::is_ascii_graphic);
        let read = read.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(is_tag);
        tags.extend(read.take(TAGS_MAX - tags.len()).map(|tag| tag.to_ascii_lowercase().into()));
    }
    tags.sort_unstable();
    tags.dedup();
    tags.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&[u8]]) -> Vec<String> {
        let mut response = ResponseHead::default();
        lines.iter().for_each(|line| response.fields.append(b"Cache-Tag", line));
        tags(&response).iter().map(|tag| String::from_utf8_lossy(tag).into_owned()).collect()
    }

    #[test]
    fn tags_are_a_set_whatever_their_case() {
        assert_eq!(of(&[]), [""; 0]);
        assert_eq!(of(&[b"b, A,,a ,c d,B", b"x"]), ["a", "b", "x"]);
        assert_eq!(of(&[b"t\xc3\xa9l, ok"]), ["ok"]);
    }

    #[test]
    fn each_bound_is_exact() {
        let numbered: Vec<String> = (0..=TAGS_MAX).map(|number| format!("{number}")).collect();
        assert_eq!(of(&[numbered[..TAGS_MAX].join(",").as_bytes()]).len(), TAGS_MAX);
        assert_eq!(of(&[numbered.join(",").as_bytes(), b"more"]).len(), TAGS_MAX);
        assert_eq!(of(&[&[b'a'; TAG_BYTES_MAX]]).len(), 1);
        assert_eq!(of(&[&[b'a'; TAG_BYTES_MAX + 1]]).len(), 0);
        // 16 lines of 1,024 bytes are the bound; what is behind it, or reaches over it, is not read.
        let mut lines = vec![[b'a'; 1024].as_slice(); 15];
        let last = [[b'b'; 1022].as_slice(), b",c"].concat();
        lines.extend([last.as_slice(), b"d"]);
        assert_eq!(of(&lines), ["a".repeat(1024), "b".repeat(1022), "c".to_owned()]);
        let over = [[b'b'; 1022].as_slice(), b",cc"].concat();
        lines[15] = &over;
        assert_eq!(of(&lines), ["a".repeat(1024), "b".repeat(1022)]);
    }
}
