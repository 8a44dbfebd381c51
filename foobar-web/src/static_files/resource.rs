//! A file with everything it can be sent as: its codings, its validators, its ranges, and what its name says of it.
//!
//! - Rules over names are applied when a representation is made, not when it is asked for: a hit writes finished
//!   bytes.
//! - `fingerprinted` is strict: a name taken by mistake would stay in browsers for a year; a hash that is missed only
//!   falls to the next rule. For a bundler's folder a route with `"* immutable"` is sure.
//! - `Expires` is added when an answer is sent, as it counts from then; it goes with a rule that gives a time, not
//!   with directives written out.
//! - A precompressed sibling counts only if it is smaller than its file and not older (nginx compares no times): a
//!   deployment that forgets to renew siblings costs bytes, never correctness.
//! - The first request for a coding waits for it, 500 ms at most: if the file were sent as it is, a CDN would keep
//!   that for all its clients. One job for a file and coding; a result that is not 5 % smaller is not used.
//! - A range is of the selected representation (RFC 9110 §14.2), of a sibling where one is chosen. What was compressed
//!   here is never chosen for a request with `Range`: its bytes may differ after an upgrade.
//! - An entity tag is made of the content where that is in memory anyway. Of a larger file it is made of the time and the
//!   size as long as the time tells anything (`Dates`); else of a hash that the file-reading pool computes once, and
//!   until it is there the file has none. XXH3 in 128 bits: the same on every server, as fast as memory; nobody but who
//!   writes the files could make two of one hash. A time that tells nothing is no `Last-Modified` either.
//! - A date in `If-Range` is compared for equality, as in nginx. Whoever changes a file twice within a second has two
//!   contents with one date, which a server that came later cannot know; clients have the entity tag for it.

mod announce;
mod content_type;
mod encodings;
mod multipart;
mod range;
mod representation;
mod validators;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use foobar_core::Chain;
use tokio::sync::SetOnce;
use tokio::time::timeout;

use super::load::{Loaded, Stability, Stored};
use crate::encoding::{AcceptEncoding, Coding, Compressor, PerCoding};
use crate::file_source::FileState;
use crate::request::Fields;
use representation::FileHeaders;

pub(crate) use announce::{Caching, HeaderRules, PRIVATE};
pub(crate) use encodings::Encodings;
pub(crate) use range::Selection;
pub(crate) use representation::Representation;
pub(crate) use validators::{HASH_DIGITS, Precondition, Validators};

/// A file with everything that it can be sent as: as it is, and in the codings that there are of it.
///
/// A coding comes from a sibling (the file of the same name with `.br`, `.zst` or `.gz` at its end), or is made when
/// it is asked for first and kept as long as this is. Where there is any, every answer has `Vary`.
pub(super) struct Resource {
    /// Where it lies; that of an index is not the path that was asked for.
    pub(super) path: Box<[u8]>,
    /// The state in which it was loaded.
    pub(super) state: FileState,
    /// How far that can be relied on.
    pub(super) trust: Stability,
    identity: Representation,
    /// `None` where there is none, as of images: they take as much memory as a small file itself.
    codings: Option<Box<PerCoding<Encoded>>>,
}

/// Which representation answers a request.
pub(super) enum Selected<'a> {
    /// This one.
    Ready(&'a Representation),
    /// The one that [`Resource::make`] makes.
    Unmade(Coding),
}

enum Encoded {
    Absent,
    Sibling(FileState, Representation),
    OnTheFly(OnTheFly),
}

#[derive(Default)]
struct OnTheFly {
    begun: AtomicBool,
    /// `None` in it: it is hardly smaller, or could not be made.
    made: SetOnce<Option<Representation>>,
}

/// How long a request waits until a coding is made; then it gets the file as it is.
const PATIENCE: Duration = Duration::from_millis(500);
/// The memory that the places for the codings take, where there can be one.
const CODINGS: u64 = 1 << 10;

