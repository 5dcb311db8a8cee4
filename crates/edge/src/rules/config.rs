//! Settings that rules change for one exchange.

use rempart_features::rulesets::plan::{Buffering, SecurityLevel, SetConfig};

/// Settings that rules have changed for one exchange; of several rules, the last that says something of one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config<'p> {
    /// Hotlink protection.
    pub hotlink_protection: Option<bool>,
    /// How much of the request's body rules may see.
    pub request_body_buffering: Option<Buffering>,
    /// How sensitive the edge is: recorded.
    pub security_level: Option<SecurityLevel>,
    /// Browser integrity check: recorded.
    pub bic: Option<bool>,
    /// How much of the answer's body may be held: recorded.
    pub response_body_buffering: Option<Buffering>,
    /// Settings without effect so far: name and value.
    pub recorded: Vec<(&'p str, &'p str)>,
}

impl<'p> Config<'p> {
    /// One rule more.
    pub(super) fn lay(&mut self, rule: &'p SetConfig) {
        let SetConfig {
            hotlink_protection,
            security_level,
            bic,
            request_body_buffering,
            response_body_buffering,
            recorded,
        } = rule;
        self.hotlink_protection = hotlink_protection.or(self.hotlink_protection);
        self.security_level = security_level.or(self.security_level);
        self.bic = bic.or(self.bic);
        self.request_body_buffering = request_body_buffering.or(self.request_body_buffering);
        self.response_body_buffering = response_body_buffering.or(self.response_body_buffering);
        for (name, value) in recorded {
            self.recorded.retain(|(other, _)| **other != **name);
            self.recorded.push((name, value));
        }
    }
}
