//! Random filters over random requests: the compiled program and the plain interpreter say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_rules::{Arena, Filter, Phase, ProgramBuilder, Scope, Scratch};

#[path = "../../crates/rules/tests/plain/mod.rs"]
mod plain;

use plain::{Bytes, TestLists};

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::of(data);
    let scope = Scope { phase: Phase::Custom, lists: &TestLists };
    let count = 1 + bytes.below(8);
    let texts: Vec<String> = (0..count).map(|_| plain::expression(&mut bytes, 3)).collect();
    let filters: Vec<Filter> = texts.iter().filter_map(|text| Filter::parse(text, scope).ok()).collect();
    let mut builder = ProgramBuilder::new(&TestLists);
    let ids: Vec<_> = filters.iter().map(|filter| builder.filter(filter)).collect();
    let program = builder.build().expect("filters that were read make a program");
    let mut scratch = Scratch::default();
    for _ in 0..3 {
        let request = plain::random_request(&mut bytes);
        let arena = Arena::default();
        let run = program.run(&request, &arena, &mut scratch);
        for (filter, id) in filters.iter().zip(&ids) {
            let expected = plain::is_true(filter.logic(), &request);
            assert_eq!(run.matches(*id), Ok(expected), "{}", filter.text());
        }
    }
});
