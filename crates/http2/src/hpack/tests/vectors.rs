//! The examples of RFC 7541 appendix C.

use super::{Decoder, List, decode, list};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[track_caller]
fn check(table_bytes_max: usize, blocks: &[(&str, List)]) {
    let mut decoder = Decoder::new(table_bytes_max);
    for (hex, expected) in blocks {
        assert_eq!(decode(&mut decoder, &bytes(hex)).as_ref(), Ok(expected), "{hex}");
    }
}

#[test]
fn single_fields() {
    check(
        4096,
        &[(
            "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
            list(&[("custom-key", "custom-header")]),
        )],
    );
    check(4096, &[("040c 2f73 616d 706c 652f 7061 7468", list(&[(":path", "/sample/path")]))]);
    check(4096, &[("1008 7061 7373 776f 7264 0673 6563 7265 74", list(&[("password", "secret")]))]);
    check(4096, &[("82", list(&[(":method", "GET")]))]);
}

fn requests() -> [List; 3] {
    let first = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
    let mut second = first.to_vec();
    second.push(("cache-control", "no-cache"));
    let third = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ];
    [list(&first), list(&second), list(&third)]
}

#[test]
fn requests_as_they_are_and_packed() {
    let [first, second, third] = requests();
    check(
        4096,
        &[
            ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", first.clone()),
            ("8286 84be 5808 6e6f 2d63 6163 6865", second.clone()),
            ("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", third.clone()),
        ],
    );
    check(
        4096,
        &[
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", first),
            ("8286 84be 5886 a8eb 1064 9cbf", second),
            ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", third),
        ],
    );
}

fn responses() -> [List; 3] {
    let with = |status, date, more: &[(&'static str, &'static str)]| {
        let mut fields = vec![(":status", status), ("cache-control", "private"), ("date", date)];
        fields.push(("location", "https://www.example.com"));
        fields.extend_from_slice(more);
        list(&fields)
    };
    let (date, later) = ("Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT");
    let cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    [
        with("302", date, &[]),
        with("307", date, &[]),
        with("200", later, &[("content-encoding", "gzip"), ("set-cookie", cookie)]),
    ]
}

/// The table is so small that entries are evicted.
#[test]
fn responses_as_they_are_and_packed() {
    let [first, second, third] = responses();
    check(
        256,
        &[
            (
                "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 \
                 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                first.clone(),
            ),
            ("4803 3330 37c1 c0bf", second.clone()),
            (
                "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 \
                 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 \
                 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
                third.clone(),
            ),
        ],
    );
    check(
        256,
        &[
            (
                "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad \
                 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                first,
            ),
            ("4883 640e ffc1 c0bf", second),
            (
                "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 \
                 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
                third,
            ),
        ],
    );
}
