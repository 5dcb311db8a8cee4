//! The files of the release store. Whatever is in one, it is refused or every byte of it was meant: a release
//! that is read has the hash that its header names, and is as long as its file says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_releases::{ReleaseHash, is_sound_state, read_release};

fuzz_target!(|file: &[u8]| {
    let length = file.len() as u64;
    if let Ok((header, body)) = read_release(&mut &file[..], length) {
        assert_eq!(ReleaseHash::of(&body), header.hash);
        assert!(file.ends_with(&body) && header.body_bytes == body.len() as u64);
        assert!(read_release(&mut &file[..], length + 1).is_err());
    }
    let _ = is_sound_state(file);
    // The checksum keeps a fuzzer out of what is behind it, so that is given to it directly.
    let line = format!("rempart-state 1 {length} {}\n", ReleaseHash::of(file));
    let _ = is_sound_state(&[line.as_bytes(), file].concat());
});
