//! Which bytes may stand where.

/// A `tchar` (RFC 9110 section 5.6.2).
pub(crate) const TOKEN: u8 = 1;
/// A byte of the path of a target.
pub(crate) const PATH: u8 = 2;
/// A byte of a target anywhere.
pub(crate) const TARGET: u8 = 4;
/// A byte of a host name.
pub(crate) const HOST: u8 = 8;
/// A byte of a field value or a reason phrase: `field-vchar`, space and tab (RFC 9110 section 5.5).
pub(crate) const TEXT: u8 = 16;

static CLASSES: [u8; 256] = classes();

/// Whether a byte is of a class.
pub(crate) fn is(byte: u8, class: u8) -> bool {
    #[expect(clippy::indexing_slicing, reason = "256 entries cover every byte")]
    let classes = CLASSES[usize::from(byte)];
    classes & class != 0
}

/// Whether the text is a token, and not empty.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| is(b, TOKEN))
}

/// Without the spaces and tabs around it (`OWS`, RFC 9110 section 5.6.3).
pub(crate) const fn trim_ows(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// A decimal number and nothing else, if it fits.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = 0;
        let alnum = byte.is_ascii_alphanumeric();
        if alnum || one_of(byte, b"!#$%&'*+-.^_`|~") {
            class |= TOKEN;
        }
        // RFC 3986, and what browsers send without encoding it (`|`, `^`, `` ` ``, braces, brackets). No
        // `\`, which some servers take for `/`.
        if alnum || one_of(byte, b"-._~:/?[]@!$&'()*+,;=%|^`{}") {
            class |= PATH;
        }
        // In a query the rest of visible ASCII delimits nothing, and programs send it raw. Never `#`:
        // one parser would end the target there and another would not.
        if byte.is_ascii_graphic() && byte != b'#' {
            class |= TARGET;
        }
        // RFC 3986 lets percent-encoding and sub-delims into a name as well; no name in the DNS has
        // them, and those who look hosts up treat them differently.
        if alnum || one_of(byte, b"-._~") {
            class |= HOST;
        }
        if byte == b'\t' || (byte >= b' ' && byte != 0x7f) {
            class |= TEXT;
        }
        #[expect(clippy::indexing_slicing, reason = "256 entries cover every byte")]
        {
            table[byte as usize] = class;
        }
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

const fn one_of(byte: u8, mut set: &[u8]) -> bool {
    while let [first, rest @ ..] = set {
        if byte == *first {
            return true;
        }
        set = rest;
    }
    false
}
