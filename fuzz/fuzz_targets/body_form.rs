//! Any bytes as a form: nothing of it is lost or decoded, and another reader reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_rules::body::Form;
use rempart_rules::body::form::FIELDS_MAX;

fuzz_target!(|raw: &[u8]| {
    let form = Form::parse(raw);
    let pieces: Vec<&[u8]> = raw.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).collect();
    assert_eq!(form.is_cut(), pieces.len() > FIELDS_MAX);
    assert_eq!(form.fields().len(), pieces.len().min(FIELDS_MAX));
    for ((name, value), piece) in form.fields().iter().zip(pieces) {
        let again = [name, &b"="[..], value].concat();
        assert!(again == piece || (value.is_empty() && *name == piece));
        let theirs: Vec<_> = form_urlencoded::parse(piece).collect();
        assert_eq!(form_urlencoded::parse(&again).collect::<Vec<_>>(), theirs);
    }
});
