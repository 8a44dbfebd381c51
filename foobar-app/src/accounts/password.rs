//! Passwords, as argon2id keeps them (RFC 9106), in the form of PHC: `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`.

mod hash_memory;

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{constant_time::verify_slices_are_equal, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use foobar_core::{BoxError, on_own_thread};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::throttled::Busy;
use hash_memory::{HashMemory, of_size};

/// What OWASP recommends: 19 MiB, two passes, one lane.
const COST: Cost = Cost { memory: 19 * 1024, passes: 2, lanes: 1 };

/// The most memory, in KiB, that a hash of another program's may take: 256 MiB.
const MOST_MEMORY: u32 = 256 * 1024;
/// The most that its passes may write, in KiB: 1 GiB, which takes about a second.
const MOST_WORK: u64 = 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    /// In KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// How many characters a password has.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=1000;

/// Hashes passwords, a few at a time: each takes the memory of `COST`, so a storm of sign-ins waits, and what is more
/// than `WAITING` is refused: [`Busy`].
#[derive(Clone)]
pub(super) struct Hasher {
    at_once: usize,
    turns: Arc<Semaphore>,
    /// To hash or to wait in.
    places: Arc<Semaphore>,
    memory: Arc<HashMemory>,
}

/// How many passwords may wait for each core: for about two seconds.
pub(super) const WAITING: usize = 64;

/// What a password is, held against a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wrong,
    Right,
    /// Right, and the hash is weaker than one of today.
    Outdated,
}

/// What is wrong with a password that somebody chooses.
pub(super) fn problem(password: &str) -> Option<&'static str> {
    match password.chars().count() {
        0..8 => Some("has fewer than 8 characters"),
        count if !LENGTH.contains(&count) => Some("has more than 1000 characters"),
        _ => None,
    }
}

impl Hasher {
    /// As many at a time as the machine has cores.
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let [turns, places] = [cores, cores * (1 + WAITING)].map(|count| Arc::new(Semaphore::new(count)));
        Self { at_once: cores, turns, places, memory: Arc::default() }
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String, BoxError> {
        let password = password.to_owned();
        self.run(move |memory| hash(&password, &salt(), memory)).await
    }

    /// A hash of today in place of `kept`, of the same password and with its [fingerprint].
    pub(super) async fn renew(&self, password: &str, kept: &str) -> Result<String, BoxError> {
        let (password, salt) = (password.to_owned(), Kept::parse(kept)?.salt);
        self.run(move |memory| hash(&password, &salt, memory)).await
    }

    /// Holds a password against what is kept of one; against nothing where there is none, which takes as long.
    pub(super) async fn verify(&self, password: &str, kept: Option<&str>) -> Result<Verdict, BoxError> {
        let (password, kept) = (password.to_owned(), kept.map(Kept::parse).transpose()?);
        self.run(move |memory| match kept {
            Some(kept) => kept.verify(&password, memory),
            None => derive(&password, &[0; SALT], COST, memory).map(|_nobodys| Verdict::Wrong),
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T, argon2::Error> + Send + 'static,
    ) -> Result<T, BoxError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_full| Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        let turn = Turn { blocks: self.memory.take(), hasher: self.clone(), permits: Some([place, turn]) };
        let work = async move {
            let mut turn = turn; // it ends with the work
            work(&mut turn.blocks)
        };
        match on_own_thread("password", work).await? {
            Ok(done) => Ok(done.map_err(|error| error.to_string())?),
            Err(panic) => Err(panic.to_string().into()),
        }
    }

    /// Frees the memory where no password is hashed.
    fn rest(&self) {
        if self.turns.available_permits() == self.at_once {
            self.memory.free();
        }
    }
}

/// Memory to hash in, which is given back however the hash ends.
struct Turn {
    hasher: Hasher,
    blocks: Vec<Block>,
    /// A place, and a turn.
    permits: Option<[OwnedSemaphorePermit; 2]>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.hasher.memory.keep(std::mem::take(&mut self.blocks));
        drop(self.permits.take());
        self.hasher.rest();
    }
}

const SALT: usize = 16;
const HASH: usize = 32;

fn salt() -> [u8; SALT] {
    let mut salt = [0; SALT];
    rand::fill(&mut salt).expect("the system has random numbers");
    salt
}

/// What tells a password from any other that the account has had, and says nothing of it: of the salt alone, which each
/// password has of its own and keeps when its hash is renewed.
pub(super) fn fingerprint(hash: &str) -> String {
    let salt = hash.split('$').nth(4).unwrap_or_default(); // there is no password
    STANDARD_NO_PAD.encode(&digest(&SHA256, salt.as_bytes()).as_ref()[..FINGERPRINT])
}

