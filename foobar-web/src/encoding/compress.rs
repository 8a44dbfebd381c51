use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zstd::zstd_safe::CParameter;

use super::Coding;
use crate::memory::{MemoryBudget, Reservation};
use crate::pool::Pool;

/// Compresses, two contents at a time, on threads of its own: reads find theirs free, and the heap, which keeps what a
/// thread has freed for that thread, keeps the memory of two encoders and no more.
#[derive(Clone)]
pub(crate) struct Compressor {
    pool: Pool,
    room: MemoryBudget,
    slots: Arc<Semaphore>,
    compressed: Arc<AtomicU64>,
}

/// A slot in the queue of a [`Compressor`] and in memory, given back when it is dropped.
pub(crate) struct CompressorSlot {
    _queue: OwnedSemaphorePermit,
    claim: Reservation,
}

/// How many contents wait at most: as many as a page has files, and so few that a wait ends soon.
const SLOTS: usize = 64;
const THREADS: usize = 2;
/// Their name.
pub(crate) const THREAD: &str = "foobar-web-code";

impl Compressor {
    pub(crate) fn new(room: MemoryBudget) -> io::Result<Self> {
        let slots = Arc::new(Semaphore::new(SLOTS));
        Ok(Self { pool: Pool::new(THREAD, THREADS)?, room, slots, compressed: Arc::default() })
    }

    /// A slot for this content; `None` if all are taken.
    pub(crate) fn slot(&self, content: &Bytes) -> Option<CompressorSlot> {
        let queue = Arc::clone(&self.slots).try_acquire_owned().ok()?; // it is never closed: they are taken
        Some(CompressorSlot { _queue: queue, claim: self.room.claim(content.len() as u64)? })
    }

    /// The content in a coding: the same bytes for the same content. `None` if that does not make it smaller by at
    /// least a twentieth.
    pub(crate) async fn run(&self, slot: CompressorSlot, content: Bytes, coding: Coding) -> io::Result<Option<Bytes>> {
        let compressed = self.pool.run(move || compress(&content, coding)).await??;
        self.compressed.fetch_add(1, Ordering::Relaxed);
        Ok(compressed.map(|compressed| slot.claim.hold(compressed.as_slice())))
    }

    /// How many times it has run.
    pub(crate) fn compressed(&self) -> u64 {
        self.compressed.load(Ordering::Relaxed)
    }
}

/// The largest content that is compressed, in bytes: at the levels below it takes up to 1 s.
pub(crate) const LARGEST: u64 = 8 << 20;

/// Measured on source text: 16–25 ms for 1 MiB and 75–140 ms for 8 MiB; on the worst that was found (two letters at
/// random) 0.25–0.8 s for 8 MiB. The next levels gain 1–4 % and take twice the time or memory.
const GZIP_LEVEL: u32 = 6;
const BROTLI_QUALITY: i32 = 6;
const ZSTD_LEVEL: i32 = 9;

/// 1 MiB: half the memory of the usual 4 MiB on large content, nothing lost on small.
const BROTLI_WINDOW_BITS: i32 = 20;
/// Half the memory of the level's own 21; 0.1 % is lost at 1 MiB and 0.7 % at 8 MiB, and it is faster.
const ZSTD_HASH_BITS: u32 = 20;

/// Takes some milliseconds for 100 KiB.
fn compress(content: &[u8], coding: Coding) -> io::Result<Option<Vec<u8>>> {
    let compressed = match coding {
        Coding::Brotli => brotli(content)?,
        Coding::Zstd => zstd(content)?,
        Coding::Gzip => gzip(content)?,
    };
    let worth_it = compressed.len() <= content.len() - content.len().div_ceil(20);
    Ok(worth_it.then_some(compressed))
}

fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut compressed = Vec::with_capacity(content.len());
    brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters)?;
    Ok(compressed)
}

fn zstd(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
    compressor.set_parameter(CParameter::HashLog(ZSTD_HASH_BITS))?;
    compressor.compress(content)
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len()), Compression::new(GZIP_LEVEL));
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn decompress(bytes: &[u8], coding: Coding) -> Vec<u8> {
        let mut content = Vec::new();
        match coding {
            Coding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut content).unwrap(),
            Coding::Zstd => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut content).unwrap(),
            Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut content).unwrap(),
        };
        content
    }

    #[test]
    fn what_is_compressed_is_the_content_again_and_the_same_bytes_each_time() {
        let content: Vec<u8> = (0..40_000).flat_map(|number: u32| number.to_string().into_bytes()).collect();
        for coding in Coding::ALL {
            let compressed = compress(&content, coding).unwrap().unwrap();
            assert!(compressed.len() < content.len() / 2, "{coding:?}: {}", compressed.len());
            assert_eq!(decompress(&compressed, coding), content, "{coding:?}");
            assert_eq!(compress(&content, coding).unwrap(), Some(compressed), "{coding:?}");
        }
    }

    #[test]
    fn what_does_not_become_smaller_is_not_used() {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        let noise: Vec<u8> = noise.take(10_000).collect();
        for coding in Coding::ALL {
            assert_eq!(compress(&noise, coding).unwrap(), None, "{coding:?}");
            assert_eq!(compress(b"", coding).unwrap(), None, "{coding:?}");
        }
    }

    /// What a browser must be able to hold (RFC 9659).
    #[test]
    fn the_window_of_zstd_is_at_most_8_mib() {
        let content = b"0123456789abcdef".repeat(LARGEST as usize / 16);
        let compressed = compress(&content, Coding::Zstd).unwrap().unwrap();
        let mut decoder = zstd::Decoder::new(compressed.as_slice()).unwrap();
        decoder.window_log_max(23).unwrap();
        assert_eq!(decoder.read_to_end(&mut Vec::new()).unwrap(), content.len());
    }
}
