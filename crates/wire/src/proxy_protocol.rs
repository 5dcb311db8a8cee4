//! The PROXY protocol, versions 1 and 2: who the visitor is, said by a load balancer in front.
//! Follows `proxy-protocol.txt` of HAProxy (2020-03-05).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether, and which, PROXY protocol header a listener demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ProxyProtocol {
    /// None: the first byte is the visitor's.
    #[default]
    Off,
    /// Version 1, the text line.
    V1,
    /// Version 2, binary.
    V2,
    /// Either, and one of them must be there.
    Any,
}

/// The longest header that is accepted: version 2 may carry up to 64 KiB of extensions, of which balancers
/// use a few hundred bytes.
pub const HEADER_BYTES_MAX: usize = 1024;

const V1_BYTES_MAX: usize = 107;
const V2_SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// A parsed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How many bytes it takes.
    pub bytes: usize,
    /// The visitor's address and the address it connected to; `None` for the balancer's own connections
    /// (`UNKNOWN`, `LOCAL`), where the socket's addresses hold.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
}

/// A header that is absent, malformed, of the other version or too long. The connection is closed:
/// without the header nobody can say who the visitor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads a header from the beginning of a connection. `Ok(None)`: more bytes are needed.
///
/// # Errors
/// The bytes cannot become a header that `accept` allows.
pub fn parse(accept: ProxyProtocol, input: &[u8]) -> Result<Option<Header>, Malformed> {
    let v2 = matches!(accept, ProxyProtocol::V2 | ProxyProtocol::Any);
    let v1 = matches!(accept, ProxyProtocol::V1 | ProxyProtocol::Any);
    if v2 && starts_like(input, &V2_SIGNATURE) {
        return parse_v2(input);
    }
    if v1 && starts_like(input, b"PROXY ") {
        return parse_v1(input);
    }
    Err(Malformed)
}

fn starts_like(input: &[u8], prefix: &[u8]) -> bool {
    input.iter().zip(prefix).all(|(a, b)| a == b)
}

fn parse_v1(input: &[u8]) -> Result<Option<Header>, Malformed> {
    let window = input.get(..V1_BYTES_MAX.min(input.len())).unwrap_or_default();
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if window.len() < V1_BYTES_MAX { Ok(None) } else { Err(Malformed) };
    };
    let line = std::str::from_utf8(window.get(..end).unwrap_or_default()).map_err(|_| Malformed)?;
    let bytes = end + 2;
    let mut words = line.split(' ').skip(1);
    let family = words.next().ok_or(Malformed)?;
    if family == "UNKNOWN" {
        return Ok(Some(Header { bytes, addresses: None }));
    }
    let mut word = || words.next().ok_or(Malformed);
    let (from, to) = (word()?, word()?);
    let (from_port, to_port) = (port(word()?)?, port(word()?)?);
    if words.next().is_some() {
        return Err(Malformed);
    }
    let ip = |text: &str| -> Result<IpAddr, Malformed> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| Malformed),
            "TCP6" => text.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| Malformed),
            _ => Err(Malformed),
        }
    };
    let addresses = (SocketAddr::new(ip(from)?, from_port), SocketAddr::new(ip(to)?, to_port));
    Ok(Some(Header { bytes, addresses: Some(addresses) }))
}

fn port(text: &str) -> Result<u16, Malformed> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().map_err(|_| Malformed) } else { Err(Malformed) }
}