impl Resource {
    /// The file at `path` and its siblings. `make` are the codings to be made where there is no sibling; only content
    /// in memory is compressed.
    pub(super) fn new(
        path: &[u8],
        (loaded, validators): (Loaded, Validators),
        announced: FileHeaders,
        siblings: PerCoding<Option<(FileState, (Stored, Validators))>>,
        make: PerCoding<bool>,
    ) -> Self {
        let Loaded { state, stored, trust } = loaded;
        let make = if matches!(stored, Stored::Memory(_)) { make } else { PerCoding::default() };
        let varies = siblings.iter().any(Option::is_some) || make.iter().any(|make| *make);
        let announced = if varies { announced.varying() } else { announced };
        let encoded = |coding, sibling: Option<(FileState, (Stored, Validators))>| match sibling {
            Some((state, (stored, validators))) => {
                let sibling = Representation::sibling(&validators, state.size, stored, &announced, coding);
                Encoded::Sibling(state, sibling)
            }
            None if *make.get(coding) => Encoded::OnTheFly(OnTheFly::default()),
            None => Encoded::Absent,
        };
        let codings = varies.then(|| siblings.map(encoded).into());
        let identity = Representation::new(validators, state.size, stored, announced);
        Self { path: path.into(), state, trust, identity, codings }
    }

    /// The same content as it is, announced in another way.
    pub(super) fn renamed(&self, announced: FileHeaders) -> Self {
        let (state, stored) = (self.state.clone(), self.identity.stored.clone());
        let loaded = Loaded { state, stored, trust: self.trust };
        let (none, nothing) = (PerCoding::of(|_| None), PerCoding::default());
        Self::new(&self.path, (loaded, self.identity.validators.clone()), announced, none, nothing)
    }

    /// Whether it lies at the same path and has the same content, siblings included, and as much is known of it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let known = |one: &Self| (one.is_dated(), one.is_tagged());
        self.path == other.path
            && self.state == other.state
            && self.siblings() == other.siblings()
            && known(self) == known(other)
    }

    /// The hash of its content, where its entity tag is made of it.
    pub(super) fn content_hash(&self) -> Option<&str> {
        self.identity.validators.content_hash()
    }

    /// The file as it is.
    pub(super) const fn identity(&self) -> &Representation {
        &self.identity
    }

    /// Whether its time tells when it was changed.
    pub(super) const fn is_dated(&self) -> bool {
        self.identity.validators.is_dated()
    }

    /// Whether it has its entity tags already.
    pub(super) fn is_tagged(&self) -> bool {
        self.representations().all(|one| one.validators.etag.is_some())
    }

    /// The states of its siblings.
    pub(super) fn siblings(&self) -> PerCoding<Option<&FileState>> {
        PerCoding::of(|coding| match self.coding(coding) {
            Encoded::Sibling(state, _) => Some(state),
            Encoded::Absent | Encoded::OnTheFly(_) => None,
        })
    }

    /// The bytes of memory that it takes; more once a coding was made.
    pub(super) fn memory(&self) -> u64 {
        let codings = self.codings.as_ref().map_or(0, |_| CODINGS);
        codings + self.representations().map(Representation::memory).sum::<u64>()
    }

    /// The files that it holds open.
    pub(super) fn descriptors(&self) -> usize {
        self.representations().filter(|one| !one.is_in_memory()).count()
    }

    /// The representation that a client prefers. What is made is not for ranges.
    pub(super) fn select(&self, fields: &Fields<'_>) -> Selected<'_> {
        let accepted = fields.accept_encoding.as_deref().filter(|_| self.codings.is_some());
        let offers = |coding| self.coding(coding).is_offered(fields.range.is_some());
        let coding = accepted.and_then(|list| AcceptEncoding::parse(list).choose(offers));
        let Some(coding) = coding else { return Selected::Ready(&self.identity) };
        self.coding(coding).ready().map_or(Selected::Unmade(coding), Selected::Ready)
    }

    /// The representation in a coding that was [selected](Self::select), once it is made; the file as it is where that
    /// is not worth it, fails or takes longer than half a second, or where too many wait for theirs.
    ///
    /// Whoever asks first has it made, and all wait for the one result; `done` is called when this holds it. Sending
    /// the file as it is meanwhile would take no time, but a cache on the way would keep that for all its clients.
    pub(super) async fn make(
        self: &Arc<Self>,
        coding: Coding,
        compressor: &Compressor,
        done: impl FnOnce() + Send + 'static,
    ) -> &Representation {
        let (Encoded::OnTheFly(on_the_fly), Stored::Memory(content)) = (self.coding(coding), &self.identity.stored)
        else {
            return &self.identity;
        };
        if !on_the_fly.begun.load(Ordering::Relaxed) {
            let Some(slot) = compressor.slot(content) else { return &self.identity };
            if !on_the_fly.begun.swap(true, Ordering::Relaxed) {
                let (resource, content, compressor) = (Arc::clone(self), content.clone(), compressor.clone());
                tokio::spawn(async move {
                    let compressed = compressor.run(slot, content, coding).await;
                    resource.keep(coding, compressed);
                    done();
                });
            }
        }
        let made = timeout(PATIENCE, on_the_fly.made.wait()).await;
        made.ok().and_then(Option::as_ref).unwrap_or(&self.identity) // late, or there is none
    }

    fn keep(&self, coding: Coding, compressed: io::Result<Option<Bytes>>) {
        let compressed = compressed.unwrap_or_else(|error| {
            tracing::warn!(coding = coding.name(), error = %Chain(&error), "a file cannot be compressed");
            None
        });
        if let Encoded::OnTheFly(on_the_fly) = self.coding(coding) {
            let made = compressed.map(|content| self.identity.compressed(coding, content));
            _ = on_the_fly.made.set(made); // nobody else sets it
        }
    }

    fn representations(&self) -> impl Iterator<Item = &Representation> {
        let codings = self.codings.iter().flat_map(|codings| codings.iter());
        std::iter::once(&self.identity).chain(codings.filter_map(Encoded::ready))
    }

    fn coding(&self, coding: Coding) -> &Encoded {
        self.codings.as_ref().map_or(&Encoded::Absent, |codings| codings.get(coding))
    }
}

