//! Parameters of `set_cache_settings`.

use rempart_base::config::Spanned;
use rempart_cache::config::{BrowserTtlConfig, CustomKeyConfig, EdgeTtlConfig, Switch, VaryConfig};

use crate::words::Ignored;

rempart_base::config! {
    /// `set_cache_settings`. What is absent stays as it is for the zone, or as an earlier rule has made it.
    pub struct CacheParameters {
        /// `true`: whatever its path, unless the origin forbids it. `false`: not at all.
        cache: Option<bool> = None;
        /// For how long the edge uses what it stores.
        edge_ttl: Option<EdgeTtlConfig> = None;
        /// For how long browsers do.
        browser_ttl: Option<BrowserTtlConfig> = None;
        /// What tells one response from another.
        cache_key: Option<CacheKeyConfig> = None;
        /// What becomes of the fields that an origin names in `Vary`.
        vary: Option<VaryConfig> = None;
        /// When responses are used after their time.
        serve_stale: Option<CacheRuleStaleConfig> = None;
        /// Whether `Cache-Control` of the origin is obeyed to the letter.
        origin_cache_control: Option<Switch> = None;
        /// Whether the origin's own error pages are passed on.
        origin_error_page_passthru: Option<Switch> = None;
        /// Seconds to wait for the origin's answer.
        read_timeout: Option<u32> = None, in 1..=6000;
        /// Recorded, with a warning: the edge never weakens a validator.
        respect_strong_etags: Option<Switch> = None;
        /// Whether `ETag` goes before a response is stored (in `http_response_cache_settings`).
        strip_etags: Option<Switch> = None;
        /// Whether `Last-Modified` goes before a response is stored (in `http_response_cache_settings`).
        strip_last_modified: Option<Switch> = None;
        /// Whether `Set-Cookie` goes before a response is stored (in `http_response_cache_settings`).
        strip_set_cookie: Option<Switch> = None;
        /// Recorded, with a warning: answers are cached whatever the port.
        additional_cacheable_ports: Vec<u16> = Vec::new();
        /// Not built yet: refused, but for `{eligible: false}` and `{enabled: false}`.
        cache_reserve: Option<Spanned<Ignored>> = None;
        /// Not built yet: refused, but for `{mode: default}` and `{mode: off}`; the latter changes nothing.
        origin_range_requests: Option<Spanned<Ignored>> = None;
        /// Not built yet: refused.
        shared_dictionary: Option<Spanned<Ignored>> = None;
    }
}

rempart_base::config! {
    /// What tells one response from another.
    pub struct CacheKeyConfig {
        /// Whether phones, tablets and other devices get responses of their own.
        cache_by_device_type: Option<Switch> = None;
        /// Whether a static file must be one by its `Content-Type`.
        cache_deception_armor: Option<Switch> = None;
        /// Whether the order of the query's parameters makes no difference.
        ignore_query_strings_order: Option<Switch> = None;
        /// What else counts: all of it, since what is not written here does not count.
        custom_key: Option<CustomKeyConfig> = None;
    }
}

rempart_base::config! {
    /// When responses are used after their time.
    pub struct CacheRuleStaleConfig {
        /// Whether visitors wait while another's request validates a response.
        disable_stale_while_updating: Option<Switch> = None;
    }
}
