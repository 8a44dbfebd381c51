use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use foobar_core::{BoxError, ResponseBody};
use http_body::{Body, Frame, SizeHint};

use crate::access_log::Entry;
use crate::gate::InFlight;
use crate::net::AddressSlot;

/// One request on its way through the server, from its arrival until its answer has been made whole or given up.
pub(super) struct Record {
    entry: Rc<Entry>,
    /// The client's, if it has one.
    _place: Option<AddressSlot>,
}

/// The body of an answer, which carries the line of the log until it has been sent or dropped.
pub(crate) struct Logged {
    body: ResponseBody,
    record: Record,
    is_by_handler: bool,
    _in_flight: Option<InFlight>,
}

impl Record {
    pub(super) const fn new(entry: Rc<Entry>, place: Option<AddressSlot>) -> Self {
        Self { entry, _place: place }
    }
}

impl Deref for Record {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.entry.count();
    }
}

impl Logged {
    pub(super) const fn new(
        body: ResponseBody,
        record: Record,
        is_by_handler: bool,
        in_flight: Option<InFlight>,
    ) -> Self {
        Self { body, record, is_by_handler, _in_flight: in_flight }
    }

    /// Whether its response is the handler's, whose [default fields](foobar_core::Handler::default_fields) it gets.
    pub(crate) const fn is_by_handler(&self) -> bool {
        self.is_by_handler
    }

    /// The entry in the log, for a connection that knows better how much has been sent: its line is written when nobody
    /// holds it any more.
    pub(crate) fn entry(&self) -> Rc<Entry> {
        self.record.entry.clone()
    }
}

impl Body for Logged {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.record.sent(data.len());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
