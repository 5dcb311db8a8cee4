use rempart_flow::Fields;

use super::{LIMITS, block_of, shown};
use crate::hpack::Decoder;
use crate::message::{ForbiddenTrailers, TrailerError, read_trailers};

fn read(fields: &[(&str, &str)], forbidden: ForbiddenTrailers) -> (Result<(), TrailerError>, Fields) {
    let mut list = Fields::default();
    list.append(b"from", b"before");
    let block = block_of(fields);
    (read_trailers(&mut Decoder::new(4096), &block, &LIMITS, forbidden, &mut list).unwrap(), list)
}

#[test]
fn trailers_of_grpc() {
    let (result, list) = read(&[("grpc-status", "0"), ("grpc-message", "")], ForbiddenTrailers::Refuse);
    assert_eq!((result, shown(&list)), (Ok(()), vec![("grpc-status", "0"), ("grpc-message", "")]));
    assert!(read(&[], ForbiddenTrailers::Refuse).0.is_ok());
}

#[test]
fn what_is_no_trailer() {
    for forbidden in [ForbiddenTrailers::Refuse, ForbiddenTrailers::Mark] {
        for (name, value) in [
            (":status", "200"),
            (":path", "/"),
            (":unknown", "x"),
            ("X", "y"),
            ("x", "y "),
            ("x", "\n"),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "x"),
        ] {
            assert_eq!(
                read(&[("x", "y"), (name, value)], forbidden).0,
                Err(TrailerError::Malformed),
                "{name}"
            );
        }
    }
}

#[test]
fn what_only_heads_may_bear() {
    for name in ["content-length", "host", "cookie", "te", "authorization", "x-forwarded-for", "cf-any"] {
        let fields = [("x", "y"), (name, "1"), ("z", "y")];
        assert_eq!(read(&fields, ForbiddenTrailers::Refuse).0, Err(TrailerError::Forbidden), "{name}");
        let (result, list) = read(&fields, ForbiddenTrailers::Mark);
        let marks: Vec<bool> = list.iter().map(|field| field.hop_by_hop).collect();
        assert_eq!((result, marks), (Ok(()), vec![false, true, false]), "{name}");
    }
}