impl Encoded {
    fn is_offered(&self, range: bool) -> bool {
        match self {
            Self::Absent => false,
            Self::Sibling(..) => true,
            Self::OnTheFly(on_the_fly) => !range && !matches!(on_the_fly.made.get(), Some(None)),
        }
    }

    fn ready(&self) -> Option<&Representation> {
        match self {
            Self::Absent => None,
            Self::Sibling(_, sibling) => Some(sibling),
            Self::OnTheFly(on_the_fly) => on_the_fly.made.get()?.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::time::SystemTime;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use http::HeaderValue;

    use super::Coding::{Brotli, Gzip, Zstd};
    use super::*;
    use crate::file_source::Version;
    use crate::memory::MemoryBudget;

    const TEXT: Bytes = Bytes::from_static(&[b'x'; 5000]);

    /// In memory: the content, and the siblings, which hold the names of their codings.
    fn resource(content: Bytes, siblings: &[Coding], make: &[Coding]) -> Arc<Resource> {
        let announced = FileHeaders {
            content_type: HeaderValue::from_static("text/plain"),
            fields: Vec::new(),
            lasting: Vec::new(),
            lifetime: None,
            ranges: true,
        };
        let stored = |content: Bytes| {
            let state = state(&content);
            let validators = Validators::new(&state, None, true);
            (state, (Stored::Memory(content), validators))
        };
        let siblings = PerCoding::of(|coding| {
            siblings.contains(&coding).then(|| stored(Bytes::from_static(coding.name().as_bytes())))
        });
        let make = PerCoding::of(|coding| make.contains(&coding));
        let (state, (stored, validators)) = stored(content);
        let loaded = Loaded { state, stored, trust: Stability::Stable };
        Arc::new(Resource::new(b"a", (loaded, validators), announced, siblings, make))
    }

    fn state(content: &Bytes) -> FileState {
        FileState { size: content.len() as u64, modified: SystemTime::UNIX_EPOCH, version: Version::Hash([0; 32]) }
    }

    /// As long as it is held, time stands still: nobody runs out of patience, however long a thread takes.
    fn endless_patience() -> mpsc::Sender<()> {
        tokio::time::pause();
        let (end, ended) = mpsc::channel();
        tokio::task::spawn_blocking(move || ended.recv()); // meanwhile the runtime does not make it pass
        end
    }

    fn compressor() -> Compressor {
        Compressor::new(MemoryBudget::new(1 << 20)).unwrap()
    }

    /// The size of what is ready, or the coding that is to be made.
    fn select(resource: &Resource, accepted: &'static str, range: Option<&'static str>) -> Result<u64, Coding> {
        let field = |text: &'static str| text.as_bytes().into();
        let fields = Fields { accept_encoding: Some(field(accepted)), range: range.map(field), ..Fields::default() };
        match resource.select(&fields) {
            Selected::Ready(representation) => Ok(representation.size),
            Selected::Unmade(coding) => Err(coding),
        }
    }

    #[test]
    fn a_sibling_comes_before_making_one_and_what_is_made_is_not_for_ranges() {
        let resource = resource(TEXT, &[Zstd], &[Brotli, Zstd]);
        for (accepted, range, expected) in [
            ("gzip", None, Ok(5000)),
            ("zstd", None, Ok(4)),
            ("zstd", Some("bytes=0-0"), Ok(4)),
            ("br", None, Err(Brotli)),
            ("br, zstd", None, Err(Brotli)),
            ("br, zstd", Some("bytes=0-0"), Ok(4)),
            ("br", Some("bytes=0-0"), Ok(5000)),
        ] {
            assert_eq!(select(&resource, accepted, range), expected, "{accepted} {range:?}");
        }
    }

    #[tokio::test]
    async fn a_coding_is_made_once_however_many_ask() {
        let _patience = endless_patience();
        let (resource, compressor) = (resource(TEXT, &[], &[Brotli, Gzip]), compressor());
        let (times, before) = (Arc::new(AtomicUsize::new(0)), resource.memory());
        let ask = |_| {
            let times = Arc::clone(&times);
            resource.make(Brotli, &compressor, move || _ = times.fetch_add(1, Ordering::Relaxed))
        };
        let made = join_all((0..50).map(ask)).await;
        assert!(made.iter().all(|one| std::ptr::eq(*one, made[0]) && one.size < 100));
        ask(50).await;
        assert_eq!(times.load(Ordering::Relaxed), 1);
        assert_eq!(select(&resource, "br", None), Ok(made[0].size));
        assert_eq!(select(&resource, "gzip", None), Err(Gzip));
        assert_eq!(resource.memory(), before + made[0].memory());
    }

    #[tokio::test]
    async fn what_does_not_become_smaller_is_not_tried_again() {
        let _patience = endless_patience();
        let (resource, compressor) = (resource(Bytes::from_static(b"abcdefghijklmnop"), &[], &[Zstd]), compressor());
        assert_eq!(select(&resource, "zstd", None), Err(Zstd));
        assert!(std::ptr::eq(resource.make(Zstd, &compressor, || {}).await, resource.identity()));
        assert_eq!(select(&resource, "zstd", None), Ok(16));
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_gets_the_file_as_it_is_at_once_and_the_next_time_the_coding() {
        let _patience = endless_patience();
        let (resource, compressor) = (resource(TEXT, &[], &[Gzip]), compressor());
        let queue: Vec<_> = std::iter::from_fn(|| compressor.slot(&TEXT)).collect();
        let given = resource.make(Gzip, &compressor, || unreachable!()).now_or_never();
        assert!(given.is_some_and(|given| std::ptr::eq(given, resource.identity())));
        drop(queue);
        assert!(resource.make(Gzip, &compressor, || {}).await.size < 100);
    }

    #[tokio::test]
    async fn where_slow_clients_hold_all_the_room_nothing_is_compressed_until_they_are_gone() {
        let _patience = endless_patience();
        let room = MemoryBudget::new(6000);
        let (resource, compressor) = (resource(TEXT, &[], &[Gzip]), Compressor::new(room.clone()).unwrap());
        let held = room.claim(3000);
        let given = resource.make(Gzip, &compressor, || unreachable!()).now_or_never();
        assert!(given.is_some_and(|given| std::ptr::eq(given, resource.identity())));
        drop(held);
        let size = resource.make(Gzip, &compressor, || {}).await.size;
        assert!(size < 100 && room.taken() == size, "{size}, {}", room.taken());
    }

    #[tokio::test]
    async fn a_client_that_goes_away_does_not_stop_it() {
        let _patience = endless_patience();
        let (resource, compressor) = (resource(TEXT, &[], &[Gzip]), compressor());
        let made = resource.make(Gzip, &compressor, || {});
        assert!(made.now_or_never().is_none());
        assert!(resource.make(Gzip, &compressor, || unreachable!()).await.size < 100);
    }
}
