use super::*;

const V4: Source = Source::Client {
    remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)), 56324),
    local: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 443),
};

/// A header of version 2.
fn binary(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, content].concat()
}

fn v4(values: &[u8]) -> Vec<u8> {
    binary(PROXY, 0x11, &[&[203, 0, 113, 9, 192, 0, 2, 1, 0xdc, 0x04, 1, 0xbb], values].concat())
}

/// A header with its checksum as its last value.
fn with_checksum() -> Vec<u8> {
    let mut header = v4(&[&[4, 0, 2, 7, 7, CRC32C, 0, 4][..], &[0; 4]].concat());
    let at = header.len() - 4;
    let sum = checksum(&header, at..at + 4);
    header[at..].copy_from_slice(&sum.to_be_bytes());
    header
}

fn source(bytes: &[u8]) -> Result<Source, &'static str> {
    match parse(bytes) {
        Ok(Some(header)) => {
            assert_eq!(header.length, bytes.len());
            Ok(header.source)
        }
        Ok(None) => Err("more has to come"),
        Err(NoHeader(reason)) => Err(reason),
    }
}

#[test]
fn a_line_names_the_client_or_nobody() {
    assert_eq!(source(b"PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n"), Ok(V4));
    let long = format!("PROXY TCP6 {0} {0} 65535 65535\r\n", ["ffff"; 8].join(":"));
    assert!(matches!(source(long.as_bytes()), Ok(Source::Client { remote: SocketAddr::V6(_), .. })));
    assert_eq!(source(b"PROXY TCP6 ::ffff:203.0.113.9 ::FFFF:192.0.2.1 56324 443\r\n"), Ok(V4));
    assert_eq!(source(b"PROXY UNKNOWN\r\n"), Ok(Source::Peer));
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE - 16));
    assert_eq!(source(longest.as_bytes()), Ok(Source::Peer));
}

#[test]
fn a_line_that_is_not_exactly_one_is_refused() {
    for bad in [
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 203.0.113.9 192.0.2.1 1 2\r\n",
        "PROXY  TCP4 203.0.113.9 192.0.2.1 1 2\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 1\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 1 2 \r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 1 2 3\r\n",
        "PROXY TCP4 203.0.113.9  192.0.2.1 1 2\r\n",
        "PROXY TCP4 203.0.113.009 192.0.2.1 1 2\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP6 203.0.113.9 192.0.2.1 1 2\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 01 2\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 +1 2\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 65536 2\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 1 2\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 1 2\r\r\n",
        "PROXY UDP4 203.0.113.9 192.0.2.1 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
        "PROXY UNKNOWN \u{ff}\u{0}\n",
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE - 15));
    assert_eq!(source(long.as_bytes()), Err("its line does not end in CR LF"));
    assert_eq!(source(&long.as_bytes()[..LONGEST_LINE - 2]), Err("more has to come"));
    assert_eq!(source("PROXY UNKNOWN ".repeat(20).as_bytes()), Err("its line is too long"));
}

#[test]
fn a_binary_header_names_the_client_or_nobody() {
    assert_eq!(source(&v4(&[])), Ok(V4));
    let mapped = |last: [u8; 4]| [&[0; 10][..], &[0xff; 2], &last].concat();
    let v6 = [&mapped([203, 0, 113, 9])[..], &mapped([192, 0, 2, 1]), &[0xdc, 0x04, 1, 0xbb]].concat();
    assert_eq!(source(&binary(PROXY, 0x21, &v6)), Ok(V4));
    for (command, family, length) in [
        (LOCAL, 0x00, 0),
        (LOCAL, 0x11, 12),
        (LOCAL, 0x11, 3), // does not count
        (LOCAL, 0xff, 700),
        (PROXY, 0x00, 0),
        (PROXY, 0x00, 9),
        (PROXY, 0x10, 12),
        (PROXY, 0x12, 12),
        (PROXY, 0x22, 36),
        (PROXY, 0x31, 216),
        (PROXY, 0x32, 216),
    ] {
        assert_eq!(source(&binary(command, family, &vec![0; length])), Ok(Source::Peer), "{command} {family}");
    }
    assert_eq!(source(&binary(LOCAL, 0, &vec![0; LONGEST - FIXED])), Ok(Source::Peer));
}

#[test]
fn a_binary_header_that_is_not_exactly_one_is_refused() {
    for (bytes, reason) in [
        (binary(0x22, 0x11, &[0; 12]), "its version or its command is not known"),
        (binary(0x11, 0x11, &[0; 12]), "its version or its command is not known"),
        (binary(PROXY, 0x13, &[0; 12]), "its family or its protocol is not known"),
        (binary(PROXY, 0x01, &[0; 12]), "its family or its protocol is not known"),
        (binary(PROXY, 0x41, &[0; 216]), "its family or its protocol is not known"),
        (binary(PROXY, 0x11, &[0; 11]), "its addresses are cut off"),
        (binary(PROXY, 0x21, &[0; 12]), "its addresses are cut off"),
        (binary(PROXY, 0x31, &[0; 215]), "its addresses are cut off"),
        (binary(LOCAL, 0, &vec![0; LONGEST - FIXED + 1]), "it is longer than 4096 bytes"),
        (v4(&[4]), "one of its values is cut off"),
        (v4(&[4, 0]), "one of its values is cut off"),
        (v4(&[4, 0, 1]), "one of its values is cut off"),
        (v4(&[4, 255, 255, 1]), "one of its values is cut off"),
        (v4(&[CRC32C, 0, 4, 1, 2, 3, 4]), "its checksum is wrong"),
        (v4(&[CRC32C, 0, 0]), "its checksum is wrong"),
    ] {
        assert_eq!(source(&bytes), Err(reason), "{bytes:?}");
    }
    let unknown = [SIGNATURE, &[0x25]].concat();
    for more in [&[][..], &[0x11], &[0x11, 0, 12], &[0x11, 0, 12, 1]] {
        let reason = "its version or its command is not known";
        assert_eq!(source(&[&unknown, more].concat()), Err(reason), "however much has come");
    }
    let huge = [SIGNATURE, &[PROXY, 0x11, 255, 255]].concat();
    assert_eq!(source(&huge), Err("it is longer than 4096 bytes"), "before the rest comes");
}

#[test]
fn a_checksum_is_verified_and_other_values_are_skipped() {
    assert_eq!(checksum(b"123456789", 0..0), 0xe306_9283);
    assert_eq!(source(&v4(&[4, 0, 0, 0xee, 0, 2, 1, 2])), Ok(V4));
    let good = with_checksum();
    assert_eq!(source(&good), Ok(V4));
    for at in FIXED..good.len() {
        for bit in 0..8 {
            let mut changed = good.clone();
            changed[at] ^= 1 << bit;
            // The type and the length of the checksum are what makes it one.
            let is_named = (good.len() - 7..good.len() - 4).contains(&at);
            assert!(is_named || source(&changed).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_header_may_come_in_any_pieces_and_what_follows_is_not_its_own() {
    let line = b"PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n".to_vec();
    for header in [line, b"PROXY UNKNOWN a\r\n".to_vec(), with_checksum(), binary(LOCAL, 0, &[])] {
        for end in 0..header.len() {
            assert_eq!(parse(&header[..end]), Ok(None), "{end} bytes of {header:?}");
        }
        let whole = parse(&header).unwrap();
        assert_eq!(whole.map(|whole| whole.length), Some(header.len()));
        for follows in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01", &header] {
            assert_eq!(parse(&[&header, follows].concat()), Ok(whole));
        }
    }
}
