//! What requests and answers have in common: lines, fields, chunks (RFC 9112 sections 2, 5 and 7.1).

/// A field: its name in lower case, and its value.
pub type Field = (String, String);

/// The next line without its CR LF, and what follows; `None` if it does not end, or not in CR LF alone.
pub fn line(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    let line: String = bytes[..end].iter().copied().map(char::from).collect(); // each byte is a character
    if line.contains(['\r', '\n', '\0']) { None } else { Some((line, &bytes[end + 2..])) }
}

/// The fields up to an empty line, and what follows.
pub fn fields(mut bytes: &[u8]) -> Option<(Vec<Field>, &[u8])> {
    let mut fields = Vec::new();
    loop {
        let (line, rest) = line(bytes)?;
        bytes = rest;
        if line.is_empty() {
            return Some((fields, bytes));
        }
        let (name, value) = line.split_once(':')?;
        let is_text = |value: &str| value.chars().all(|c| c == '\t' || (c >= ' ' && c != '\x7f'));
        if !is_token(name) || !is_text(value) {
            return None;
        }
        fields.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
    }
}

/// The values of the fields of this name.
pub fn values<'a>(fields: &'a [Field], name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
}

/// The content of chunks, and what follows their trailers.
pub fn chunks(mut bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut content = Vec::new();
    loop {
        let (head, rest) = line(bytes)?;
        let digits = head.split(';').next()?;
        if digits.is_empty() || digits.len() > 16 || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let size = usize::from_str_radix(digits, 16).ok()?;
        if size == 0 {
            let (_, rest) = fields(rest)?;
            return Some((content, rest));
        }
        content.extend_from_slice(rest.get(..size)?);
        bytes = rest[size..].strip_prefix(b"\r\n")?;
    }
}

/// Whether it is a token (RFC 9110 section 5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

/// The number that digits say.
pub fn number(digits: &str) -> Option<usize> {
    let is_number = (1..=19).contains(&digits.len()) && digits.chars().all(|digit| digit.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}
