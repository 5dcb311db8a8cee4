//! The configuration's text: YAML to tree, and tree to what the operator writes. Whatever comes in, there is
//! a configuration or a reason, and every reason has a place inside the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rempart_base::config::{Context, Decode};
use rempart_config::tree::{Config, ZoneConfig};
use rempart_config::yaml;

fuzz_target!(|text: &str| {
    let mut cx = Context::new("fuzz".into());
    let root = yaml::read(text, &mut cx);
    assert!(root.is_some() || cx.has_errors(), "neither a tree nor a reason");
    if let Some(root) = &root {
        let config = Config::decode(root, &mut cx);
        assert!(config.is_some() || cx.has_errors(), "neither a configuration nor a reason");
        let _ = ZoneConfig::decode(root, &mut cx);
    }
    // YAML also breaks lines at a lone carriage return.
    let lines = text.matches(['\n', '\r']).count() + 1;
    for problem in cx.finish().0 {
        let place = problem.place.as_ref().expect("everything stands somewhere in the text");
        assert!((1..=lines).contains(&(place.line as usize)), "line {} of {lines}", place.line);
        assert!(place.column >= 1 && !problem.message.is_empty() && !problem.action.is_empty());
    }
});