fn parse_v2(input: &[u8]) -> Result<Option<Header>, Malformed> {
    let Some((fixed, rest)) = input.split_first_chunk::<16>() else { return Ok(None) };
    let [.., version_command, family, high, low] = *fixed;
    if version_command >> 4 != 2 {
        return Err(Malformed);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    let bytes = 16 + length;
    if bytes > HEADER_BYTES_MAX {
        return Err(Malformed);
    }
    let Some(block) = rest.get(..length) else { return Ok(None) };
    let addresses = match version_command & 0xf {
        0 => None,
        1 => v2_addresses(family, block)?,
        _ => return Err(Malformed),
    };
    Ok(Some(Header { bytes, addresses }))
}

fn v2_addresses(family: u8, block: &[u8]) -> Result<Option<(SocketAddr, SocketAddr)>, Malformed> {
    match family {
        0x11 => {
            let b = block.first_chunk::<12>().ok_or(Malformed)?;
            let [a, c, d, e, f, g, h, i, p, q, r, s] = *b;
            let from = SocketAddr::new(Ipv4Addr::new(a, c, d, e).into(), u16::from_be_bytes([p, q]));
            let to = SocketAddr::new(Ipv4Addr::new(f, g, h, i).into(), u16::from_be_bytes([r, s]));
            Ok(Some((from, to)))
        }
        0x21 => {
            let (from, rest) = block.split_first_chunk::<16>().ok_or(Malformed)?;
            let (to, rest) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
            let [p, q, r, s] = *rest.first_chunk::<4>().ok_or(Malformed)?;
            let from = SocketAddr::new(Ipv6Addr::from(*from).into(), u16::from_be_bytes([p, q]));
            let to = SocketAddr::new(Ipv6Addr::from(*to).into(), u16::from_be_bytes([r, s]));
            Ok(Some((from, to)))
        }
        // UNSPEC, datagrams and Unix sockets say nothing that we could use.
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_prefixes_wait(accept: ProxyProtocol, whole: &[u8]) -> Header {
        for cut in 0..whole.len() {
            assert_eq!(parse(accept, &whole[..cut]), Ok(None), "cut at {cut}");
        }
        let header = parse(accept, whole).unwrap().unwrap();
        assert_eq!(header.bytes, whole.len());
        header
    }

    #[test]
    fn version_1_names_both_ends() {
        let header = all_prefixes_wait(ProxyProtocol::V1, b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 80\r\n");
        let ends = ("192.0.2.1:5000".parse().unwrap(), "192.0.2.2:80".parse().unwrap());
        assert_eq!(header.addresses, Some(ends));
        let header = all_prefixes_wait(ProxyProtocol::Any, b"PROXY TCP6 2001:db8::1 ::1 5000 80\r\n");
        assert_eq!(header.addresses.unwrap().0, "[2001:db8::1]:5000".parse().unwrap());
        assert_eq!(all_prefixes_wait(ProxyProtocol::V1, b"PROXY UNKNOWN\r\n").addresses, None);
    }

    #[test]
    fn version_1_refuses_what_is_not_canonical() {
        for bad in [
            "GET / HTTP/1.1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 05000 80\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n",
            "PROXY TCP4 ::1 192.0.2.2 5000 80\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 5000 80 x\r\n",
            "PROXY UDP4 192.0.2.1 192.0.2.2 5000 80\r\n",
            "proxy TCP4 192.0.2.1 192.0.2.2 5000 80\r\n",
        ] {
            assert_eq!(parse(ProxyProtocol::Any, bad.as_bytes()), Err(Malformed), "{bad}");
        }
        let endless = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat();
        assert_eq!(parse(ProxyProtocol::V1, &endless), Err(Malformed));
    }

    fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let mut out = V2_SIGNATURE.to_vec();
        out.extend([0x20 | command, family]);
        out.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
        out.extend(block);
        out
    }

    #[test]
    fn version_2_names_both_ends_and_skips_extensions() {
        let block = [192, 0, 2, 1, 192, 0, 2, 2, 0x13, 0x88, 0, 80, 4, 0, 1, 9];
        let header = all_prefixes_wait(ProxyProtocol::V2, &v2(1, 0x11, &block));
        assert_eq!(header.addresses.unwrap().0, "192.0.2.1:5000".parse().unwrap());
        assert_eq!(all_prefixes_wait(ProxyProtocol::Any, &v2(0, 0, &[])).addresses, None);
    }

    #[test]
    fn version_2_is_bounded_and_checked() {
        assert!(parse(ProxyProtocol::V2, &v2(1, 0, &[0; HEADER_BYTES_MAX - 16])).unwrap().is_some());
        assert_eq!(parse(ProxyProtocol::V2, &v2(1, 0, &[0; HEADER_BYTES_MAX - 15])), Err(Malformed));
        assert_eq!(parse(ProxyProtocol::V2, &v2(1, 0x11, &[0; 11])), Err(Malformed));
        assert_eq!(parse(ProxyProtocol::V2, &v2(2, 0x11, &[0; 12])), Err(Malformed));
    }

    #[test]
    fn a_listener_takes_only_its_version() {
        assert_eq!(parse(ProxyProtocol::V2, b"PROXY UNKNOWN\r\n"), Err(Malformed));
        assert_eq!(parse(ProxyProtocol::V1, &v2(0, 0, &[])), Err(Malformed));
    }
}
