use percent_encoding::percent_decode;

use crate::input::Fields;

/// How many fields there are; one that is there several times counts as often.
pub(super) fn count(body: &[u8]) -> usize {
    parts(body).count()
}

fn parts(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|byte| *byte == b'&').filter(|field| !field.is_empty())
}

/// The fields of `application/x-www-form-urlencoded`; `None` if they are not properly encoded, or not UTF-8.
pub(super) fn fields(body: &[u8]) -> Option<Fields> {
    let mut fields = Fields::new();
    for field in parts(body) {
        let equals = field.iter().position(|byte| *byte == b'=');
        let (name, value) = equals.map_or((field, &b""[..]), |equals| (&field[..equals], &field[equals + 1..]));
        fields.entry(text(name)?).or_default().push(text(value)?);
    }
    Some(fields)
}

fn text(encoded: &[u8]) -> Option<String> {
    if !is_encoded(encoded) {
        return None;
    }
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok() // what is wrong with it matters to nobody
}

/// Whether two digits follow each percent sign.
fn is_encoded(text: &[u8]) -> bool {
    let mut after = text.split(|byte| *byte == b'%').skip(1);
    after.all(|after| after.len() >= 2 && after[..2].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_repeated_ones_keep_their_order() {
        let read = fields(b"b=2+%2B&a&a=%C3%A9&&=x&b=%26=").expect("it is well-formed");
        let expected = [("", vec!["x"]), ("a", vec!["", "é"]), ("b", vec!["2 +", "&="])];
        assert_eq!(
            read,
            expected.map(|(name, values)| (name.into(), values.into_iter().map(Into::into).collect())).into()
        );
    }

    #[test]
    fn what_is_badly_encoded_or_not_utf8_is_no_form() {
        for body in [&b"a=%"[..], b"a=%4", b"a=%zz", b"%=1", b"a=%ff", b"\xff=1", b"a=%C3", b"a=%+1"] {
            assert_eq!(fields(body), None, "{}", body.escape_ascii());
        }
    }
}
