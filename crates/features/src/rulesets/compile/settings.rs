//! `set_config`.

use std::sync::Arc;

use rempart_base::config::{Context, Decode as _, Node, Value};

use crate::rulesets::config::ConfigParameters;
use crate::rulesets::plan::{Action, SetConfig};

use super::actions::{Maker, no_effect};
use super::values::contradiction;

/// What has an effect.
const KNOWN: &[&str] = &["hotlink_protection", "request_body_buffering"];
/// What is read, and has none yet.
const READ: &[&str] = &["security_level", "bic", "response_body_buffering"];

impl Maker<'_, '_> {
    pub(super) fn set_config(&self, node: &Node, cx: &mut Context) -> Option<Action> {
        let before = cx.found();
        let parameters = ConfigParameters::decode(node, cx)?;
        let entries = match &node.value {
            Value::Map(entries) => &**entries,
            Value::Scalar(_) | Value::List(_) => &[],
        };
        if entries.is_empty() {
            let problem = contradiction("it is not said what is set", "Write a setting.");
            cx.error(node.mark, problem);
        }
        let is_good = cx.found() == before;
        let mut recorded = Vec::new();
        for (key, value) in entries.iter().filter(|(key, _)| !KNOWN.contains(&&*key.text)) {
            if is_good {
                let problem = no_effect(&key.text, "has no effect yet");
                cx.in_key(&key.text, |cx| cx.warning(key.mark, problem));
            }
            if READ.contains(&&*key.text) {
                continue;
            }
            recorded.push((Box::from(&*key.text), Box::from(value.text().unwrap_or_default())));
        }
        recorded.sort();
        Some(Action::SetConfig(Arc::new(SetConfig {
            hotlink_protection: parameters.hotlink_protection.map(|switch| switch.0),
            security_level: parameters.security_level,
            bic: parameters.bic.map(|switch| switch.0),
            request_body_buffering: parameters.request_body_buffering,
            response_body_buffering: parameters.response_body_buffering,
            recorded: recorded.into(),
        })))
    }
}
