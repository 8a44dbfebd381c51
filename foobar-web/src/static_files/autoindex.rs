mod entry;
mod html;
mod json;

use bytes::Bytes;
use foobar_core::Accept;
use http::StatusCode;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, VARY};

use crate::Autoindex;
use crate::file_source::Listed;
use crate::reply::{Content, FieldBlock, Reply};
use crate::request::{Asked, NormalPath};
use entry::can_be_named;

/// The list of a directory without an index, as one request asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Listing {
    /// The directory's path, decoded, as the client knows it.
    path: String,
    form: Form,
    /// Whether another `Accept` gets another form.
    varies: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Html,
    Json,
}

/// The most entries of a list.
const MOST: usize = 10_000;
/// One more than that: how many are asked for, so that it is known whether there are more.
pub(super) const LISTED: usize = MOST + 1;

impl Listing {
    /// `None` if directories are not listed.
    pub(super) fn of(asked: &Asked<'_>, autoindex: Autoindex) -> Option<Self> {
        let form = match autoindex {
            Autoindex::Off => return None,
            Autoindex::On if Accept::of(asked.fields.accept.as_deref()).prefers_json() => Form::Json,
            Autoindex::Json => Form::Json,
            Autoindex::On | Autoindex::Html => Form::Html,
        };
        let path = NormalPath::parse(asked.path).ok()?; // it was parsed before it came here
        Some(Self { path: path.as_str().to_owned(), form, varies: autoindex == Autoindex::On })
    }

    /// The list: directories first, each kind by name. Takes some milliseconds for the most entries.
    pub(super) fn text(&self, mut entries: Vec<Listed>) -> Vec<u8> {
        let complete = entries.len() <= MOST;
        entries.truncate(MOST);
        entries.retain(|entry| can_be_named(&entry.name));
        entries.sort_unstable_by(|one, other| (!one.directory, &one.name).cmp(&(!other.directory, &other.name)));
        match self.form {
            Form::Html => html::page(&self.path, &entries, if complete { None } else { Some(MOST) }).into(),
            Form::Json => json::list(&entries).into(),
        }
    }

    /// 200 with the list, which has of the fields that are `added` those that it has not itself.
    pub(super) fn reply(&self, text: Bytes, caching: &HeaderValue, added: Vec<(HeaderName, HeaderValue)>) -> Reply {
        let (length, content) = (Some(text.len() as u64), Content::Memory(text));
        let mut fields = self.fields(caching);
        let own = fields.len();
        for (name, value) in added {
            if !fields[..own].iter().any(|(own, _)| *own == name && name != VARY) {
                fields.push((name, value));
            }
        }
        Reply { fields: FieldBlock::new(&fields), length, content, ..Reply::empty(StatusCode::OK, vec![]) }
    }

    /// What it is, without a charset.
    pub(super) const fn media_type(&self) -> &'static str {
        match self.form {
            Form::Html => "text/html",
            Form::Json => "application/json",
        }
    }

    fn fields(&self, caching: &HeaderValue) -> Vec<(HeaderName, HeaderValue)> {
        let (content_type, policy) = match self.form {
            Form::Html => ("text/html; charset=utf-8", html::POLICY),
            Form::Json => ("application/json", "default-src 'none'; frame-ancestors 'none'"),
        };
        let mut fields = vec![
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (CACHE_CONTROL, caching.clone()),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        ];
        fields.extend(self.varies.then(|| (VARY, HeaderValue::from(ACCEPT))));
        fields
    }
}

#[cfg(test)]
mod tests;
