//! Any bytes as a multipart body with any boundary: values lie in it one behind the other, and of a prefix the same parts
//! are read but for those at its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_rules::body::{Kind, Multipart, by_name};

fuzz_target!(|input: &[u8]| {
    let [kind, cut, input @ ..] = input else { return };
    let (content_type, raw) = match kind % 4 {
        0 => (&b"multipart/form-data; boundary=b"[..], input),
        1 => (&b"multipart/mixed; boundary=\"--\""[..], input),
        _ => input.split_at(usize::from(kind / 4).min(input.len())),
    };
    let kind = match Kind::of([content_type]) {
        Kind::Unclear(kind) => *kind,
        kind => kind,
    };
    let boundary = match kind {
        Kind::Multipart(boundary) => boundary,
        Kind::Form | Kind::Other | Kind::Unclear(_) => content_type.into(),
    };
    let whole = Multipart::parse(raw, &boundary);
    let mut end = raw.as_ptr() as usize;
    for part in whole.parts() {
        let values = part.content_types.iter().chain(&part.content_dispositions);
        for value in values.chain(&part.content_transfer_encodings).chain([&part.value]) {
            assert!(value.len() <= raw.len());
        }
        if !part.value.is_empty() {
            assert!(part.value.as_ptr() as usize >= end);
            end = part.value.as_ptr() as usize + part.value.len();
        }
    }
    assert!(end <= raw.as_ptr() as usize + raw.len());
    let named = by_name(whole.named());
    assert_eq!(named.iter().map(|(_, values)| values.len()).sum::<usize>(), whole.named().count());

    let prefix = Multipart::parse(&raw[..raw.len() * usize::from(*cut) / 255], &boundary);
    let same = prefix.parts().len().saturating_sub(2);
    assert_eq!(prefix.parts().get(..same), whole.parts().get(..same));
});
