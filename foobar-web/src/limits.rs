//! What a connection is granted, compiled from `[web]`. It must not know how that is kept.

use std::fmt::Display;
use std::time::Duration;

use foobar_core::{Period, Size};

use crate::{Error, Http2, WebSettings};

/// What a connection is granted, compiled from `[web]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) requests: u64,
    /// For what comes before HTTP: a TLS handshake, a PROXY header.
    pub(crate) handshake_time: Duration,
    pub(crate) head: HeadLimits,
    pub(crate) head_time: Duration,
    pub(crate) idle_time: Duration,
    pub(crate) body_time: Duration,
    pub(crate) send_time: Duration,
    pub(crate) rate: Rate,
    /// What streams without an end have when the tier drains.
    pub(crate) stream_time: Duration,
    pub(crate) http2: Http2,
    /// Of one HTTP/2 connection at a time.
    pub(crate) streams: u32,
}

/// What the head of a request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    /// Bytes of the request line.
    pub(crate) line: usize,
    /// Number of header fields.
    pub(crate) fields: usize,
    /// Bytes of all header fields together.
    pub(crate) bytes: usize,
}

/// The least that a client must move while the server waits for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Bytes a second; 0 for no minimum.
    pub(crate) minimum: u64,
    /// The wait that is free.
    pub(crate) grace: Duration,
}

impl Limits {
    pub(crate) fn compile(settings: &WebSettings) -> Result<Self, Error> {
        let head = HeadLimits {
            line: within("web.max_request_line", settings.max_request_line.as_usize(), LONGEST_LINE)?,
            fields: within("web.max_headers", settings.max_headers, MOST_FIELDS)?,
            bytes: within("web.max_header_size", settings.max_header_size.as_usize(), LARGEST_FIELDS)?,
        };
        let requests = within("web.keepalive_requests", settings.keepalive_requests, u64::MAX)?;
        Ok(Self {
            connections: within("web.worker_connections", settings.worker_connections, usize::MAX)?,
            requests: if settings.keepalive_timeout.is_zero() { 1 } else { requests },
            handshake_time: some("web.ssl_handshake_timeout", settings.ssl_handshake_timeout)?,
            head,
            head_time: some("web.client_header_timeout", settings.client_header_timeout)?,
            idle_time: *settings.keepalive_timeout,
            body_time: some("web.client_body_timeout", settings.client_body_timeout)?,
            send_time: some("web.send_timeout", settings.send_timeout)?,
            rate: Rate {
                minimum: settings.min_rate.as_u64(),
                grace: some("web.min_rate_grace", settings.min_rate_grace)?,
            },
            stream_time: STREAM_TIME,
            http2: settings.http2,
            streams: within("web.http2_max_concurrent_streams", settings.http2_max_concurrent_streams, MOST_STREAMS)?,
        })
    }
}

impl Rate {
    /// How long a client that has moved so many bytes may have been waited for.
    pub(crate) fn allowance(self, moved: u64) -> Duration {
        let milliseconds = moved.saturating_mul(1000).checked_div(self.minimum);
        milliseconds.map_or(Duration::MAX, |earned| self.grace.saturating_add(Duration::from_millis(earned)))
    }
}

/// As long as a WebSocket has to say goodbye.
const STREAM_TIME: Duration = Duration::from_secs(5);
/// `http::Uri` holds less than 64 KiB.
const LONGEST_LINE: usize = 60 << 10;
/// `http::HeaderMap` holds some 24,000 names.
const MOST_FIELDS: usize = 10_000;
/// Each may have an answer in memory.
const MOST_STREAMS: u32 = 1024;
/// What a head may hold in memory.
const LARGEST_FIELDS: usize = 256 << 10;

/// A size of a body; 0 is no limit, as in nginx.
pub(crate) fn body_limit(size: Size) -> u64 {
    match size.as_u64() {
        0 => u64::MAX,
        bytes => bytes,
    }
}

fn some(key: &str, period: Period) -> Result<Duration, Error> {
    if period.is_zero() { Err(Error::setting(key, "0 is out of range; it is more than 0")) } else { Ok(*period) }
}

/// A time of more than 0 and at most `most`.
pub(crate) fn bounded(key: &str, period: Period, most: Duration) -> Result<Duration, Error> {
    match some(key, period)? {
        time if time > most => Err(Error::setting(key, format!("{time:?} is out of range; it is at most {most:?}"))),
        time => Ok(time),
    }
}

pub(crate) fn within<N: Copy + Ord + From<u8> + Display>(key: &str, value: N, most: N) -> Result<N, Error> {
    if (N::from(1)..=most).contains(&value) {
        Ok(value)
    } else {
        Err(Error::setting(key, format!("{value} is out of range; it is at least 1 and at most {most}")))
    }
}
