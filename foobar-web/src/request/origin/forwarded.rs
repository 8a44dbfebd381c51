use std::borrow::Cow;

use super::told::Origin;

/// What the values of `Forwarded` (RFC 7239) say, from the nearest proxy on; nothing where one of them is malformed.
pub(super) fn hops<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<Origin> {
    let elements: Option<Vec<_>> = values.map(|value| split(value, b',')).collect();
    let hops: Option<Vec<_>> = elements.and_then(|lists| lists.into_iter().flatten().map(hop).collect());
    let mut hops = hops.unwrap_or_default(); // malformed: see above
    hops.reverse();
    hops
}

fn hop(element: &[u8]) -> Option<Origin> {
    let mut said: [(&str, Option<Cow<'_, [u8]>>); 3] = [("for", None), ("proto", None), ("host", None)];
    for pair in split(element, b';')? {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&pair[..equals], unquoted(&pair[equals + 1..])?);
        if let Some((_, known)) = said.iter_mut().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
            && known.replace(value).is_some()
        {
            return None; // said twice
        }
    }
    let [client, proto, name] = said.map(|(_, value)| value);
    Some(Origin::new(client.as_deref(), proto.as_deref(), name.as_deref()))
}

/// The parts between the separators that are not quoted, without those that are empty; `None` where a quotation has no end.
fn split(text: &[u8], separator: u8) -> Option<Vec<&[u8]>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return *byte == separator && !quoted,
        }
        false
    });
    let parts: Vec<_> = parts.map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()).collect();
    (!quoted).then_some(parts)
}

/// A value, which many do not quote although it has a colon.
fn unquoted(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        let plain = !value.is_empty() && !value.iter().any(|byte| *byte == b'"' || byte.is_ascii_whitespace());
        return plain.then_some(Cow::Borrowed(value));
    };
    let mut text = Vec::new();
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return bytes.as_slice().is_empty().then_some(Cow::Owned(text)),
            b'\\' => text.push(*bytes.next()?),
            byte => text.push(*byte),
        }
    }
    None
}
