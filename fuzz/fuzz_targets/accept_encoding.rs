//! The `Accept-Encoding` of a request: the coding that is chosen is offered, not refused, and weighs most.
#![no_main]

use foobar_web::fuzzing;
use libfuzzer_sys::fuzz_target;

/// In the order in which the server prefers them.
const CODINGS: [&str; 3] = ["br", "zstd", "gzip"];
/// The elements that the server looks at.
const MOST: usize = 64;

// The low bits of the first byte say which codings are offered.
fuzz_target!(|input: &[u8]| {
    let Some((offer, list)) = input.split_first() else { return };
    let offered: Vec<&str> =
        CODINGS.into_iter().enumerate().filter(|(i, _)| offer >> i & 1 == 1).map(|(_, c)| c).collect();
    let chosen = fuzzing::content_coding(list, &offered);
    let elements: Vec<(String, u32)> = list.split(|byte| *byte == b',').take(MOST).filter_map(element).collect();
    let said = |name: &str| elements.iter().rfind(|(named, _)| named == name).map(|(_, weight)| *weight);
    let weight = |coding: &str| said(coding).or(said("*")).unwrap_or(0); // not acceptable
    let identity = said("identity").or(said("*")).unwrap_or(0); // acceptable, but any coding is better
    match chosen {
        Some(coding) => {
            assert!(offered.contains(&coding));
            assert!(weight(coding) > 0 && weight(coding) >= identity);
            assert!(offered.iter().all(|other| weight(other) <= weight(coding)));
            let preferred = offered.iter().find(|other| weight(other) == weight(coding));
            assert_eq!(preferred, Some(&coding), "of equal ones the one that the server prefers");
        }
        None => assert!(offered.iter().all(|coding| weight(coding) == 0 || weight(coding) < identity)),
    }
});

/// The name, in lower case, and the weight of an element; `None` if it is malformed.
fn element(element: &[u8]) -> Option<(String, u32)> {
    let element = str::from_utf8(element).ok()?.to_ascii_lowercase();
    let blank = |c: char| c.is_ascii_whitespace();
    let (name, weight) = element.split_once(';').map_or((element.as_str(), None), |(name, rest)| (name, Some(rest)));
    let weight = match weight {
        Some(weight) => thousandths(weight.trim_matches(blank).strip_prefix("q=")?)?,
        None => 1000,
    };
    let name = if name.trim_matches(blank) == "x-gzip" { "gzip" } else { name.trim_matches(blank) };
    Some((name.to_owned(), weight))
}

/// A `qvalue` (RFC 9110 §12.4.2).
fn thousandths(text: &str) -> Option<u32> {
    let allowed =
        text.len() <= 5 && text.char_indices().all(|(at, c)| if at == 1 { c == '.' } else { c.is_ascii_digit() });
    let number: f64 = text.parse().ok().filter(|number| allowed && (0.0..=1.0).contains(number))?;
    Some((number * 1000.0).round() as u32)
}