const FINGERPRINT: usize = 12;

/// What is kept where nobody has a password: no hash is like it, and each has a [fingerprint] of its own.
pub(super) fn none() -> String {
    format!("{NONE}$$${}", STANDARD_NO_PAD.encode(salt()))
}

const NONE: &str = "$none";

/// Whether nobody has a password.
pub(super) fn is_none(kept: &str) -> bool {
    kept.is_empty() || kept.starts_with(NONE) // empty in databases of earlier versions
}

fn hash(password: &str, salt: &[u8], memory: &mut Vec<Block>) -> Result<String, argon2::Error> {
    let hash = derive(password, salt, COST, memory)?;
    let Cost { memory, passes, lanes } = COST;
    let [salt, hash] = [salt, &hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    Ok(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"))
}

fn derive(password: &str, salt: &[u8], cost: Cost, memory: &mut Vec<Block>) -> Result<[u8; HASH], argon2::Error> {
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(HASH))?;
    let mut hash = [0; HASH];
    let blocks = of_size(memory, params.block_count())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut hash, blocks)?;
    Ok(hash)
}

/// What is kept of a password.
struct Kept {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Why a hash is not used.
#[derive(Debug, thiserror::Error)]
enum KeptError {
    #[error("what is kept of the password is no hash of argon2id")]
    NoHash,
    #[error(
        "the hash that is kept of the password asks for m={}, t={}, p={}; m is at most {} (256 MiB), and m times t at \
         most {} (1 GiB)",
        .0.memory, .0.passes, .0.lanes, MOST_MEMORY, MOST_WORK
    )]
    TooCostly(Cost),
}

impl Kept {
    fn parse(text: &str) -> Result<Self, KeptError> {
        let mut parts = text.strip_prefix("$argon2id$v=19$").ok_or(KeptError::NoHash)?.split('$');
        let [cost, salt, hash] = [parts.next(), parts.next(), parts.next()];
        let decode = |text: Option<&str>| text.and_then(|text| STANDARD_NO_PAD.decode(text).ok()); // told as what it is
        let cost = cost.and_then(Cost::parse).ok_or(KeptError::NoHash)?;
        let (salt, hash) = decode(salt).zip(decode(hash)).ok_or(KeptError::NoHash)?;
        if cost.is_too_much() {
            return Err(KeptError::TooCostly(cost));
        }
        Ok(Self { cost, salt, hash })
    }

    fn verify(&self, password: &str, memory: &mut Vec<Block>) -> Result<Verdict, argon2::Error> {
        let hash = derive(password, &self.salt, self.cost, memory)?;
        Ok(match verify_slices_are_equal(&hash, &self.hash) {
            Err(_unequal) => Verdict::Wrong,
            Ok(()) if self.cost.is_weaker_than(COST) => Verdict::Outdated,
            Ok(()) => Verdict::Right,
        })
    }
}

impl Cost {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut number = |name: &str| parts.next()?.strip_prefix(name)?.parse().ok();
        Some(Self { memory: number("m=")?, passes: number("t=")?, lanes: number("p=")? })
    }

    /// Lanes make a hash no stronger: an attacker has as many as it takes.
    fn is_weaker_than(self, other: Self) -> bool {
        self.memory < other.memory || self.work() < other.work()
    }

    /// What its passes write, in KiB.
    fn work(self) -> u64 {
        u64::from(self.memory) * u64::from(self.passes)
    }

    /// Whether a hash of it would take the memory or the processor from everybody else. Its lanes are filled one after the
    /// other, and take nothing more.
    fn is_too_much(self) -> bool {
        self.memory > MOST_MEMORY || self.work() > MOST_WORK
    }
}

#[cfg(test)]
impl Hasher {
    pub(super) async fn take_all_turns(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(self.turns.available_permits()).unwrap();
        Arc::clone(&self.turns).acquire_many_owned(all).await.unwrap()
    }

    pub(super) fn take_all_places(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(self.places.available_permits()).unwrap();
        Arc::clone(&self.places).try_acquire_many_owned(all).unwrap()
    }
}

#[cfg(test)]
pub(super) fn cheap(password: &str) -> String {
    foreign(password, 64, 1)
}

