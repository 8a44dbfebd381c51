use super::pattern::Pattern;

/// A part of a text with variables.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Variable(Variable),
}

/// What a request puts in the place of a name, with nginx's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    /// The target as it was sent, with its query.
    RequestUri,
    /// The decoded path.
    Uri,
    /// The query.
    Args,
    /// The host that the request names, without its port.
    Host,
    Scheme,
    /// What this group of the route's pattern has matched.
    Capture(usize),
}

/// The parts of `text`. An error if a `$` in it begins no variable; captures are those of `pattern`.
pub(super) fn parse(text: &str, pattern: Option<&Pattern>) -> Result<Vec<Part>, String> {
    let mut pieces = text.split('$');
    let mut parts: Vec<Part> = pieces.next().filter(|first| !first.is_empty()).map(text_part).into_iter().collect();
    for piece in pieces {
        let (name, rest) = name(piece).unwrap_or((piece, "")); // no name is no variable either
        let variable = named(name, pattern).ok_or_else(|| {
            let name: String = name.chars().take_while(char::is_ascii_graphic).collect();
            format!("{text:?} cannot be used: ${name} is no variable; {ACCEPTED}")
        })?;
        parts.push(Part::Variable(variable));
        parts.extend(Some(rest).filter(|rest| !rest.is_empty()).map(text_part));
    }
    Ok(parts)
}

const ACCEPTED: &str = "accepted are $request_uri, $uri, $args, $host, $scheme and, on a route by pattern, its captures \
                        ($1 to $9, or $name); a `$` itself is written %24";

fn text_part(text: &str) -> Part {
    Part::Text(text.to_owned())
}

/// The name of a variable behind its `$`, and what follows it.
fn name(piece: &str) -> Option<(&str, &str)> {
    if let Some(braced) = piece.strip_prefix('{') {
        return braced.split_once('}');
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let length = match piece.starts_with(|c: char| c.is_ascii_digit()) {
        true => 1,                                                   // as in nginx: `$10` is `$1` and a zero
        false => piece.find(|c| !is_word(c)).unwrap_or(piece.len()), // to the end
    };
    Some(piece.split_at(length))
}

/// The names that are no captures.
pub(super) const NAMES: [&str; 5] = ["request_uri", "uri", "args", "host", "scheme"];

fn named(name: &str, pattern: Option<&Pattern>) -> Option<Variable> {
    Some(match name {
        "request_uri" => Variable::RequestUri,
        "uri" => Variable::Uri,
        "args" => Variable::Args,
        "host" => Variable::Host,
        "scheme" => Variable::Scheme,
        name => Variable::Capture(capture(name, pattern?)?),
    })
}

fn capture(name: &str, pattern: &Pattern) -> Option<usize> {
    match name.parse() {
        Ok(number) => (1..=9).contains(&number).then_some(number).filter(|number| *number < pattern.groups()),
        Err(_) => pattern.group(name),
    }
}
