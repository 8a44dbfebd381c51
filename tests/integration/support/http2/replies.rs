use std::collections::BTreeMap;

use super::Event;
use super::frame::{END_HEADERS, END_STREAM, Frame};
use super::hpack::{Decoder, Field};

/// The answers of a connection, put together from their frames.
#[derive(Default)]
pub(super) struct Replies {
    decoder: Decoder,
    /// A header block whose end has not come, and whether it ends its stream.
    block: Option<(Vec<u8>, bool)>,
    open: BTreeMap<u32, Reply>,
}

/// An answer, as far as it has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Without `:status`.
    pub(crate) headers: Vec<Field>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<Field>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Replies {
    pub(super) fn data(&mut self, frame: &Frame) -> Event {
        self.open.entry(frame.stream).or_default().body.extend_from_slice(&frame.payload);
        let length = frame.payload.len();
        if frame.has(END_STREAM) { self.end(frame.stream) } else { Event::Data(frame.stream, length) }
    }

    /// HEADERS or CONTINUATION; `None` until the block is complete.
    pub(super) fn block(&mut self, frame: &Frame) -> Option<Event> {
        let (mut block, ends) = self.block.take().unwrap_or_else(|| (Vec::new(), frame.has(END_STREAM)));
        block.extend_from_slice(&frame.payload);
        if !frame.has(END_HEADERS) {
            self.block = Some((block, ends));
            return None;
        }
        let fields = self.decoder.decode(&block);
        let status = self.open.entry(frame.stream).or_default().note(fields);
        Some(if ends { self.end(frame.stream) } else { Event::Head(status) })
    }

    /// An answer without an end, as far as it has come; its content only once.
    pub(super) fn so_far(&mut self, stream: u32) -> Option<Reply> {
        let reply = self.open.get_mut(&stream)?;
        let body = std::mem::take(&mut reply.body);
        Some(Reply { body, ..reply.clone() })
    }

    pub(super) fn drop(&mut self, stream: u32) {
        self.open.remove(&stream);
    }

    fn end(&mut self, stream: u32) -> Event {
        Event::Answer(stream, self.open.remove(&stream).expect("it has a head"))
    }
}

impl Reply {
    /// A head, which may be an interim one before, or trailers.
    fn note(&mut self, mut fields: Vec<Field>) -> u16 {
        if fields.first().is_some_and(|(name, _)| name == ":status") {
            assert!(self.status < 200, "one head");
            self.status = fields.remove(0).1.parse().expect("a status");
            self.headers = fields;
        } else {
            assert!(self.status >= 200, "trailers follow a head");
            self.trailers = fields;
        }
        self.status
    }
}
