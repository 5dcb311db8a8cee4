//! Segments of dots (RFC 3986 section 5.2.4).

/// Resolves `.` and `..` in a path that begins with `/`, in place. Linear in its length.
pub(super) fn remove(path: &mut Vec<u8>) {
    // Where the next byte is written; what stands before is done.
    let mut end = 0;
    let mut at = 0;
    while at < path.len() {
        // `at` is at a slash: a segment reaches to the next one.
        let rest = path.get(at + 1..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let is_last = at + 1 + length == path.len();
        match rest.get(..length).unwrap_or_default() {
            b"." | b".." if length == 1 || end == 0 => {}
            b".." => {
                let kept = path.get(..end).unwrap_or_default();
                end = kept.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            }
            _ => {
                path.copy_within(at..at + 1 + length, end);
                end += 1 + length;
                at += 1 + length;
                continue;
            }
        }
        if is_last {
            // What was resolved leaves its slash behind.
            if let Some(byte) = path.get_mut(end) {
                *byte = b'/';
            }
            end += 1;
        }
        at += 1 + length;
    }
    path.truncate(end);
}
