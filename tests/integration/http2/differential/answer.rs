/// What of an answer is the same on each transport. The default one is none: the stream was reset.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) status: u16,
    fields: Vec<(String, String)>,
    pub(super) content: Vec<u8>,
}

/// What belongs to a connection or to a moment.
const LEFT_OUT: &[&str] = &["connection", "keep-alive", "transfer-encoding", "date", "expires", "x-request-id"];

impl Answered {
    pub(super) fn new(status: u16, fields: Vec<(String, String)>, content: Vec<u8>) -> Self {
        let own = own_words(&fields);
        let mut fields: Vec<_> = fields
            .into_iter()
            .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
            .map(|(name, value)| (name, without(value, &own).replace("https://", "http://")))
            .collect();
        fields.sort();
        Self { status, fields, content: without_in(content, &own) }
    }

    pub(super) fn is_reset(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Words that no other answer has: the number of its request, the boundary of its parts.
fn own_words(fields: &[(String, String)]) -> Vec<String> {
    let value = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let boundary = value("content-type").and_then(|value| value.split_once("boundary=")).map(|(_, boundary)| boundary);
    [value("x-request-id"), boundary].into_iter().flatten().map(str::to_owned).collect()
}

fn without(text: String, own: &[String]) -> String {
    own.iter().fold(text, |text, word| text.replace(word, "OWN"))
}

/// The same of content, where it is text.
fn without_in(content: Vec<u8>, own: &[String]) -> Vec<u8> {
    match String::from_utf8(content) {
        Ok(text) => without(text, own).into_bytes(),
        Err(binary) => binary.into_bytes(),
    }
}

impl std::fmt::Debug for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.content[..self.content.len().min(80)];
        write!(f, "{} {:?} {} bytes {}", self.status, self.fields, self.content.len(), shown.escape_ascii())
    }
}
