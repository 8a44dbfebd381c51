//! Passwords, as argon2id keeps them (RFC 9106), in the form of PHC: `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`.

mod hash_memory;

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::{Algorithm, Argon2, Block, MIN_SALT_LEN, Params, Version};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{constant_time::verify_slices_are_equal, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use foobar_core::{BoxError, on_own_thread};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::throttled::Busy;
use hash_memory::{HashMemory, of_size};

/// What OWASP recommends: 19 MiB, two passes, one lane.
pub(super) const COST: Cost = Cost { memory: 19 * 1024, passes: 2, lanes: 1 };

/// The least that there is (RFC 9106 §3.1).
pub(super) const LEAST_COST: Cost = Cost { memory: 8, passes: 1, lanes: 1 };

/// The most memory, in KiB, that a hash of another program's may take: 256 MiB.
const MOST_MEMORY: u32 = 256 * 1024;
/// The most that its passes may write, in KiB: 1 GiB, which takes about a second.
const MOST_WORK: u64 = 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// In KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// How many characters a password has.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=1000;

/// Hashes passwords, a few at a time: each takes the memory of its cost, so a storm of sign-ins waits, and what is more
/// than `WAITING` is refused: [`Busy`].
#[derive(Clone)]
pub(super) struct Hasher {
    /// Of the hashes that it makes.
    cost: Cost,
    at_once: usize,
    turns: Arc<Semaphore>,
    /// To hash or to wait in.
    places: Arc<Semaphore>,
    /// The memory of all turns, in KiB.
    room: Arc<Semaphore>,
    memory: Arc<HashMemory>,
    /// What has been hashed at.
    #[cfg(test)]
    costs: Arc<std::sync::Mutex<Vec<Cost>>>,
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
    pub(super) fn new(cost: Cost) -> Self {
        Self::with(available_parallelism().map_or(1, NonZero::get), cost)
    }

    fn with(cores: usize, cost: Cost) -> Self {
        let room = (cores * COST.memory as usize).max(MOST_MEMORY as usize); // that of the largest one at least
        let [turns, places, room] = [cores, cores * (1 + WAITING), room].map(|count| Arc::new(Semaphore::new(count)));
        Self {
            cost,
            at_once: cores,
            turns,
            places,
            room,
            memory: Arc::default(),
            #[cfg(test)]
            costs: Arc::default(),
        }
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String, BoxError> {
        self.hash_with(password, &salt()).await
    }

    /// A hash of today in place of `kept`, of the same password and with its [fingerprint].
    pub(super) async fn renew(&self, password: &str, kept: &str) -> Result<String, BoxError> {
        self.hash_with(password, &Kept::parse(kept)?.salt).await
    }

    async fn hash_with(&self, password: &str, salt: &[u8]) -> Result<String, BoxError> {
        let hash = self.derive(password, salt, self.cost).await?;
        let Cost { memory, passes, lanes } = self.cost;
        let [salt, hash] = [salt, &hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        Ok(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"))
    }

    /// Holds a password against what is kept of one. Against nothing where there is none, and where what is kept is no hash
    /// to be used, which is the error [`KeptError`]: that takes as long as a hash of today.
    pub(super) async fn verify(&self, password: &str, kept: Option<&str>) -> Result<Verdict, BoxError> {
        let kept = kept.map(Kept::parse).transpose();
        let (cost, salt) = match &kept {
            Ok(Some(kept)) => (kept.cost, &kept.salt[..]),
            Ok(None) | Err(_) => (self.cost, &[0; SALT][..]),
        };
        let hash = self.derive(password, salt, cost).await?;
        Ok(kept?.map_or(Verdict::Wrong, |kept| kept.verdict(&hash, self.cost)))
    }

    async fn derive(&self, password: &str, salt: &[u8], cost: Cost) -> Result<[u8; HASH], BoxError> {
        #[cfg(test)]
        self.costs().push(cost);
        let (password, salt) = (password.to_owned(), salt.to_owned());
        self.run(cost.memory, move |memory| derive(&password, &salt, cost, memory)).await
    }

    /// Works with this memory, in KiB, once there is room for it.
    async fn run<T: Send + 'static>(
        &self,
        memory: u32,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T, argon2::Error> + Send + 'static,
    ) -> Result<T, BoxError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_full| Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        let room = Arc::clone(&self.room).acquire_many_owned(memory).await?;
        if memory > COST.memory {
            self.memory.free(); // of what is kept there would be more than room
        }
        let turn = Turn { blocks: self.memory.take(), hasher: self.clone(), permits: Some([place, turn, room]) };
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
    /// A place, a turn, and room.
    permits: Option<[OwnedSemaphorePermit; 3]>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let blocks = std::mem::take(&mut self.blocks);
        if blocks.len() <= COST.memory as usize {
            self.hasher.memory.keep(blocks);
        }
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

fn derive(password: &str, salt: &[u8], cost: Cost, memory: &mut Vec<Block>) -> Result<[u8; HASH], argon2::Error> {
    let params = cost.params()?;
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
pub(super) enum KeptError {
    #[error(
        "what is kept of the password is no hash of argon2id, of {} bytes with a salt of at least {}",
        HASH,
        MIN_SALT_LEN
    )]
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
        if cost.params().is_err() || salt.len() < MIN_SALT_LEN || hash.len() != HASH {
            return Err(KeptError::NoHash); // nothing is equal to it
        }
        Ok(Self { cost, salt, hash })
    }

    /// What the password is that has this hash, where those of today have this cost.
    fn verdict(&self, hash: &[u8; HASH], today: Cost) -> Verdict {
        match verify_slices_are_equal(hash, &self.hash) {
            Err(_unequal) => Verdict::Wrong,
            Ok(()) if self.cost.is_weaker_than(today) => Verdict::Outdated,
            Ok(()) => Verdict::Right,
        }
    }
}

impl Cost {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut number = |name: &str| parts.next()?.strip_prefix(name)?.parse().ok();
        Some(Self { memory: number("m=")?, passes: number("t=")?, lanes: number("p=")? })
    }

    fn params(self) -> Result<Params, argon2::Error> {
        Params::new(self.memory, self.passes, self.lanes, Some(HASH))
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

    fn costs(&self) -> std::sync::MutexGuard<'_, Vec<Cost>> {
        self.costs.lock().unwrap_or_else(std::sync::PoisonError::into_inner) // it is whole at any time
    }

    /// What has been hashed at so far, in memory and passes.
    pub(super) fn take_costs(&self) -> Vec<(u32, u32)> {
        self.costs().drain(..).map(|cost| (cost.memory, cost.passes)).collect()
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
mod tests;
