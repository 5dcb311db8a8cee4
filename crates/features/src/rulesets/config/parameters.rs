//! Parameters of actions.

use rempart_base::config::{Context, Decode, Key, Node, Problem, Shape, Shown, Spanned, Value};

use crate::words::{ExpressionText, Identifier, Ignored, Wording};

use super::names::{ActionName, PhaseName};

rempart_base::config! {
    /// `block`.
    pub struct BlockParameters {
        /// The response, instead of the edge's own page.
        response: Option<BlockResponse> = None;
    }
}

rempart_base::config! {
    /// A response of one's own.
    pub struct BlockResponse {
        required {
            /// The body: at most 10 KB.
            content: Spanned<Wording>;
            /// What it is.
            content_type: ContentTypeName;
        }
        /// The status.
        status_code: u16 = 403, in 400..=499;
    }
}

rempart_base::config! {
    /// `serve_error`.
    pub struct ServeErrorParameters {
        /// The body: at most 10 KB. Either this or `asset_name`.
        content: Option<Spanned<Wording>> = None;
        /// The body, by the name of an asset.
        asset_name: Option<Spanned<Identifier>> = None;
        /// What it is. Needed with `content`.
        content_type: Option<Spanned<ContentTypeName>> = None;
        /// The status, instead of the error's own.
        status_code: Option<u16> = None, in 400..=999;
    }
}

/// Types of a response of one's own.
pub use crate::rulesets::plan::ContentType as ContentTypeName;

rempart_base::config_words!(ContentTypeName {
    ContentTypeName::TextHtml = "text/html",
    ContentTypeName::TextPlain = "text/plain",
    ContentTypeName::TextXml = "text/xml",
    ContentTypeName::ApplicationJson = "application/json",
});

rempart_base::config! {
    /// `execute`.
    pub struct ExecuteParameters {
        required {
            /// The ruleset: its id or its name.
            id: Spanned<Identifier>;
        }
        /// How its rules differ when they run here.
        overrides: Option<OverridesConfig> = None;
        /// Not built yet: refused.
        matched_data: Option<Spanned<Ignored>> = None;
        /// Ignored.
        version: Ignored = Ignored;
    }
}

rempart_base::config! {
    /// How rules differ. What is said of a rule counts before what is said of its category, and that before what is
    /// said of all.
    pub struct OverridesConfig {
        /// What all of them do.
        action: Option<Spanned<ActionName>> = None;
        /// Whether all of them are looked at.
        enabled: Option<bool> = None;
        /// Rules by their categories. Of several that fit, the last counts.
        categories: Vec<Spanned<CategoryOverride>> = Vec::new();
        /// Single rules.
        rules: Vec<Spanned<RuleOverride>> = Vec::new();
        /// Not built yet: refused.
        sensitivity_level: Option<Spanned<Ignored>> = None;
    }
}

rempart_base::config! {
    /// How rules of a category differ.
    pub struct CategoryOverride {
        required {
            /// The category.
            category: Identifier;
        }
        /// What they do.
        action: Option<Spanned<ActionName>> = None;
        /// Whether they are looked at.
        enabled: Option<bool> = None;
        /// Not built yet: refused.
        sensitivity_level: Option<Spanned<Ignored>> = None;
    }
}

rempart_base::config! {
    /// How a rule differs.
    pub struct RuleOverride {
        required {
            /// The rule: its id or its `ref`.
            id: Spanned<Identifier>;
        }
        /// What it does.
        action: Option<Spanned<ActionName>> = None;
        /// Whether it is looked at.
        enabled: Option<bool> = None;
        /// Not built yet: refused.
        score_threshold: Option<Spanned<Ignored>> = None;
        /// Not built yet: refused.
        sensitivity_level: Option<Spanned<Ignored>> = None;
    }
}

rempart_base::config! {
    /// `skip`. At least one of these.
    pub struct SkipParameters {
        /// `current`: the rest of the ruleset in which the rule stands.
        ruleset: Option<Current> = None;
        /// `current`: the rest of the phase, of the account and the zone.
        phase: Option<Current> = None;
        /// Phases that are still to come.
        phases: Vec<Spanned<PhaseName>> = Vec::new();
        /// Parts of the edge that are not made of rulesets.
        products: Vec<ProductName> = Vec::new();
        /// Rulesets that are not executed any more, by their ids.
        rulesets: Vec<Spanned<Identifier>> = Vec::new();
        /// Rules that are not looked at any more: ids of rules by the id of their ruleset.
        rules: SkippedRulesMap = SkippedRulesMap::default();
    }
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// `current`.
    Current,
}

