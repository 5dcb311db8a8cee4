//! What the operator writes about caching.

rempart_base::config! {
    /// How a zone caches. Names and values are Cloudflare's where it has them.
    pub struct CacheConfig {
        /// Off.
        placeholder: bool = true;
    }
}

rempart_base::config! {
    /// The cache of this process, which all zones share.
    pub struct CacheProcessConfig {
        /// What everything stored may weigh, in bytes: bodies, heads, keys and what holds them together.
        memory_bytes_max: u64 = 256 << 20, in 1 << 20..=1 << 44;
        /// The largest response that is stored, in bytes. Larger ones pass through.
        object_bytes_max: u64 = 8 << 30, in 1..=1 << 44;
        /// The largest response that is stored in one piece, in bytes, if it has no strong validator. With one, a
        /// response that is larger than a slice is stored in slices.
        whole_bytes_max: u64 = 16 << 20, in 1..=1 << 32;
        /// Bytes of one slice of a large response; ranges are fetched by the slice. A change takes a restart.
        slice_bytes: u32 = 1 << 20, in 65_536..=16 << 20;
        /// Bytes by which a fetch may be ahead of its fastest reader.
        window_bytes: u64 = 4 << 20, in 65_536..=1 << 30;
        /// Bytes that all fetches under way may hold outside of what is stored.
        fill_bytes_max: u64 = 128 << 20, in 1 << 20..=1 << 40;
        /// Fetches under way that visitors may share; those above go alone.
        fills_max: usize = 65_536, in 1..=1 << 24;
        /// Fetches from one origin that go on for responses that are too large to be stored.
        detached_max: usize = 64, in 1..=65_536;
    }
}

/// The cache of this process, ready to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each field is the key of that name")]
pub struct CacheSettings {
    pub memory_bytes_max: u64,
    pub object_bytes_max: u64,
    pub whole_bytes_max: u64,
    pub slice_bytes: u32,
    pub window_bytes: u64,
    pub fill_bytes_max: u64,
    pub fills_max: usize,
    pub detached_max: usize,
}

impl From<&CacheProcessConfig> for CacheSettings {
    fn from(config: &CacheProcessConfig) -> Self {
        let CacheProcessConfig {
            memory_bytes_max,
            object_bytes_max,
            whole_bytes_max,
            slice_bytes,
            window_bytes,
            fill_bytes_max,
            fills_max,
            detached_max,
        } = *config;
        Self {
            memory_bytes_max,
            object_bytes_max,
            whole_bytes_max,
            slice_bytes,
            window_bytes,
            fill_bytes_max,
            fills_max,
            detached_max,
        }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self::from(&CacheProcessConfig::default())
    }
}
