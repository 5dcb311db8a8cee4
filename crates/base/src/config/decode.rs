//! From nodes to values.

use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::context::{Context, Problem};
use super::node::{Mark, Node, Value};
use super::shape::{Shape, Shown};

/// A type that the operator writes.
pub trait Decode: Sized {
    /// Reads it. `None`: it is wrong, and everything that is wrong with it has been reported.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self>;

    /// What may be written.
    fn shape() -> Shape;

    /// This value as somebody's default.
    fn show(&self) -> Shown;
}

/// A number that can be given narrower bounds than its type's.
pub trait Bounded: Decode {
    /// The number's own type.
    type Number: Copy;

    /// Reads it within bounds.
    fn decode_within(node: &Node, bounds: RangeInclusive<Self::Number>, cx: &mut Context) -> Option<Self>;

    /// What may be written within these bounds.
    fn shape_within(bounds: RangeInclusive<Self::Number>) -> Shape;
}

/// A value with the place where it stands.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub mark: Mark,
    /// Which item of its list it is; 0 outside lists.
    pub item: usize,
}

/// Something of which one or several may be written: `a` is short for `[a]`.
#[derive(Clone, Debug)]
pub struct OneOrMany<T>(pub Vec<T>);

/// A node that is left for later: it has the shape of `T`, and whoever reads it decodes it.
#[derive(Clone, Debug)]
pub struct Deferred<T> {
    /// The node.
    pub node: Node,
    shape: PhantomData<fn() -> T>,
}

macro_rules! integers {
    ($($type:ty),+) => {$(
        impl Decode for $type {
            fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
                Self::decode_within(node, Self::MIN..=Self::MAX, cx)
            }
            fn shape() -> Shape {
                Self::shape_within(Self::MIN..=Self::MAX)
            }
            fn show(&self) -> Shown {
                Shown::Integer(*self as u64)
            }
        }
        impl Bounded for $type {
            type Number = Self;
            fn decode_within(node: &Node, bounds: RangeInclusive<Self>, cx: &mut Context) -> Option<Self> {
                let (min, max) = (*bounds.start() as u64, *bounds.end() as u64);
                integer(node, min, max, cx).and_then(|number| Self::try_from(number).ok())
            }
            fn shape_within(bounds: RangeInclusive<Self>) -> Shape {
                Shape::Integer { min: *bounds.start() as u64, max: *bounds.end() as u64 }
            }
        }
    )+};
}

integers!(u8, u16, u32, u64, usize);

impl<T: Bounded> Bounded for Option<T> {
    type Number = T::Number;

    fn decode_within(node: &Node, bounds: RangeInclusive<T::Number>, cx: &mut Context) -> Option<Self> {
        T::decode_within(node, bounds, cx).map(Some)
    }

    fn shape_within(bounds: RangeInclusive<T::Number>) -> Shape {
        T::shape_within(bounds)
    }
}

impl Decode for bool {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if scalar.plain && &*scalar.text == "true" => Some(true),
            Value::Scalar(scalar) if scalar.plain && &*scalar.text == "false" => Some(false),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                wrong_type(node, "`true` or `false`", "Write `true` or `false`, without quotes.", cx);
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Bool
    }

    fn show(&self) -> Shown {
        Shown::Bool(*self)
    }
}

impl Decode for String {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.text().filter(|text| !text.is_empty());
        if text.is_none() {
            wrong_type(node, "a text that is not empty", "Write one text here.", cx);
        }
        text.map(Self::from)
    }

    fn shape() -> Shape {
        Shape::Text("a text")
    }

    fn show(&self) -> Shown {
        Shown::Text(self.clone())
    }
}

impl Decode for PathBuf {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        String::decode(node, cx).map(Self::from)
    }

    fn shape() -> Shape {
        Shape::Text("a path, relative to the folder of this file")
    }

    fn show(&self) -> Shown {
        Shown::Text(self.display().to_string())
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        T::decode(node, cx).map(Some)
    }

    fn shape() -> Shape {
        T::shape()
    }

    fn show(&self) -> Shown {
        self.as_ref().map_or(Shown::Absent, T::show)
    }
}

/// An empty list is refused: where nothing is meant the key is left out, so that a list that came out empty by
/// mistake is not taken for one that was never written.
impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let Value::List(items) = &node.value else {
            let expected = format!("a list of {}", T::shape());
            wrong_type(node, &expected, "Write a list: `[a, b]`, or one `- item` a line.", cx);
            return None;
        };
        if items.is_empty() {
            let action = "Add an item, or leave the key out if there are none.";
            let problem = Problem::new("empty-list", "this list is empty", action);
            cx.error(node.mark, problem.expecting(format!("at least one item: {}", T::shape())));
        }
        // A wrong item is reported and left out, so that what is wrong with the others is found too.
        let items = items.iter().enumerate();
        Some(items.filter_map(|(i, item)| cx.in_item(i, |cx| T::decode(item, cx))).collect())
    }

    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn show(&self) -> Shown {
        Shown::List(self.iter().map(T::show).collect())
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        T::decode(node, cx).map(Self::new)
    }

    fn shape() -> Shape {
        T::shape()
    }

    fn show(&self) -> Shown {
        T::show(self)
    }
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let item = cx.item();
        T::decode(node, cx).map(|value| Self { value, mark: node.mark, item })
    }

    fn shape() -> Shape {
        T::shape()
    }

    fn show(&self) -> Shown {
        self.value.show()
    }
}

impl<T: Decode> Decode for OneOrMany<T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::List(_) => Vec::decode(node, cx).map(Self),
            Value::Scalar(_) | Value::Map(_) => T::decode(node, cx).map(|one| Self(vec![one])),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![T::shape(), Vec::<T>::shape()])
    }

    fn show(&self) -> Shown {
        self.0.show()
    }
}

impl<T: Decode> Decode for Deferred<T> {
    fn decode(node: &Node, _: &mut Context) -> Option<Self> {
        Some(Self { node: node.clone(), shape: PhantomData })
    }

    fn shape() -> Shape {
        T::shape()
    }

    fn show(&self) -> Shown {
        Shown::Absent
    }
}

fn integer(node: &Node, min: u64, max: u64, cx: &mut Context) -> Option<u64> {
    let digits = match &node.value {
        Value::Scalar(scalar) if scalar.plain => {
            let digits = scalar.text.strip_prefix(['-', '+']).unwrap_or(&scalar.text);
            (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(&scalar.text)
        }
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
    };
    let expected = Shape::Integer { min, max }.to_string();
    let Some(digits) = digits else {
        wrong_type(
            node,
            &expected,
            "Write a whole number without quotes; the unit is in the key's name.",
            cx,
        );
        return None;
    };
    let number = digits.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
    if number.is_none() {
        let problem = Problem::new(
            "out-of-range",
            format!("{node} is out of range"),
            "Choose a number within the bounds.",
        );
        cx.error(node.mark, problem.expecting(expected));
    }
    number
}

fn wrong_type(node: &Node, expected: &str, action: &str, cx: &mut Context) {
    let problem = Problem::new("wrong-type", format!("{node} is of the wrong type"), action);
    cx.error(node.mark, problem.expecting(expected));
}
