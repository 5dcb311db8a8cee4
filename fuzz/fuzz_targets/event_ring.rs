//! The ring of security events. Whatever is in the file, what is read of a slot was written whole; and what is written
//! is read, unless it was torn.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_edge::security_events::slot::{EVENT_BYTES_MAX, SLOT_BYTES, Slot};

fuzz_target!(|file: &[u8]| {
    for bytes in file.chunks(SLOT_BYTES) {
        if let Some(slot) = Slot::read(bytes) {
            let again = slot.bytes().expect("what was read fits");
            let length = SLOT_BYTES - EVENT_BYTES_MAX + slot.event.len();
            assert_eq!(again.get(..length), bytes.get(..length));
        }
    }
    // The checksum keeps a fuzzer out of what is behind it, so an event is made of what it has found.
    let (number, event) = file.split_at(file.len().min(8));
    let number = number.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let slot = Slot { number, event };
    match slot.bytes() {
        None => assert!(event.len() > EVENT_BYTES_MAX),
        Some(bytes) => {
            assert_eq!(Slot::read(&bytes), (number > 0).then_some(slot));
            let torn = bytes.len() - EVENT_BYTES_MAX + event.len().saturating_sub(1);
            assert!(event.is_empty() || Slot::read(&bytes[..torn]).is_none());
        }
    }
});
