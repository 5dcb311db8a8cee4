//! Parameters of `set_config`.

use rempart_base::config::Spanned;
use rempart_cache::config::Switch;

use crate::words::Wording;

rempart_base::config! {
    /// `set_config`. At least one of these.
    pub struct ConfigParameters {
        /// Hotlink protection.
        hotlink_protection: Option<Switch> = None;
        /// How sensitive the edge is. Recorded: nothing depends on it yet.
        security_level: Option<SecurityLevelName> = None;
        /// Browser integrity check. Recorded: it is not built yet.
        bic: Option<Switch> = None;
        /// How much of the request's body is looked at before the request goes on. `none`: nothing, and fields of the
        /// body are empty.
        request_body_buffering: Option<BufferingName> = None;
        /// How much of the response's body may be held. Recorded: nothing depends on it yet.
        response_body_buffering: Option<BufferingName> = None;
        /// Recorded: no effect.
        automatic_https_rewrites: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        autominify: Option<Spanned<AutominifyConfig>> = None;
        /// Recorded: no effect.
        content_converter: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        disable_apps: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        disable_pay_per_crawl: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        disable_rum: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        disable_zaraz: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        email_obfuscation: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        fonts: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        mirage: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        opportunistic_encryption: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        polish: Option<Spanned<Wording>> = None;
        /// Recorded: no effect.
        redirects_for_ai_training: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        rocket_loader: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        server_side_excludes: Option<Spanned<Switch>> = None;
        /// Recorded: no effect. How an origin is spoken to stands in its URL.
        ssl: Option<Spanned<Wording>> = None;
        /// Recorded: no effect.
        sxg: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        webmcp_enabled: Option<Spanned<Switch>> = None;
        /// Recorded: no effect.
        webmcp_packs: Option<Spanned<crate::words::Ignored>> = None;
    }
}

rempart_base::config! {
    /// What would be made smaller.
    pub struct AutominifyConfig {
        /// Style sheets.
        css: Switch = Switch(false);
        /// Pages.
        html: Switch = Switch(false);
        /// Scripts.
        js: Switch = Switch(false);
    }
}

/// How sensitive the edge is.
pub use crate::rulesets::plan::SecurityLevel as SecurityLevelName;

rempart_base::config_words!(SecurityLevelName {
    SecurityLevelName::Off = "off",
    SecurityLevelName::EssentiallyOff = "essentially_off",
    SecurityLevelName::Low = "low",
    SecurityLevelName::Medium = "medium",
    SecurityLevelName::High = "high",
    SecurityLevelName::UnderAttack = "under_attack",
});

/// How much of a body is held.
pub use crate::rulesets::plan::Buffering as BufferingName;

rempart_base::config_words!(BufferingName {
    BufferingName::None = "none",
    BufferingName::Standard = "standard",
    BufferingName::Full = "full",
});
