//! The PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`): who connected to the proxy in front, said
//! before the first byte of the connection itself. What is not exactly a header is refused, and never guessed.

mod reading;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

pub(crate) use reading::poll_header;

/// A header that has come whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its bytes; what follows is the client's.
    pub(crate) length: usize,
    pub(crate) source: Source,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The proxy's own (`LOCAL`), or one that has no address on the internet: the peer stays who it is.
    Peer,
    /// That of a client, and where it connected to.
    Client { remote: SocketAddr, local: SocketAddr },
}

/// What came is no header; why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoHeader(pub(crate) &'static str);

/// The longest header that is taken, as in nginx: version 2 may have 64 KiB of values that nobody here reads.
pub(crate) const LONGEST: usize = 4096;
/// The longest of version 1, with the end of its line.
const LONGEST_LINE: usize = 107;

/// Reads the header at the beginning of `bytes`; `None` if more has to come.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Header>, NoHeader> {
    let begins = |with: &[u8]| bytes.starts_with(with) || with.starts_with(bytes);
    if begins(SIGNATURE) {
        parse_binary(bytes)
    } else if begins(b"PROXY ") {
        parse_line(bytes)
    } else {
        Err(NoHeader("it does not begin with one"))
    }
}

fn parse_line(bytes: &[u8]) -> Result<Option<Header>, NoHeader> {
    let bytes = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if bytes.len() == LONGEST_LINE { Err(NoHeader("its line is too long")) } else { Ok(None) };
    };
    match &bytes[end..] {
        [b'\r', b'\n', ..] => {}
        [b'\r'] if bytes.len() < LONGEST_LINE => return Ok(None),
        _ => return Err(NoHeader("its line does not end in CR LF")),
    }
    let source = str::from_utf8(&bytes[..end]).ok().and_then(line_source).ok_or(NoHeader("its line is malformed"))?; // no text, no line
    Ok(Some(Header { length: end + 2, source }))
}

fn line_source(line: &str) -> Option<Source> {
    let mut words = line.split(' ').skip(1);
    match words.next()? {
        "UNKNOWN" => Some(Source::Peer), // whatever follows
        "TCP4" => addresses::<Ipv4Addr>(words),
        "TCP6" => addresses::<Ipv6Addr>(words),
        _ => None,
    }
}

/// Two addresses, then their ports.
fn addresses<'a, A: FromStr + Into<IpAddr>>(words: impl Iterator<Item = &'a str>) -> Option<Source> {
    let words: Vec<&str> = words.collect();
    let [source, destination, source_port, destination_port] = words[..] else { return None };
    let address = |ip: &str, port| Some(SocketAddr::new(ip.parse::<A>().ok()?.into(), self::port(port)?)); // said above
    Some(client(address(source, source_port)?, address(destination, destination_port)?))
}

/// Digits without a zero before them.
fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port: &u16| port.to_string() == text) // no number, no port
}

fn client(remote: SocketAddr, local: SocketAddr) -> Source {
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    Source::Client { remote: plain(remote), local: plain(local) }
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// What stands before the addresses: the signature, version and command, family and protocol, and a length.
const FIXED: usize = 16;
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

fn parse_binary(bytes: &[u8]) -> Result<Option<Header>, NoHeader> {
    if bytes.get(SIGNATURE.len()).is_some_and(|command| !matches!(*command, LOCAL | PROXY)) {
        return Err(NoHeader("its version or its command is not known"));
    }
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE.len()..FIXED) else { return Ok(None) };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(NoHeader("it is longer than 4096 bytes"));
    }
    let Some(header) = bytes.get(..length) else { return Ok(None) };
    // What a proxy says of a connection of its own does not count.
    let source = if command == LOCAL { Source::Peer } else { binary_source(header, family)? };
    Ok(Some(Header { length, source }))
}

/// Of the two halves of a family the first says what the addresses are, the second what was spoken.
fn binary_source(header: &[u8], family: u8) -> Result<Source, NoHeader> {
    let size = match family {
        0x00 => return Ok(Source::Peer), // nothing is said, whatever follows
        0x10..=0x12 => 12,
        0x20..=0x22 => 36,
        0x30..=0x32 => 216, // two paths
        _ => return Err(NoHeader("its family or its protocol is not known")),
    };
    let Some((addresses, values)) = header[FIXED..].split_at_checked(size) else {
        return Err(NoHeader("its addresses are cut off"));
    };
    check_values(header, values)?;
    Ok(match family {
        0x11 => tcp::<4>(addresses),
        0x21 => tcp::<16>(addresses),
        _ => Source::Peer,
    })
}

/// Two addresses of so many bytes, then their ports.
fn tcp<const SIZE: usize>(bytes: &[u8]) -> Source
where
    IpAddr: From<[u8; SIZE]>,
{
    let ip = |at| IpAddr::from(std::array::from_fn::<u8, SIZE, _>(|byte| bytes[at + byte]));
    let port = |at| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    client(SocketAddr::new(ip(0), port(2 * SIZE)), SocketAddr::new(ip(SIZE), port(2 * SIZE + 2)))
}

/// The type of a value that is the checksum of the header.
const CRC32C: u8 = 0x03;

/// What follows the addresses: values, each with a type and a length before it.
fn check_values(header: &[u8], mut values: &[u8]) -> Result<(), NoHeader> {
    while !values.is_empty() {
        let value = values.split_first_chunk().and_then(|(&[kind, high, low], rest)| {
            let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
            Some((kind, value, rest))
        });
        let Some((kind, value, rest)) = value else { return Err(NoHeader("one of its values is cut off")) };
        let at = header.len() - rest.len() - value.len();
        if kind == CRC32C && *value != checksum(header, at..at + value.len()).to_be_bytes() {
            return Err(NoHeader("its checksum is wrong"));
        }
        values = rest;
    }
    Ok(())
}

/// CRC-32C (RFC 9260, appendix A) of the header with zeros in the place of the checksum itself.
fn checksum(header: &[u8], own: std::ops::Range<usize>) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let step = |crc: u32, _| (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
    let bytes = header.iter().enumerate().map(|(at, byte)| if own.contains(&at) { 0 } else { *byte });
    !bytes.fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests;