/// A hash of this memory, in KiB, and these passes, as another program makes it.
#[cfg(test)]
pub(super) fn foreign(password: &str, memory: u32, passes: u32) -> String {
    let cost = Cost { memory, passes, lanes: 1 };
    let hash = derive(password, &[7; SALT], cost, &mut Vec::new()).unwrap();
    let [salt, hash] = [&[7; SALT][..], &hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    format!("$argon2id$v=19$m={memory},t={passes},p=1${salt}${hash}")
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_password_is_held_against_its_hash_and_a_weak_hash_is_outdated() {
        let hasher = Hasher::new();
        let kept = hasher.hash("correct horse").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_eq!(hasher.verify("correct horse", Some(&kept)).await.unwrap(), Verdict::Right);
        assert_eq!(hasher.verify("Correct horse", Some(&kept)).await.unwrap(), Verdict::Wrong);
        assert_eq!(hasher.verify("correct horse", None).await.unwrap(), Verdict::Wrong);
        assert_eq!(hasher.verify("old", Some(&cheap("old"))).await.unwrap(), Verdict::Outdated);
        assert_ne!(hasher.hash("correct horse").await.unwrap(), kept, "each has a salt of its own");
    }

    #[tokio::test]
    async fn a_hash_is_outdated_where_its_memory_or_its_work_is_less_than_that_of_today() {
        let Cost { memory, passes, .. } = COST;
        for (memory, passes, expected) in [
            (memory, passes + 1, Verdict::Right),
            (memory * 2, passes - 1, Verdict::Right),
            (memory + 1, passes, Verdict::Right),
            (memory, passes - 1, Verdict::Outdated),
            (memory + 1, passes - 1, Verdict::Outdated),
            (memory - 8, passes * 2, Verdict::Outdated),
        ] {
            let kept = foreign("old", memory, passes);
            assert_eq!(Hasher::new().verify("old", Some(&kept)).await.unwrap(), expected, "{kept}");
        }
    }

    #[tokio::test]
    async fn many_passwords_at_once_are_hashed_in_memory_that_is_used_again_and_freed_after_them() {
        let hasher = Hasher::new();
        let kept = hasher.hash("correct horse").await.unwrap();
        let passwords = (0..6).map(|number| if number % 2 == 0 { "correct horse" } else { "wrong horse" });
        let verdicts = join_all(passwords.map(|password| hasher.verify(password, Some(&kept)))).await;
        let verdicts: Vec<_> = verdicts.into_iter().map(Result::unwrap).collect();
        assert_eq!(verdicts, [Verdict::Right, Verdict::Wrong].repeat(3));
        assert!(hasher.memory.is_empty());
    }

    #[tokio::test]
    async fn a_hash_that_panics_gives_its_turn_and_all_memory_back() {
        let hasher = Hasher::new();
        (0..2).for_each(|_| hasher.memory.keep(vec![Block::new(); 64]));
        let error = hasher.run(|_| -> Result<(), _> { panic!("in argon2") }).await.unwrap_err();
        assert!(error.to_string().contains("in argon2"), "{error}");
        assert!(hasher.memory.is_empty());
        assert_eq!(hasher.turns.available_permits(), hasher.at_once);
        assert_eq!(hasher.places.available_permits(), hasher.at_once * (1 + WAITING));
    }

    #[tokio::test]
    async fn a_hash_of_another_program_that_asks_for_too_much_is_refused_before_it_takes_anything() {
        for cost in ["m=4194304,t=1000,p=1", "m=262145,t=1,p=4", "m=262144,t=5,p=1", "m=19456,t=4294967295,p=1"] {
            let kept = format!("$argon2id$v=19${cost}$AAAAAAAAAAAAAAAAAAAAAA$AAAA");
            let error = Hasher::new().verify("x", Some(&kept)).await.unwrap_err().to_string();
            let asked = cost.replace(',', ", ");
            assert!(error.starts_with(&format!("the hash that is kept of the password asks for {asked};")), "{error}");
        }
        let largest = Cost { memory: MOST_MEMORY, passes: 4, lanes: 4 };
        assert!(!largest.is_too_much() && !COST.is_too_much());
    }

    #[tokio::test]
    async fn what_is_no_hash_is_an_error() {
        for text in ["", "plain", "$argon2id$v=19$m=64,t=1,p=1$", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$2b$10$abc"]
        {
            assert!(Hasher::new().verify("x", Some(text)).await.is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_has_eight_characters_at_least_whatever_they_are() {
        assert_eq!(problem("ääääääää"), None);
        assert!(problem("1234567").is_some_and(|problem| problem.contains("fewer than 8")));
        assert!(problem(&"x".repeat(1001)).is_some_and(|problem| problem.contains("more than 1000")));
    }
}
