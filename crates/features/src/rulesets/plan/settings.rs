//! Settings that a rule changes for one request.

/// Settings that a rule changes. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetConfig {
    /// Hotlink protection.
    pub hotlink_protection: Option<bool>,
    /// How sensitive the edge is.
    pub security_level: Option<SecurityLevel>,
    /// Browser integrity check.
    pub bic: Option<bool>,
    /// How much of the body the edge looks at before the request goes on.
    pub request_body_buffering: Option<Buffering>,
    /// How much of the response's body the edge may hold.
    pub response_body_buffering: Option<Buffering>,
    /// Settings that have no effect yet, as they are written: name and value, sorted.
    pub recorded: Box<[(Box<str>, Box<str>)]>,
}

/// How sensitive the edge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the word of that name")]
pub enum SecurityLevel {
    Off,
    EssentiallyOff,
    Low,
    Medium,
    High,
    UnderAttack,
}

/// How much of a body is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Buffering {
    /// Nothing: fields of the body are empty.
    None,
    /// A prefix.
    Standard,
    /// All of it, as far as the bounds go.
    Full,
}
