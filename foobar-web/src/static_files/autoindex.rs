mod entry;
mod html;
mod json;

use bytes::Bytes;
use foobar_core::Accept;
use http::StatusCode;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, LINK, VARY,
};

use crate::Autoindex;
use crate::encoding::{AcceptEncoding, Coding, PerCoding, compress};
use crate::file_source::DirEntry;
use crate::reply::{Content, FieldBlock, Reply};
use crate::request::{NormalPath, RequestView};
use entry::is_hidden;

pub(super) use entry::can_be_asked_for;

/// A list that can be sent.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) text: Bytes,
    /// That of the text.
    pub(super) coding: Option<Coding>,
    /// Whether another client gets another coding.
    pub(super) varies: bool,
    /// Whether there is another page after it.
    pub(super) more: bool,
    /// How many names are left out of it.
    pub(super) left_out: usize,
}

/// The list of a directory without an index, as one request asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Listing {
    /// The directory's path, decoded, as the client knows it; with U+FFFD for what is not UTF-8.
    path: String,
    form: Form,
    /// Which of its pages, from 1 on.
    page: usize,
    /// The coding that the client prefers of those that are made.
    coding: Option<Coding>,
    /// Whether another `Accept` gets another form.
    varies: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Html,
    Json,
}

/// A page of a list, as it is made.
pub(super) struct Made {
    pub(super) text: Vec<u8>,
    /// Whether it is offered in any coding.
    pub(super) varies: bool,
    /// Whether it is offered in the one that is wanted.
    pub(super) offered: bool,
    /// Whether there is another page after it.
    pub(super) more: bool,
    /// How many names are left out of the list.
    pub(super) left_out: usize,
}

/// How many names are left out of a list, as no request can ask for them.
const LEFT_OUT: HeaderName = HeaderName::from_static("x-names-left-out");
/// The most entries of a page.
const MOST: usize = 10_000;
/// One more than that: how many are asked for, so that it is known whether there are more.
pub(super) const LISTED: usize = MOST + 1;

impl Listing {
    /// `None` if directories are not listed, or if it asks for no page that could be. `offered` gives the codings in
    /// which a large content of a type is sent.
    pub(super) fn of(
        asked: &RequestView<'_>,
        autoindex: Autoindex,
        offered: impl FnOnce(&HeaderValue) -> PerCoding<bool>,
    ) -> Option<Self> {
        let form = match autoindex {
            Autoindex::Off => return None,
            Autoindex::On if Accept::of(asked.fields.accept.as_deref()).prefers_json() => Form::Json,
            Autoindex::Json => Form::Json,
            Autoindex::On | Autoindex::Html => Form::Html,
        };
        let path = NormalPath::parse(asked.path).ok()?; // it was parsed before it came here
        let accepted = asked.fields.accept_encoding.as_deref();
        let offered = offered(&form.content_type());
        let coding = accepted.and_then(|list| AcceptEncoding::parse(list).choose(|coding| *offered.get(coding)));
        let page = page(asked.query)?;
        let path = String::from_utf8_lossy(path.as_bytes()).into_owned();
        Some(Self { path, form, page, coding, varies: autoindex == Autoindex::On })
    }

    /// How many entries come before the page.
    pub(super) const fn first(&self) -> usize {
        (self.page - 1).saturating_mul(MOST)
    }

    /// The coding that the client prefers.
    pub(super) const fn coding(&self) -> Option<Coding> {
        self.coding
    }

    /// The page of these entries, up to [`LISTED`] in their order; `None` of one behind the last. So many are `left_out`
    /// of the list, as no request can ask for them. `offered` gives the codings in which a content of a type and size is sent. Takes some milliseconds for the most entries.
    pub(super) fn make(
        &self,
        (mut entries, left_out): (Vec<DirEntry>, usize),
        offered: impl FnOnce(&HeaderValue, u64) -> PerCoding<bool>,
    ) -> Option<Made> {
        if entries.is_empty() && self.page > 1 {
            return None;
        }
        let more = entries.len() > MOST;
        entries.truncate(MOST);
        // Whatever a source of somebody's own gives.
        entries.retain(|entry| !is_hidden(&entry.name) && can_be_asked_for(&entry.name));
        entries.sort_unstable_by(|one, other| (!one.directory, &one.name).cmp(&(!other.directory, &other.name)));
        let text = match self.form {
            Form::Html => html::page(&self.path, &entries, self.page, more, left_out).into_bytes(),
            Form::Json => json::list(&entries).into_bytes(),
        };
        let offered = offered(&self.form.content_type(), text.len() as u64);
        let varies = offered.iter().any(|offered| *offered);
        Some(Made { text, varies, offered: self.coding.is_some_and(|coding| *offered.get(coding)), more, left_out })
    }

    /// 200 with the list, which has of the fields that are `added` those that it has not itself.
    pub(super) fn reply(&self, list: List, caching: &HeaderValue, added: Vec<(HeaderName, HeaderValue)>) -> Reply {
        let mut fields = self.fields(&list, caching);
        let (length, content) = (Some(list.text.len() as u64), Content::Memory(list.text));
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

    fn fields(&self, list: &List, caching: &HeaderValue) -> Vec<(HeaderName, HeaderValue)> {
        let policy = match self.form {
            Form::Html => html::POLICY,
            Form::Json => "default-src 'none'; frame-ancestors 'none'",
        };
        let mut fields = vec![
            (CONTENT_TYPE, self.form.content_type()),
            (CACHE_CONTROL, caching.clone()),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        ];
        fields.extend(self.varies.then(|| (VARY, HeaderValue::from(ACCEPT))));
        fields.extend(list.varies.then(|| (VARY, HeaderValue::from(ACCEPT_ENCODING))));
        fields.extend(list.coding.map(|coding| (CONTENT_ENCODING, HeaderValue::from_static(coding.name()))));
        let next = list.more.then(|| format!("<?page={}>; rel=\"next\"", self.page + 1));
        fields.extend(next.and_then(|next| Some((LINK, HeaderValue::try_from(next).ok()?)))); // it is text
        fields.extend((list.left_out > 0).then(|| (LEFT_OUT, HeaderValue::from(list.left_out))));
        fields
    }
}

impl Form {
    const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
        })
    }
}

/// The page that a query asks for, 1 where it asks for none; `None` if that is no number of a page.
fn page(query: Option<&str>) -> Option<usize> {
    let asked = query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("page="));
    asked.map_or(Some(1), |number| number.parse().ok().filter(|page| *page > 0)) // no number: no page
}

/// The codings that `encodings` makes of a list of the largest size that is compressed.
pub(super) const LARGEST: u64 = compress::LARGEST;

#[cfg(test)]
mod tests;
