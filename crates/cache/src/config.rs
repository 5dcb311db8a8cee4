//! What the operator writes about caching.

rempart_base::config! {
    /// How a zone caches. Names and values are Cloudflare's where it has them.
    pub struct CacheConfig {
        /// Off.
        placeholder: bool = true;
    }
}
