use std::borrow::Cow;

use super::head::{Field, Noted};
use crate::request::{Asked, Fields, Verb};
use crate::worker::{FastAnswer, FastPath, Worker};

/// An answer that is ready.
pub(crate) struct Answer {
    pub(crate) answer: FastAnswer,
    /// Whether the client wants to go on using the connection.
    pub(crate) keeps: bool,
}

/// Answers the request with this head, which has no content, from its bytes: no request has to be made of it. `None` if
/// it is for the pipeline.
pub(crate) fn answer(path: &mut FastPath, worker: &Worker, head: &[u8], noted: &Noted) -> Option<Answer> {
    let keeps = keeps(head, noted)?;
    let asked = asked(head, noted)?;
    let host = noted.value(Field::Host, head);
    if host.is_none() && noted.minor == 1 {
        return None; // the pipeline refuses it
    }
    let answer = path.answer(&worker.pipeline.sites, &worker.desk, host, &asked)?;
    Some(Answer { answer, keeps })
}

/// Whether the client wants to go on using the connection; `None` if the request is not plain.
fn keeps(head: &[u8], noted: &Noted) -> Option<bool> {
    let special = [Field::Expect, Field::Upgrade, Field::TransferEncoding];
    if !noted.is_plain() || special.iter().any(|field| noted.value(*field, head).is_some()) {
        return None;
    }
    match noted.value(Field::Connection, head) {
        None => Some(noted.minor == 1),
        Some(option) if option.eq_ignore_ascii_case(b"keep-alive") => Some(true),
        Some(option) if option.eq_ignore_ascii_case(b"close") => Some(false),
        Some(_) => None,
    }
}

fn asked<'a>(head: &'a [u8], noted: &Noted) -> Option<Asked<'a>> {
    let verb = match noted.method(head) {
        b"GET" => Verb::Get,
        b"HEAD" => Verb::Head,
        _ => return None,
    };
    let value = |field| noted.value(field, head).map(Cow::Borrowed);
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
    let path = text(noted.path(head))?;
    let query = noted.query(head).and_then(text);
    path.starts_with('/').then_some(Asked { verb, path, query, fields, origin: None })
}
