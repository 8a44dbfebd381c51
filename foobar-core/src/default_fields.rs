use http::{HeaderMap, HeaderName, HeaderValue};

/// Fields that every response of a [`Handler`](crate::Handler) gets unless it has one of that name.
///
/// Whoever sends the responses adds them, so that they need not be put into each map of fields only to be taken out
/// again: over HTTP/1 they are lines that were written once.
#[derive(Debug, Default)]
pub struct DefaultFields {
    fields: Vec<(HeaderName, HeaderValue)>,
    lines: Vec<u8>,
    /// Where in `lines` each field ends.
    ends: Vec<usize>,
}

impl DefaultFields {
    /// No fields.
    pub const NONE: &'static Self = &Self { fields: Vec::new(), lines: Vec::new(), ends: Vec::new() };

    /// At most [`MOST`](Self::MOST) fields, each of another name.
    ///
    /// # Panics
    ///
    /// If there are more.
    pub fn new(fields: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        let fields: Vec<_> = fields.into_iter().collect();
        assert!(fields.len() <= Self::MOST, "a handler has at most {} default fields", Self::MOST);
        let mut lines = Vec::new();
        let ends = fields.iter().map(|(name, value)| {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                lines.extend_from_slice(part);
            }
            lines.len()
        });
        let ends = ends.collect();
        Self { fields, lines, ends }
    }

    /// How many there may be.
    pub const MOST: usize = u32::BITS as usize;

    /// The fields.
    pub fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.fields.iter()
    }

    /// Adds to `headers` the fields that are not there.
    pub fn complete(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.fields {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }

    /// Remembers in `present` that a response has a field of this name.
    pub fn mark(&self, name: &HeaderName, present: &mut Present) {
        if let Some(position) = self.fields.iter().position(|(default, _)| default == name) {
            present.0 |= 1 << position;
        }
    }

    /// Writes those that are not `present`, as lines of HTTP/1.
    pub fn write(&self, present: Present, out: &mut Vec<u8>) {
        if present.0 == 0 {
            return out.extend_from_slice(&self.lines);
        }
        let mut start = 0;
        for (position, end) in self.ends.iter().enumerate() {
            if present.0 & (1 << position) == 0 {
                out.extend_from_slice(&self.lines[start..*end]);
            }
            start = *end;
        }
    }
}

/// Which of the [`DefaultFields`] a response has itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Present(u32);

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS};

    use super::*;

    fn fields() -> DefaultFields {
        let deny = (X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        DefaultFields::new([deny, (REFERRER_POLICY, HeaderValue::from_static("no-referrer"))])
    }

    fn written(present: &[HeaderName]) -> String {
        let (fields, mut out, mut marks) = (fields(), Vec::new(), Present::default());
        present.iter().for_each(|name| fields.mark(name, &mut marks));
        fields.write(marks, &mut out);
        String::from_utf8(out).expect("the fields are ASCII")
    }

    #[test]
    fn a_line_is_written_for_each_field_that_the_response_has_not() {
        assert_eq!(written(&[]), "x-frame-options: DENY\r\nreferrer-policy: no-referrer\r\n");
        assert_eq!(written(&[CONTENT_TYPE, X_FRAME_OPTIONS]), "referrer-policy: no-referrer\r\n");
        assert_eq!(written(&[X_FRAME_OPTIONS, REFERRER_POLICY, REFERRER_POLICY]), "");
    }

    #[test]
    fn a_map_is_completed_and_keeps_what_it_has() {
        let mut headers = HeaderMap::from_iter([(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"))]);
        fields().complete(&mut headers);
        assert_eq!(headers[X_FRAME_OPTIONS], "SAMEORIGIN");
        assert_eq!(headers[REFERRER_POLICY], "no-referrer");
        DefaultFields::NONE.complete(&mut headers);
        assert_eq!(headers.len(), 2);
    }
}