rempart_base::config_words!(Current { Current::Current = "current" });

/// Parts of the edge that are not made of rulesets.
pub use crate::rulesets::plan::Product as ProductName;

rempart_base::config_words!(ProductName {
    ProductName::ZoneLockdown = "zoneLockdown",
    ProductName::UaBlock = "uaBlock",
    ProductName::Bic = "bic",
    ProductName::Hot = "hot",
    ProductName::SecurityLevel = "securityLevel",
    ProductName::RateLimit = "rateLimit",
    ProductName::Waf = "waf",
});

/// Ids of rules by the id of their ruleset.
#[derive(Clone, Debug, Default)]
pub struct SkippedRulesMap(pub Vec<(Spanned<String>, Vec<Identifier>)>);

impl Decode for SkippedRulesMap {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        each(node, &Self::shape(), cx, |key, value, cx| {
            let ids = Vec::<Identifier>::decode(value, cx)?;
            Some((Spanned { value: key.text.to_string(), mark: key.mark, item: 0 }, ids))
        })
        .map(Self)
    }

    fn shape() -> Shape {
        Shape::Each { key: "the id of a ruleset", value: Box::new(Vec::<Identifier>::shape()) }
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}

rempart_base::config! {
    /// `redirect`. One of these.
    pub struct RedirectParameters {
        /// To a URL that is written here or made of the request.
        from_value: Option<Spanned<FromValueConfig>> = None;
        /// To the URL that a list has for the request's.
        from_list: Option<Spanned<FromListConfig>> = None;
    }
}

rempart_base::config! {
    /// To a URL.
    pub struct FromValueConfig {
        required {
            /// The URL, or a path.
            target_url: Spanned<ValueOrExpression>;
        }
        /// 301, 302, 303, 307 or 308.
        status_code: Spanned<u16> = super::unwritten(301);
        /// Whether the query of the request goes with it.
        preserve_query_string: bool = false;
    }
}

rempart_base::config! {
    /// To what a list says.
    pub struct FromListConfig {
        required {
            /// The list, which is of kind `redirect`.
            name: Spanned<Identifier>;
            /// The URL that is looked up, mostly `http.request.full_uri`.
            key: Spanned<ExpressionText>;
        }
    }
}

rempart_base::config! {
    /// A text that is written here or made of the request: one of these.
    pub struct ValueOrExpression {
        /// The text.
        value: Option<Spanned<Wording>> = None;
        /// The expression that makes it.
        expression: Option<Spanned<ExpressionText>> = None;
    }
}

rempart_base::config! {
    /// `rewrite`.
    pub struct RewriteParameters {
        /// The URL (in `http_request_transform`).
        uri: Option<Spanned<UriConfig>> = None;
        /// Header fields (in `http_request_late_transform` and `http_response_headers_transform`).
        headers: Headers = Headers::default();
    }
}

rempart_base::config! {
    /// A new URL.
    pub struct UriConfig {
        /// The path.
        path: Option<Spanned<ValueOrExpression>> = None;
        /// The query, without `?`.
        query: Option<Spanned<ValueOrExpression>> = None;
        /// Not built yet: refused.
        origin: Option<Spanned<Ignored>> = None;
    }
}

/// Header fields by their names.
#[derive(Clone, Debug, Default)]
pub struct Headers(pub Vec<(Spanned<String>, Spanned<HeaderConfig>)>);

impl Decode for Headers {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        each(node, &Self::shape(), cx, |key, value, cx| {
            let name = Spanned { value: key.text.to_string(), mark: key.mark, item: 0 };
            Some((name, Spanned::<HeaderConfig>::decode(value, cx)?))
        })
        .map(Self)
    }

    fn shape() -> Shape {
        Shape::Each { key: "the name of a header field", value: Box::new(HeaderConfig::shape()) }
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}

rempart_base::config! {
    /// What becomes of a header field.
    pub struct HeaderConfig {
        required {
            /// `set`: it has this value and no other. `add`: this value too. `remove`: it goes.
            operation: HeaderOperation;
        }
        /// The value.
        value: Option<Spanned<Wording>> = None;
        /// The expression that makes it.
        expression: Option<Spanned<ExpressionText>> = None;
    }
}

