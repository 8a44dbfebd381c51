use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

pub(super) const CODINGS: &[&str] = &["br", "zstd", "gzip"];

/// The whole content; fails where the bytes end early.
pub(super) fn decode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => gunzip(bytes),
        "zstd" => read(zstd::Decoder::with_buffer(bytes).unwrap()),
        "br" => read(brotli::Decompressor::new(bytes, 4096)),
        other => panic!("no such coding: {other}"),
    }
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let content = read(GzDecoder::new(&mut rest));
    assert!(rest.is_empty(), "{} bytes after the content", rest.len());
    content
}

fn read(mut decoder: impl Read) -> Vec<u8> {
    let mut content = Vec::new();
    decoder.read_to_end(&mut content).expect("whole content in its coding");
    content
}
