//! Lists: what many rules share, by name. `$name` in an expression, or `from_list` of a redirect.

mod compile;
pub mod config;
pub mod redirects;

use std::collections::BTreeMap;
use std::sync::Arc;

use rempart_rules::ast::ListKind;
use rempart_rules::lists::{Contents, List};

pub use compile::compile;
pub(crate) use compile::{is_host, is_url_text};
pub use config::ListConfig;
pub use redirects::{Found, RedirectEntry, RedirectList};

/// Items of all lists that are not redirects, of the account or of a zone (Cloudflare's largest bound).
pub const ITEMS_MAX: usize = 500_000;
/// Redirects of all lists, of the account or of a zone (Cloudflare's largest bound).
pub const REDIRECTS_MAX: usize = 1_000_000;
/// Lists of the account or of a zone (Cloudflare's largest bound).
pub const LISTS_MAX: usize = 1_000;
/// The longest name of a list, in characters.
pub const NAME_CHARACTERS_MAX: usize = 50;

/// Lists by their names.
#[derive(Clone, Debug, Default)]
pub struct ListSet {
    lists: BTreeMap<Box<str>, ListPlan>,
    /// Those of the account, for the zones: what is not here is looked up there.
    account: Option<Arc<ListSet>>,
}

/// A list, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct ListPlan {
    kind: ListKind,
    contents: Arc<List>,
    /// The same, for a list of redirects.
    redirects: Option<Arc<RedirectList>>,
}

impl ListSet {
    /// No list but those of the account.
    #[must_use]
    pub fn under(account: Option<&Arc<Self>>) -> Self {
        Self { lists: BTreeMap::new(), account: account.cloned() }
    }

    /// Whether there is no list at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.account.as_deref().is_none_or(Self::is_empty)
    }

    /// The list of redirects of this name.
    #[must_use]
    pub fn redirects(&self, name: &str) -> Option<&Arc<RedirectList>> {
        self.find(name)?.redirects.as_ref()
    }

    fn find(&self, name: &str) -> Option<&ListPlan> {
        self.lists.get(name).or_else(|| self.account.as_deref()?.find(name))
    }
}

impl rempart_rules::Lists for ListSet {
    fn kind(&self, name: &str) -> Option<ListKind> {
        self.find(name).map(|list| list.kind)
    }

    fn names(&self) -> Vec<&str> {
        let mut names = self.account.as_deref().map(rempart_rules::Lists::names).unwrap_or_default();
        names.extend(self.lists.keys().map(|name| &**name));
        names
    }
}

impl Contents for ListSet {
    fn list(&self, name: &str) -> Option<Arc<List>> {
        self.find(name).map(|list| Arc::clone(&list.contents))
    }
}
