use std::fmt::Write;

use super::x509::{Der, OBJECT_IDENTIFIER, SEQUENCE};

const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;

/// A name in DER as text (RFC 4514), such as `CN=Ann,O=Foobar`: the nearest part first, as in nginx's `$ssl_client_s_dn`.
/// `None` if it is no name.
pub(crate) fn text(name: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    let mut sets = Der(name);
    while !sets.0.is_empty() {
        let mut set = Der(sets.take(SET)?);
        let mut values = Vec::new();
        while !set.0.is_empty() {
            values.push(attribute(Der(set.take(SEQUENCE)?))?);
        }
        parts.push(values.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

/// A type and its value.
fn attribute(mut attribute: Der<'_>) -> Option<String> {
    let kind = attribute.take(OBJECT_IDENTIFIER)?;
    let whole = attribute.0;
    let (tag, value) = attribute.next()?;
    let known = TYPES.iter().find(|(oid, _)| *oid == kind).map(|(_, name)| *name);
    let readable = matches!(tag, UTF8_STRING | PRINTABLE_STRING | TELETEX_STRING | IA5_STRING);
    let text = str::from_utf8(value).ok().filter(|_| readable); // what is no text is written in hexadecimal
    let value = match (known, text) {
        (Some(_), Some(text)) => escape(text),
        _ => whole.iter().fold("#".to_owned(), |text, byte| text + &format!("{byte:02X}")),
    };
    Some(format!("{}={value}", known.map_or_else(|| dotted(kind), str::to_owned)))
}

/// Those of RFC 4514 §3, and what certificates of clients have besides.
const TYPES: [(&[u8], &str); 11] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];

fn escape(value: &str) -> String {
    let mut escaped = String::new();
    let last = value.len().saturating_sub(1);
    for (at, letter) in value.char_indices() {
        let is_at_end = (at == 0 && matches!(letter, ' ' | '#')) || (at == last && letter == ' ');
        match letter {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => escaped.extend(['\\', letter]),
            _ if is_at_end => escaped.extend(['\\', letter]),
            _ if letter.is_control() => escaped.extend(letter.to_string().bytes().map(hexadecimal)),
            _ => escaped.push(letter),
        }
    }
    escaped
}

fn hexadecimal(byte: u8) -> String {
    format!("\\{byte:02X}")
}

/// A type that has no name here, by its numbers.
fn dotted(kind: &[u8]) -> String {
    let mut numbers = Vec::new();
    let mut number: u128 = 0;
    for byte in kind {
        number = number << 7 | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            numbers.push(std::mem::take(&mut number));
        }
    }
    let first = numbers.first().copied().unwrap_or_default(); // one of two numbers, the first of which is at most 2
    let mut text = format!("{}.{}", (first / 40).min(2), first - 40 * (first / 40).min(2));
    for number in numbers.iter().skip(1) {
        _ = write!(text, ".{number}"); // memory takes everything
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tls::x509::Facts;
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    fn subject(parts: &[(DnType, DnValue)]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        parts.iter().for_each(|(kind, value)| params.distinguished_name.push(kind.clone(), value.clone()));
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        text(Facts::of(&der).unwrap().subject).unwrap()
    }

    #[test]
    fn a_name_is_written_with_its_nearest_part_first() {
        let text = |text: &str| DnValue::Utf8String(text.to_owned());
        let other = DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 2]);
        let parts = [
            (DnType::CountryName, text("DE")),
            (DnType::OrganizationName, text("Bücher, Bytes + Söhne")),
            (DnType::CommonName, text("#Ann \"A\" <a>; ")),
        ];
        assert_eq!(subject(&parts), "CN=\\#Ann \\\"A\\\" \\<a\\>\\;\\ ,O=Bücher\\, Bytes \\+ Söhne,C=DE");
        assert_eq!(subject(&[(DnType::CommonName, text("a\r\nb"))]), "CN=a\\0D\\0Ab");
        assert_eq!(subject(&[(other, text("a"))]), "1.2.840.113549.1.9.2=#0C0161");
        assert_eq!(subject(&[]), "");
    }

    #[test]
    fn what_is_no_name_is_none_and_never_a_panic() {
        let der = [SET, 8, SEQUENCE, 6, OBJECT_IDENTIFIER, 1, 0x80, UTF8_STRING, 1, b'a'];
        assert_eq!(text(&der), Some("0.0=#0C0161".to_owned()));
        assert!((1..der.len()).all(|length| text(&der[..length]).is_none()));
        let long =
            [&[SET, 53, SEQUENCE, 51, OBJECT_IDENTIFIER, 46][..], &[0xff; 45], &[0x7f, UTF8_STRING, 1, b'a']].concat();
        assert!(text(&long).is_some());
    }
}
