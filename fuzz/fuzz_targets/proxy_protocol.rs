//! The header of the PROXY protocol: it may arrive in any pieces, is never longer than it may be, and names the client
//! that is written in it, or nobody.
#![no_main]

use std::net::{IpAddr, SocketAddr};

use foobar_web::fuzzing::{ProxyHeader, proxy_header};
use libfuzzer_sys::fuzz_target;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fuzz_target!(|bytes: &[u8]| {
    let whole = proxy_header(bytes);
    for end in 0..bytes.len() {
        match proxy_header(&bytes[..end]) {
            Ok(None) => {}
            found => {
                assert_eq!(found.is_ok(), whole.is_ok(), "cut at {end}");
                assert!(whole.is_err() || found == whole, "what follows a header does not matter");
            }
        }
    }
    let Ok(Some(header)) = whole else { return };
    let bytes = &bytes[..header.length];
    assert!(bytes.len() < 4097);
    match bytes.strip_prefix(SIGNATURE) {
        Some(rest) => check_binary(rest, &header),
        None => check_line(bytes, &header),
    }
});

fn check_line(bytes: &[u8], header: &ProxyHeader) {
    assert!(bytes.len() < 108 && bytes.ends_with(b"\r\n"));
    let line = str::from_utf8(&bytes[..bytes.len() - 2]).expect("it is text");
    let Some((remote, local)) = header.client else {
        assert!(line == "PROXY UNKNOWN" || line.starts_with("PROXY UNKNOWN "));
        return;
    };
    let [proxy, family, source, destination, source_port, destination_port] = line.split(' ').collect::<Vec<_>>()[..]
    else {
        panic!("{line:?}")
    };
    let address = |ip: &str, port: &str| {
        let ip: IpAddr = ip.parse().expect("an address");
        assert_eq!(family, if ip.is_ipv4() { "TCP4" } else { "TCP6" });
        SocketAddr::new(ip.to_canonical(), port.parse().expect("a port"))
    };
    assert_eq!(proxy, "PROXY");
    assert_eq!(remote, address(source, source_port));
    assert_eq!(local, address(destination, destination_port));
}

fn check_binary(rest: &[u8], header: &ProxyHeader) {
    let (fixed, content) = rest.split_at(4);
    assert_eq!(usize::from(u16::from_be_bytes([fixed[2], fixed[3]])), content.len());
    let Some((remote, local)) = header.client else {
        assert!(fixed[0] == 0x20 || (fixed[0] == 0x21 && !matches!(fixed[1], 0x11 | 0x21)));
        return;
    };
    let size = match fixed[..2] {
        [0x21, 0x11] => 4,
        [0x21, 0x21] => 16,
        _ => panic!("{fixed:?} names nobody"),
    };
    let ip = |bytes: &[u8]| match <[u8; 4]>::try_from(bytes) {
        Ok(four) => IpAddr::from(four),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes).expect("16 bytes")).to_canonical(),
    };
    let port = |at: usize| u16::from_be_bytes([content[at], content[at + 1]]);
    assert_eq!(remote, SocketAddr::new(ip(&content[..size]), port(2 * size)));
    assert_eq!(local, SocketAddr::new(ip(&content[size..2 * size]), port(2 * size + 2)));
}
