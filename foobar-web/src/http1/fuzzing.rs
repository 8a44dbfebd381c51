use std::ops::Range;

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;

use super::head::{self, Content, Field, HeadError};
use super::request_head::RequestHead;
use crate::limits::HeadLimits;

/// Reads the head of a request as it arrives.
pub struct HeadReader(head::HeadReader);

/// A head that was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its bytes.
    pub length: usize,
    /// The bytes of its content; `None` if it is chunked.
    pub content: Option<u64>,
}

/// What a head says, in its own bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct HeadIndex<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The target up to its query.
    pub path: &'a [u8],
    /// What follows the first `?` of the target.
    pub query: Option<&'a [u8]>,
    /// The minor version.
    pub minor: u8,
    /// The fields that are known, by name in lower case, and their values.
    pub fields: [(&'static str, Option<&'a [u8]>); 21],
    /// Whether none of them came twice.
    pub is_plain: bool,
}

impl HeadReader {
    /// A reader that takes so many bytes of a request line, and so many fields of so many bytes together.
    pub fn new(line: usize, fields: usize, bytes: usize) -> Self {
        Self(head::HeadReader::new(HeadLimits { line, fields, bytes }))
    }

    /// Reads on in `bytes`, which begin with the first byte of the head; `None` if its end has not come yet.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Option<Head>, StatusCode> {
        let head = self.0.read(bytes).map_err(|HeadError(status, _)| status)?;
        Ok(head.map(|head| Head {
            length: head.length,
            content: match head.content {
                Content::Length(length) => Some(length),
                Content::Chunked => None,
            },
        }))
    }

    /// The head with its target encoded; `None` if it was.
    pub fn encoded(&self, head: &[u8]) -> Option<Vec<u8>> {
        let index = self.0.index();
        let encoded = index.encoded_target(head)?;
        let Range { start, end } = index.target();
        Some([&head[..start], encoded.as_bytes(), &head[end..]].concat())
    }

    /// The request that is made of a head which has been read to its end.
    pub fn request(&self, head: &[u8]) -> Parts {
        let bytes = Bytes::copy_from_slice(head);
        let head = RequestHead { bytes, index: *self.0.index(), fields: self.0.fields() };
        head.parts().expect("what is let through is a request")
    }

    /// The index of a head that has been read to its end.
    pub fn index<'a>(&self, head: &'a [u8]) -> HeadIndex<'a> {
        let index = self.0.index();
        HeadIndex {
            method: index.method(head),
            path: index.path(head),
            query: index.query(head),
            minor: index.minor,
            fields: FIELDS.map(|(name, field)| (name, index.value(field, head))),
            is_plain: index.is_plain(),
        }
    }
}

const FIELDS: [(&str, Field); 21] = [
    ("accept", Field::Accept),
    ("accept-encoding", Field::AcceptEncoding),
    ("connection", Field::Connection),
    ("content-length", Field::ContentLength),
    ("expect", Field::Expect),
    ("forwarded", Field::Forwarded),
    ("host", Field::Host),
    ("if-match", Field::IfMatch),
    ("if-modified-since", Field::IfModifiedSince),
    ("if-none-match", Field::IfNoneMatch),
    ("if-range", Field::IfRange),
    ("if-unmodified-since", Field::IfUnmodifiedSince),
    ("range", Field::Range),
    ("referer", Field::Referer),
    ("transfer-encoding", Field::TransferEncoding),
    ("upgrade", Field::Upgrade),
    ("user-agent", Field::UserAgent),
    ("x-forwarded-for", Field::XForwardedFor),
    ("x-forwarded-host", Field::XForwardedHost),
    ("x-forwarded-proto", Field::XForwardedProto),
    ("x-request-id", Field::XRequestId),
];
