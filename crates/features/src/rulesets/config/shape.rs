//! What may stand under `action_parameters`, for the schema and the reference: the keys of every action. Which of
//! them belong to a rule's action is checked when it is compiled.

use rempart_base::config::{Context, Decode, KeyShape, Node, Shape, Shown};

use super::{
    BlockParameters, CacheControlParameters, CacheParameters, CacheTagsParameters, CompressParameters,
    ConfigParameters, ExecuteParameters, LogFieldsParameters, RedirectParameters, RewriteParameters,
    RouteParameters, ServeErrorParameters, SkipParameters,
};

/// Parameters of some action.
#[derive(Clone, Copy, Debug)]
pub struct AnyParameters;

impl Decode for AnyParameters {
    fn decode(_: &Node, _: &mut Context) -> Option<Self> {
        Some(Self)
    }

    fn shape() -> Shape {
        let mut all: Vec<KeyShape> = Vec::new();
        for shape in [
            BlockParameters::shape(),
            ExecuteParameters::shape(),
            SkipParameters::shape(),
            RedirectParameters::shape(),
            RewriteParameters::shape(),
            RouteParameters::shape(),
            ServeErrorParameters::shape(),
            ConfigParameters::shape(),
            CacheParameters::shape(),
            CacheTagsParameters::shape(),
            CacheControlParameters::shape(),
            CompressParameters::shape(),
            LogFieldsParameters::shape(),
        ] {
            let Shape::Object(keys) = shape else { continue };
            for key in keys {
                match all.iter().any(|known| known.name == key.name) {
                    true => {}
                    // No key is required of every action.
                    false => {
                        all.push(KeyShape { default: Some(key.default.unwrap_or(Shown::Absent)), ..key })
                    }
                }
            }
        }
        Shape::Object(all)
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}
