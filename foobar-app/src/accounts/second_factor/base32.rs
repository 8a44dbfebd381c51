//! Base 32 (RFC 4648 section 6) without padding, as authenticator apps take it.

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Five bits a character; of a last group that is not full, zeros follow.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let groups = bytes.chunks(5).flat_map(|group| {
        let bits = (0..5).fold(0_u64, |bits, at| (bits << 8) | u64::from(group.get(at).copied().unwrap_or(0))); // see above
        let characters = (group.len() * 8).div_ceil(5);
        (0..characters).map(move |at| char::from(ALPHABET[((bits >> (35 - 5 * at)) & 31) as usize]))
    });
    groups.collect()
}

/// In capital or small letters; `None` of what is none.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for character in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == character.to_ascii_uppercase())?;
        bits = (bits << 5) | u32::try_from(value).ok()?; // it is small
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 section 10.
    const VECTORS: [(&str, &str); 7] = [
        ("", ""),
        ("f", "MY"),
        ("fo", "MZXQ"),
        ("foo", "MZXW6"),
        ("foob", "MZXW6YQ"),
        ("fooba", "MZXW6YTB"),
        ("foobar", "MZXW6YTBOI"),
    ];

    #[test]
    fn bytes_become_the_text_of_the_standard_and_come_back() {
        for (bytes, text) in VECTORS {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(&text.to_lowercase()).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn what_is_not_of_the_alphabet_is_none() {
        for text in ["MY======", "M1", "M Y", "MÄ"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
