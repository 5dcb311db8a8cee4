//! The macro with which a room declares what the operator writes.

/// Declares what the operator writes at one place: the struct, its decoding and its [`Shape`].
///
/// Each key has its text for the reference, its type, its default and, for numbers, its bounds. A key
/// without default must be written. If every key has one, the struct is `Default` too.
///
/// With `overridden by NAME` there is a second struct, all of whose keys may be absent, and a method
/// `over` that lays it over the first: for values that hold globally and can be changed at one place.
///
/// A key with `#[cfg(…)]` behind its text exists only in such builds. A key that is a word of Rust is written
/// `r#ref`.
///
/// ```
/// rempart_base::config! {
///     /// How long to wait.
///     pub struct Patience {
///         /// How often to knock.
///         knocks: u32 = 3, in 1..=10;
///     }
/// }
/// assert_eq!(Patience::default().knocks, 3);
/// ```
///
/// [`Shape`]: crate::config::Shape
#[macro_export]
macro_rules! config {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident overridden by $over:ident {
            $($(#[doc = $doc:literal])+ $key:ident : $type:ty = $default:expr $(, in $bounds:expr)?;)+
        }
    ) => {
        $crate::config! {
            $(#[doc = $about])*
            $vis struct $name { $($(#[doc = $doc])+ $key: $type = $default $(, in $bounds)?;)+ }
        }
        $crate::config! {
            $(#[doc = $about])*
            #[doc = ""]
            #[doc = "What is absent is taken from the global value."]
            $vis struct $over { $($(#[doc = $doc])+ $key: Option<$type> = None $(, in $bounds)?;)+ }
        }
        impl $over {
            /// These values, and what is absent from `base`.
            #[must_use]
            pub fn over(&self, base: &$name) -> $name {
                $name { $($key: self.$key.clone().unwrap_or_else(|| base.$key.clone())),+ }
            }
        }
    };
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            $($(#[doc = $doc:literal])+ $(#[cfg($cfg:meta)])?
                $key:ident : $type:ty = $default:expr $(, in $bounds:expr)?;)+
        }
    ) => {
        $crate::config! { @struct $vis $name ($($about)*) $(($($doc)+) $(#[cfg($cfg)])? $key: $type;)+ }
        impl Default for $name {
            fn default() -> Self {
                Self { $($(#[cfg($cfg)])? $key: $default),+ }
            }
        }
        impl $crate::config::Decode for $name {
            fn decode(node: &$crate::config::Node, cx: &mut $crate::config::Context) -> Option<Self> {
                let known = [$($(#[cfg($cfg)])? $crate::config::key_name(stringify!($key))),+];
                let keys = $crate::config::Keys::of(node, &known, cx)?;
                Some(Self { $($(#[cfg($cfg)])? $key: $crate::config!(@read keys, cx, $key, $type $(, $bounds)?)
                    .unwrap_or_else(|| $default)),+ })
            }
            fn shape() -> $crate::config::Shape {
                let defaults = Self::default();
                $crate::config::Shape::Object(Vec::from([$($(#[cfg($cfg)])? $crate::config::KeyShape {
                    name: $crate::config::key_name(stringify!($key)),
                    doc: concat!($($doc, "\n"),+),
                    shape: $crate::config!(@shape $type $(, $bounds)?),
                    default: Some($crate::config::Decode::show(&defaults.$key)),
                }),+]))
            }
            fn show(&self) -> $crate::config::Shown {
                $crate::config::Shown::Object
            }
        }
    };
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            required {
                $($(#[doc = $must_doc:literal])+ $must:ident : $must_type:ty;)+
            }
            $($(#[doc = $doc:literal])+ $(#[cfg($cfg:meta)])?
                $key:ident : $type:ty = $default:expr $(, in $bounds:expr)?;)*
        }
    ) => {
        $crate::config! { @struct $vis $name ($($about)*)
            $(($($must_doc)+) $must: $must_type;)+ $(($($doc)+) $(#[cfg($cfg)])? $key: $type;)* }
        impl $crate::config::Decode for $name {
            fn decode(node: &$crate::config::Node, cx: &mut $crate::config::Context) -> Option<Self> {
                let known = [
                    $($crate::config::key_name(stringify!($must)),)+
                    $($(#[cfg($cfg)])? $crate::config::key_name(stringify!($key))),*
                ];
                let keys = $crate::config::Keys::of(node, &known, cx)?;
                $(let $must = keys.require::<$must_type>($crate::config::key_name(stringify!($must)), cx);)+
                $($(#[cfg($cfg)])? let $key = $crate::config!(@read keys, cx, $key, $type $(, $bounds)?)
                    .unwrap_or_else(|| $default);)*
                Some(Self { $($must: $must?,)+ $($(#[cfg($cfg)])? $key),* })
            }
            fn shape() -> $crate::config::Shape {
                $crate::config::Shape::Object(Vec::from([
                    $($crate::config::KeyShape {
                        name: $crate::config::key_name(stringify!($must)),
                        doc: concat!($($must_doc, "\n"),+),
                        shape: <$must_type as $crate::config::Decode>::shape(),
                        default: None,
                    },)+
                    $($(#[cfg($cfg)])? $crate::config::KeyShape {
                        name: $crate::config::key_name(stringify!($key)),
                        doc: concat!($($doc, "\n"),+),
                        shape: $crate::config!(@shape $type $(, $bounds)?),
                        default: Some(<$type as $crate::config::Decode>::show(&$default)),
                    }),*
                ]))
            }
            fn show(&self) -> $crate::config::Shown {
                $crate::config::Shown::Object
            }
        }
    };
    (
        @struct $vis:vis $name:ident ($($about:literal)*)
        $(($($doc:literal)+) $(#[cfg($cfg:meta)])? $key:ident: $type:ty;)+
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        $vis struct $name { $($(#[doc = $doc])+ $(#[cfg($cfg)])? pub $key: $type),+ }
    };
    (@read $keys:ident, $cx:ident, $key:ident, $type:ty) => {
        $keys.read::<$type>($crate::config::key_name(stringify!($key)), $cx)
    };
    (@read $keys:ident, $cx:ident, $key:ident, $type:ty, $bounds:expr) => {
        $keys.read_within::<$type>($crate::config::key_name(stringify!($key)), $bounds, $cx)
    };
    (@shape $type:ty) => {
        <$type as $crate::config::Decode>::shape()
    };
    (@shape $type:ty, $bounds:expr) => {
        <$type as $crate::config::Bounded>::shape_within($bounds)
    };
}