/// What becomes of a header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the word of that name")]
pub enum HeaderOperation {
    Set,
    Add,
    Remove,
}

rempart_base::config_words!(HeaderOperation {
    HeaderOperation::Set = "set",
    HeaderOperation::Add = "add",
    HeaderOperation::Remove = "remove",
});

rempart_base::config! {
    /// `route`. At least one of these.
    pub struct RouteParameters {
        /// `Host` toward the origin.
        host_header: Option<Spanned<String>> = None;
        /// The origin.
        origin: Option<Spanned<RouteOriginConfig>> = None;
        /// The name in the TLS handshake.
        sni: Option<SniConfig> = None;
    }
}

rempart_base::config! {
    /// The origin. At least one of these.
    pub struct RouteOriginConfig {
        /// A host name or an address.
        host: Option<Spanned<String>> = None;
        /// Its port.
        port: Option<u16> = None, in 1..=65535;
    }
}

rempart_base::config! {
    /// The name in the TLS handshake.
    pub struct SniConfig {
        required {
            /// The name.
            value: Spanned<String>;
        }
    }
}

rempart_base::config! {
    /// `set_cache_tags`. Either `values` or `expression`.
    pub struct CacheTagsParameters {
        required {
            /// `add`, `remove`, or `set`: these and no others.
            operation: TagsOperationName;
        }
        /// The tags.
        values: Vec<Spanned<String>> = Vec::new();
        /// The expression that makes them: an array of strings, such as `http.response.headers["x-tags"]`.
        expression: Option<Spanned<ExpressionText>> = None;
    }
}

/// What is done with tags.
pub use crate::rulesets::plan::TagsOperation as TagsOperationName;

rempart_base::config_words!(TagsOperationName {
    TagsOperationName::Add = "add",
    TagsOperationName::Remove = "remove",
    TagsOperationName::Set = "set",
});

rempart_base::config! {
    /// `compress_response`.
    pub struct CompressParameters {
        required {
            /// Codings, best first.
            algorithms: Vec<AlgorithmConfig>;
        }
    }
}

rempart_base::config! {
    /// A coding.
    pub struct AlgorithmConfig {
        required {
            /// Its name.
            name: AlgorithmName;
        }
    }
}

/// Codings.
pub use crate::rulesets::plan::Algorithm as AlgorithmName;

rempart_base::config_words!(AlgorithmName {
    AlgorithmName::None = "none",
    AlgorithmName::Auto = "auto",
    AlgorithmName::Default = "default",
    AlgorithmName::Gzip = "gzip",
    AlgorithmName::Brotli = "brotli",
    AlgorithmName::Zstd = "zstd",
});

rempart_base::config! {
    /// `log_custom_field`. At least one of these; at most 100 fields each.
    pub struct LogFieldsParameters {
        /// Cookies of the request.
        cookie_fields: Vec<Spanned<LogFieldConfig>> = Vec::new();
        /// Header fields of the request, as it came.
        request_fields: Vec<Spanned<LogFieldConfig>> = Vec::new();
        /// Header fields of the request, as it went to the origin.
        transformed_request_fields: Vec<Spanned<LogFieldConfig>> = Vec::new();
        /// Header fields of the response, as it went to the visitor.
        response_fields: Vec<Spanned<LogFieldConfig>> = Vec::new();
        /// Header fields of the response, as it came from the origin.
        raw_response_fields: Vec<Spanned<LogFieldConfig>> = Vec::new();
    }
}

rempart_base::config! {
    /// A field in the log.
    pub struct LogFieldConfig {
        required {
            /// Its name.
            name: Spanned<Identifier>;
        }
        /// Whether all of its values are logged (responses only); else the last.
        preserve_duplicates: bool = false;
    }
}

/// Reads a mapping whose keys are the operator's choice.
pub(super) fn each<T>(
    node: &Node,
    shape: &Shape,
    cx: &mut Context,
    mut read: impl FnMut(&Key, &Node, &mut Context) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Map(entries) = &node.value else {
        let action = "Write one `key: value` a line.";
        let problem = Problem::new("wrong-type", format!("{node} is not a mapping"), action);
        cx.error(node.mark, problem.expecting(shape.to_string()));
        return None;
    };
    Some(entries.iter().filter_map(|(key, value)| cx.in_key(&key.text, |cx| read(key, value, cx))).collect())
}
