//! Room 1: the vocabulary of one exchange. What a request, a response, a body and a failure are,
//! whatever protocol carried them; and the rules for names, values, targets and authorities that all protocols
//! share. No message is parsed and nothing is decided here.

pub mod authority;
pub mod body;
pub mod bytes;
pub mod fault;
pub mod fields;
pub mod known;
pub mod limits;
pub mod method;
pub mod request;
pub mod response;
pub mod trailers;
pub mod words;

pub use body::BodyLength;
pub use fault::{BadRequest, BadResponse, Fault, Side};
pub use fields::{Field, FieldRef, Fields, Span};
pub use known::Known;
pub use limits::HeadLimits;
pub use method::{Method, Scheme, Version};
pub use request::{ConnectionOptions, RequestHead};
pub use response::ResponseHead;
