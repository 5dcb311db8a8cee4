//! What the operator writes: rulesets as Cloudflare's API has them, in YAML.

mod cache;
mod headers;
mod names;
mod parameters;
mod settings;
mod shape;

use rempart_base::config::{Deferred, Spanned};

use crate::words::{ExpressionText, Identifier, Ignored, Wording};

pub use cache::{CacheKeyConfig, CacheParameters, CacheRuleStaleConfig};
pub use headers::{CacheControlParameters, DirectiveConfig, DirectiveOperation};
pub use names::{ActionName, PhaseName, RulesetKind};
pub use parameters::{
    AlgorithmName, BlockParameters, BlockResponse, CacheTagsParameters, CategoryOverride, CompressParameters,
    ContentTypeName, Current, ExecuteParameters, FromListConfig, FromValueConfig, HeaderConfig,
    HeaderOperation, Headers, LogFieldConfig, LogFieldsParameters, OverridesConfig, ProductName,
    RedirectParameters, RewriteParameters, RouteOriginConfig, RouteParameters, RuleOverride,
    ServeErrorParameters, SkipParameters, SkippedRulesMap, SniConfig, TagsOperationName, UriConfig,
    ValueOrExpression,
};
pub use settings::{BufferingName, ConfigParameters, SecurityLevelName};
pub use shape::AnyParameters;

rempart_base::config! {
    /// A ruleset.
    pub struct RulesetConfig {
        required {
            /// The phase in which it runs, by its name in Cloudflare's API.
            phase: Spanned<PhaseName>;
        }
        /// What it is called. Needed for one that others execute by its name.
        name: Option<Spanned<Identifier>> = None;
        /// `zone` (of a zone) or `root` (of the account): the rules of the phase itself, of which there is one list.
        /// `custom`: rules that run where another ruleset executes them.
        kind: Option<Spanned<RulesetKind>> = None;
        /// Its id; without it, one is made of its name and its phase.
        id: Option<Spanned<Identifier>> = None;
        /// What it is for.
        description: Wording = Wording::default();
        /// The rules, in the order in which they are looked at.
        rules: Vec<Spanned<RuleConfig>> = Vec::new();
        /// Ignored.
        source: Ignored = Ignored;
        /// Ignored.
        version: Ignored = Ignored;
        /// Ignored.
        last_updated: Ignored = Ignored;
    }
}

rempart_base::config! {
    /// A rule.
    pub struct RuleConfig {
        required {
            /// When it applies.
            expression: Spanned<ExpressionText>;
            /// What it does.
            action: Spanned<ActionName>;
        }
        /// How it does it. Which keys may stand here depends on the action.
        action_parameters: Option<Deferred<AnyParameters>> = None;
        /// Whether it is looked at.
        enabled: bool = true;
        /// What it is for: at most 4,096 bytes.
        description: Spanned<Wording> = unwritten(Wording::default());
        /// What it is called in logs and events.
        r#ref: Option<Spanned<Identifier>> = None;
        /// Its id; without it, one is made of its content.
        id: Option<Spanned<Identifier>> = None;
        /// Whether a match is an event.
        logging: LoggingConfig = LoggingConfig::default();
        /// What overrides of a ruleset can call it by.
        categories: Vec<Identifier> = Vec::new();
        /// Not built yet: refused.
        ratelimit: Option<Spanned<Ignored>> = None;
        /// Not built yet: refused.
        exposed_credential_check: Option<Spanned<Ignored>> = None;
        /// Ignored.
        version: Ignored = Ignored;
        /// Ignored.
        last_updated: Ignored = Ignored;
    }
}

rempart_base::config! {
    /// Whether a match is an event.
    pub struct LoggingConfig {
        /// `false`: it is not. Only for `skip`; of other actions it always is.
        enabled: bool = true;
    }
}

pub(crate) fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned { value, mark: rempart_base::config::Mark::START, item: 0 }
}
