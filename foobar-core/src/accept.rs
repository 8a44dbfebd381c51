/// What a client wishes for: a page or JSON, by what its `Accept` fields name (RFC 9110 §12.5.1). Of a wildcard nothing
/// is known, as programs send it too.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    page: f32,
    json: f32,
}

impl Accept {
    /// Reads the values of all `Accept` fields; what is no text is no wish.
    pub fn of<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut accept = Self { page: 0.0, json: 0.0 };
        let values = fields.into_iter().filter_map(|value| str::from_utf8(value).ok()); // see above
        for range in values.flat_map(|value| value.split(',')) {
            accept.page = accept.page.max(weight(range, &["text/html", "application/xhtml+xml"]));
            accept.json = accept.json.max(weight(range, &["application/json", "application/problem+json"]));
        }
        accept
    }

    /// Whether it names a page, and JSON not above it.
    pub fn prefers_page(self) -> bool {
        self.page > 0.0 && self.page >= self.json
    }

    /// Whether it names JSON above a page.
    pub fn prefers_json(self) -> bool {
        self.json > self.page
    }
}

/// The quality (RFC 9110 §12.4.2) of a media range that is one of `types`; 0 for another one.
fn weight(range: &str, types: &[&str]) -> f32 {
    let mut parts = range.split(';').map(str::trim);
    let is_one = parts.next().is_some_and(|name| types.iter().any(|known| name.eq_ignore_ascii_case(known)));
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    match quality {
        _ if !is_one => 0.0,
        None => 1.0,
        Some(quality) => quality.parse().unwrap_or(0.0), // a malformed one is no wish
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it prefers a page, and whether JSON.
    fn wish(accept: &str) -> (bool, bool) {
        let accept = Accept::of([accept.as_bytes()]);
        (accept.prefers_page(), accept.prefers_json())
    }

    #[test]
    fn a_browser_wishes_for_a_page_and_a_program_for_json_or_nothing() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", (true, false)),
            ("Text/HTML;Q=0.1", (true, false)),
            ("application/json", (false, true)),
            ("application/problem+json;q=0.5", (false, true)),
            ("text/html;q=0.5, application/json", (false, true)),
            ("text/html, application/json", (true, false)),
            ("text/html;level=1;q=0.2, application/json;q=0.3", (false, true)),
            ("text/html;q=0", (false, false)),
            ("text/html;q=x", (false, false)),
            ("*/*", (false, false)),
            ("", (false, false)),
        ] {
            assert_eq!(wish(accept), expected, "{accept}");
        }
        assert!(Accept::of([&b"application/json;q=0.5"[..], b"text/html"]).prefers_page(), "two fields are one list");
        assert!(!Accept::of([&b"\xff, text/html"[..]]).prefers_page());
    }
}
