//! Custom error assets: bodies that `serve_error` names.

use std::collections::BTreeMap;
use std::sync::Arc;

use rempart_base::config::{Context, FromText, Problem, Spanned};

use crate::content::Content;
use crate::rulesets::config::ContentTypeName;
use crate::rulesets::plan::ContentType;
use crate::words::{Ignored, Wording};

/// The largest asset, in bytes.
pub const ASSET_BYTES_MAX: usize = 1_572_864;
/// Assets of the account or of a zone.
pub const ASSETS_MAX: usize = 300;

rempart_base::config! {
    /// A body that `serve_error` can name.
    pub struct AssetConfig {
        required {
            /// What it is called: letters, digits and `_`, at most 200.
            name: Spanned<AssetName>;
            /// The body: at most 1.5 MB.
            content: Spanned<Wording>;
        }
        /// What it is.
        content_type: ContentTypeName = ContentType::TextHtml;
        /// What it is for.
        description: Wording = Wording::default();
        /// Ignored.
        last_updated: Ignored = Ignored;
    }
}

/// The name of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetName(pub String);

impl FromText for AssetName {
    const EXPECTED: &'static str = "letters, digits and `_`, at most 200";

    fn from_text(text: &str) -> Result<Self, String> {
        let is_in = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match (1..=200).contains(&text.len()) && text.bytes().all(is_in) {
            true => Ok(Self(text.into())),
            false => Err("is no name of an asset".into()),
        }
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

rempart_base::config_text!(AssetName);

/// Assets by their names.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    own: BTreeMap<Box<str>, Asset>,
    /// Those of the account, for the zones.
    account: Option<Arc<Assets>>,
}

/// One asset.
#[derive(Clone, Debug)]
pub struct Asset {
    /// What it is.
    pub content_type: ContentType,
    /// The body.
    pub content: Content,
}

impl Assets {
    /// Makes the assets of the account, or those of a zone, which may use the account's. What is wrong is reported.
    pub fn compile(assets: &[Spanned<AssetConfig>], account: Option<&Arc<Self>>, cx: &mut Context) -> Self {
        let mut set = Self { own: BTreeMap::new(), account: account.cloned() };
        if let Some(one) = assets.get(ASSETS_MAX) {
            let message = format!("there are more than {ASSETS_MAX} assets");
            cx.error(one.mark, Problem::new("rule-limit", message, "Remove some."));
        }
        for asset in assets {
            let AssetConfig { name, content, content_type, .. } = &asset.value;
            cx.in_item(asset.item, |cx| {
                if content.value.0.len() > ASSET_BYTES_MAX {
                    let message = format!("the body has more than {ASSET_BYTES_MAX} bytes");
                    let problem = Problem::new("rule-limit", message, "Make it smaller.");
                    cx.in_key("content", |cx| cx.error(content.mark, problem));
                }
                let body = Asset {
                    content_type: *content_type,
                    content: cx.in_key("content", |cx| Content::compile(content, cx)),
                };
                if set.own.insert(name.value.0.as_str().into(), body).is_some() {
                    let message = format!("there are two assets of the name `{}`", name.value.0);
                    let problem = Problem::new("asset-duplicate", message, "Give one of them another name.");
                    cx.in_key("name", |cx| cx.error(name.mark, problem));
                }
            });
        }
        set
    }

    /// The asset of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Asset> {
        self.own.get(name).or_else(|| self.account.as_deref()?.find(name))
    }
}
