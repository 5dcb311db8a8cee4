//! What the operator writes about caching. Names and values are Cloudflare's where it has them: of its zone
//! settings, of the settings of its cache rules, and of their API.

mod process;
mod words;
mod zone;

pub use process::{CacheProcessConfig, CacheSettings, MemoryBytes};
pub use words::{
    BrowserMode, CookieName, EdgeModeName, FieldName, HeaderText, HeaderTexts, ParameterName, QueryWord,
    RequestDirectives, ServeStale, StatusTtlValue, Switch, VaryHeaders,
};
pub use zone::{
    BrowserTtlConfig, CacheConfig, CookieKeyConfig, CustomKeyConfig, EdgeTtlConfig, HeaderKeyConfig,
    HostKeyConfig, ParameterNames, ParameterNamesConfig, QueryListConfig, QueryString, ServeStaleConfig,
    StatusCodeRange, StatusCodeTtl, StatusEntry, UserKeyConfig, VaryActionConfig, VaryConfig,
    VaryHeaderConfig,
};
