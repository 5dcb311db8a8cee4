//! Parameters of `set_cache_control`.

use rempart_base::config::Spanned;

use crate::words::Identifier;

rempart_base::config! {
    /// `set_cache_control`. At least one of these; `max-age` is `max_age`, and so on.
    pub struct CacheControlParameters {
        /// `immutable`.
        immutable: Option<Spanned<DirectiveConfig>> = None;
        /// `max-age`, in seconds.
        max_age: Option<Spanned<DirectiveConfig>> = None;
        /// `must-revalidate`.
        must_revalidate: Option<Spanned<DirectiveConfig>> = None;
        /// `must-understand`.
        must_understand: Option<Spanned<DirectiveConfig>> = None;
        /// `no-cache`, perhaps of certain fields.
        no_cache: Option<Spanned<DirectiveConfig>> = None;
        /// `no-store`.
        no_store: Option<Spanned<DirectiveConfig>> = None;
        /// `no-transform`.
        no_transform: Option<Spanned<DirectiveConfig>> = None;
        /// `private`, perhaps of certain fields.
        private: Option<Spanned<DirectiveConfig>> = None;
        /// `proxy-revalidate`.
        proxy_revalidate: Option<Spanned<DirectiveConfig>> = None;
        /// `public`.
        public: Option<Spanned<DirectiveConfig>> = None;
        /// `s-maxage`, in seconds.
        s_maxage: Option<Spanned<DirectiveConfig>> = None;
        /// `stale-if-error`, in seconds.
        stale_if_error: Option<Spanned<DirectiveConfig>> = None;
        /// `stale-while-revalidate`, in seconds.
        stale_while_revalidate: Option<Spanned<DirectiveConfig>> = None;
    }
}

rempart_base::config! {
    /// What becomes of a directive.
    pub struct DirectiveConfig {
        required {
            /// `set` or `remove`.
            operation: DirectiveOperation;
        }
        /// Seconds.
        value: Option<u32> = None, in 0..=31_536_000;
        /// Names of header fields.
        qualifiers: Vec<Identifier> = Vec::new();
        /// Whether only the edge regards it: the visitor sees what the origin said.
        cloudflare_only: bool = false;
    }
}

/// What becomes of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the word of that name")]
pub enum DirectiveOperation {
    Set,
    Remove,
}

rempart_base::config_words!(DirectiveOperation {
    DirectiveOperation::Set = "set",
    DirectiveOperation::Remove = "remove",
});
