//! Content codings: their names, what a client accepts, and the compressor. It must not know files or answers.
//!
//! Encoders have two threads of their own: glibc keeps what a thread has freed for that thread, up to twice its
//! largest piece, so on all threads of the pool the tables of zstd and brotli took 60 MiB. What they make is copied
//! off these threads' heaps, which nothing lasting then breaks up. zstd has half its usual table.

mod accept_encoding;
pub(crate) mod compress;

use serde::Deserialize;

pub(crate) use accept_encoding::AcceptEncoding;
pub(crate) use compress::Compressor;

/// A content coding (RFC 9110 §8.4.1) that files can be sent in; in the order in which the server prefers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Coding {
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
    /// `gzip` (RFC 1952).
    Gzip,
}

/// Something for each coding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerCoding<T>([T; 3]);

impl Coding {
    /// All of them, the preferred first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in HTTP and in the configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What the name of a file in this coding ends in, after the dot.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zst",
            Self::Gzip => "gz",
        }
    }

    /// The coding of this name, in any case; `x-gzip` is `gzip` (RFC 9110 §8.4.1.3).
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        Self::ALL.into_iter().find(|coding| is(coding.name())).or_else(|| is("x-gzip").then_some(Self::Gzip))
    }
}

impl TryFrom<String> for Coding {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::ALL.into_iter().find(|coding| coding.name() == name).ok_or("write \"br\", \"zstd\" or \"gzip\"")
    }
}

impl<T> PerCoding<T> {
    /// What `make` gives for each.
    pub(crate) fn of(make: impl FnMut(Coding) -> T) -> Self {
        Self(Coding::ALL.map(make))
    }

    /// That of one coding.
    pub(crate) const fn get(&self, coding: Coding) -> &T {
        &self.0[coding as usize]
    }

    /// Sets that of one coding.
    pub(crate) fn set(&mut self, coding: Coding, value: T) {
        self.0[coding as usize] = value;
    }

    /// All of them, the preferred coding's first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Another for each.
    pub(crate) fn map<U>(self, mut make: impl FnMut(Coding, T) -> U) -> PerCoding<U> {
        let mut codings = Coding::ALL.into_iter();
        PerCoding(self.0.map(|value| make(codings.next().expect("there are as many"), value)))
    }
}
