//! The host of a request: one name for each that is meant, of harmless characters, and a port that can be one.
#![no_main]

use std::net::Ipv6Addr;

use foobar_web::fuzzing;
use http::uri::Authority;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let host = fuzzing::host(text);
    assert_eq!(host.is_some(), is_host(text));
    assert_eq!(fuzzing::host(&text.to_ascii_uppercase()), host, "case does not matter");
    let Some((name, port)) = host else { return };
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => assert_eq!(address.parse::<Ipv6Addr>().expect("it is an address").to_string(), address),
        None => assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))),
    }
    assert!(port.iter().all(|port| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit())));

    let written = port.iter().fold(name.clone(), |name, port| format!("{name}:{port}"));
    assert_eq!(fuzzing::host(&written), Some((name.clone(), port)), "read again it is the same");
    let authority = Authority::try_from(written.as_str()).expect("it may stand in a URI");
    assert_eq!(authority.host(), name, "the parser of URIs sees the same name");
});

fn is_host(text: &str) -> bool {
    let end = if text.starts_with('[') { text.find(']').map(|at| at + 1) } else { None };
    let (name, rest) = text.split_at(end.or(text.find(':')).unwrap_or(text.len()));
    is_name(name) && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

fn is_name(name: &str) -> bool {
    if name.starts_with('[') {
        return name.ends_with(']') && name[1..name.len() - 1].parse::<Ipv6Addr>().is_ok();
    }
    let name = name.strip_suffix('.').unwrap_or(name); // a final dot is allowed
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let allowed = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    allowed && !dots && (1..=255).contains(&name.len())
}

fn is_port(port: &str) -> bool {
    let digits = port.trim_start_matches('0');
    port.is_empty()
        || port.chars().all(|c| c.is_ascii_digit()) && (digits.len() < 5 || digits.len() == 5 && digits <= "65535")
}
