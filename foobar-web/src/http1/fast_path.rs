use std::borrow::Cow;

use super::head::{Field, HeadIndex};
use crate::request::{Fields, RequestView, Verb};
use crate::worker::{FastAnswer, FastPath, Worker};

/// An answer that is ready.
pub(crate) struct Answer {
    pub(crate) answer: FastAnswer,
    /// Whether the client wants to go on using the connection.
    pub(crate) keeps: bool,
}

/// Answers the request with this head, which has no content, from its bytes: no request has to be made of it. `None` if
/// it is for the pipeline.
pub(crate) fn answer(path: &mut FastPath, worker: &Worker, head: &[u8], index: &HeadIndex) -> Option<Answer> {
    let keeps = keeps(head, index)?;
    let asked = asked(head, index)?;
    let host = index.value(Field::Host, head);
    if host.is_none() && index.minor == 1 {
        return None; // the pipeline refuses it
    }
    let answer = path.answer(&worker.pipeline, &worker.buffers, host, &asked)?;
    Some(Answer { answer, keeps })
}

/// Whether the client wants to go on using the connection; `None` if the request is not plain.
fn keeps(head: &[u8], index: &HeadIndex) -> Option<bool> {
    let special = [Field::Expect, Field::Upgrade, Field::TransferEncoding];
    if !index.is_plain() || special.iter().any(|field| index.value(*field, head).is_some()) {
        return None;
    }
    match index.value(Field::Connection, head) {
        None => Some(index.minor == 1),
        Some(option) if option.eq_ignore_ascii_case(b"keep-alive") => Some(true),
        Some(option) if option.eq_ignore_ascii_case(b"close") => Some(false),
        Some(_) => None,
    }
}

fn asked<'a>(head: &'a [u8], index: &HeadIndex) -> Option<RequestView<'a>> {
    let verb = match index.method(head) {
        b"GET" => Verb::Get,
        b"HEAD" => Verb::Head,
        _ => return None,
    };
    let value = |field| index.value(field, head).map(Cow::Borrowed);
    let fields = Fields {
        if_match: value(Field::IfMatch),
        if_none_match: value(Field::IfNoneMatch),
        if_modified_since: value(Field::IfModifiedSince),
        if_unmodified_since: value(Field::IfUnmodifiedSince),
        if_range: value(Field::IfRange),
        range: value(Field::Range),
        accept: value(Field::Accept),
        accept_encoding: value(Field::AcceptEncoding),
    };
    let text = |bytes| str::from_utf8(bytes).ok(); // a target in ASCII, so it is
    let path = text(index.path(head))?;
    let query = index.query(head).and_then(text);
    path.starts_with('/').then_some(RequestView { verb, path, query, fields, origin: None })
}
