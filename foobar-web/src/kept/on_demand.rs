use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::sign::CertifiedKey;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Certificates for names that no site has, and which of these clients have asked for (`ssl_on_demand`).
#[derive(Debug)]
pub(crate) struct OnDemand {
    /// By names in lower case.
    shown: RwLock<HashMap<String, Shown>>,
    asked: Sender<String>,
    asking: Mutex<Option<Receiver<String>>>,
}

#[derive(Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    /// From when until when it is good, in seconds since 1970.
    life: (i64, i64),
}

impl OnDemand {
    pub(crate) fn new() -> Self {
        let (asked, asking) = channel(MOST_WAITING);
        Self { shown: RwLock::default(), asked, asking: Mutex::new(Some(asking)) }
    }

    /// What a client of this name is shown.
    pub(crate) fn key(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).get(name).map(|shown| Arc::clone(&shown.key))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    pub(crate) fn len(&self) -> usize {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The name whose certificate expires first, and when, in seconds since 1970; `None` if there is none.
    pub(crate) fn nearest(&self) -> Option<(String, i64)> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        let nearest = shown.iter().min_by_key(|(_, shown)| shown.life.1);
        nearest.map(|(name, shown)| (name.clone(), shown.life.1))
    }

    /// For how many seconds the certificate of a name is good in all.
    pub(crate) fn life_of(&self, name: &str) -> Option<i64> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.get(name).map(|shown| shown.life.1.saturating_sub(shown.life.0))
    }

    /// From now on clients of this name are shown this, which is good from when until when, in seconds since 1970.
    pub(crate) fn show(&self, name: &str, key: Arc<CertifiedKey>, life: (i64, i64)) {
        self.shown.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Shown { key, life });
    }

    pub(crate) fn hide(&self, name: &str) {
        self.shown.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// A client has asked for this name, for which there is nothing to show. Where too many wait, it is not noted: that
    /// client, or the next one, comes again.
    pub(crate) fn want(&self, name: &str) {
        let _full = self.asked.try_send(name.to_owned());
    }

    /// The names that clients ask for; whoever looks after them takes it, once.
    pub(crate) fn asked(&self) -> Option<Receiver<String>> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Names that wait for an answer.
const MOST_WAITING: usize = 64;
