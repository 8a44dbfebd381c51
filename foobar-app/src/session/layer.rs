use std::sync::Arc;
use std::time::Duration;

use foobar_core::{BoxError, Scheme};

use super::cookie::SessionCookie;
use super::key_error::KeyError;
use super::record::SessionRecord;
use super::settings::SessionSettings;
use super::store::SessionStore;
use super::store::in_cookie::InCookie;
use super::store::in_database::InDatabase;
use crate::Db;
use crate::clock::now;

/// How sessions are kept, for all requests.
pub(crate) struct SessionLayer {
    pub(super) store: Arc<dyn SessionStore>,
    /// Where the store is in the database.
    db: Option<Db>,
    /// Whether it is the cookie itself.
    is_in_cookie: bool,
    settings: SessionSettings,
    clock: Clock,
}

/// Seconds since 1970.
type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How often the time of the last use is written at most.
const TOUCH: Duration = Duration::from_secs(5 * 60);

impl SessionLayer {
    pub(crate) fn new(store: Arc<dyn SessionStore>, settings: SessionSettings) -> Self {
        Self { store, db: None, is_in_cookie: false, settings, clock: Arc::new(now) }
    }

    pub(crate) fn in_cookie(settings: SessionSettings) -> Result<Self, KeyError> {
        let store = Arc::new(InCookie::new(&settings.keys)?);
        Ok(Self { is_in_cookie: true, ..Self::new(store, settings) })
    }

    pub(crate) fn in_database(db: Db, settings: SessionSettings) -> Self {
        Self { db: Some(db.clone()), ..Self::new(Arc::new(InDatabase::new(db)), settings) }
    }

    /// The same for the requests of another worker thread: a handler that holds one thread up holds up no session of the
    /// others.
    pub(crate) fn for_worker(self: &Arc<Self>) -> Arc<Self> {
        let Some(db) = &self.db else { return Arc::clone(self) };
        let worker = Self::in_database(db.clone(), self.settings.clone());
        Arc::new(Self { clock: Arc::clone(&self.clock), ..worker })
    }

    /// The same under settings that have changed. Sessions that are kept are kept where they were.
    pub(crate) fn under(&self, settings: SessionSettings) -> Result<Self, KeyError> {
        let clock = Arc::clone(&self.clock);
        if self.is_in_cookie {
            return Ok(Self { clock, ..Self::in_cookie(settings)? });
        }
        Ok(Self { store: Arc::clone(&self.store), db: self.db.clone(), is_in_cookie: false, settings, clock })
    }

    /// Forgets the sessions that have ended.
    pub(crate) async fn clear(&self) -> Result<(), BoxError> {
        self.store.remove_expired(self.now()).await.map(drop)
    }

    /// Whether sessions are rows of the application's database.
    #[cfg(feature = "accounts")]
    pub(super) const fn has_rows(&self) -> bool {
        self.db.is_some()
    }

    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    pub(super) const fn cookie(&self, scheme: Scheme) -> SessionCookie<'_> {
        SessionCookie { name: &self.settings.cookie, scheme }
    }

    /// When a session ends that began then and is used now.
    pub(super) fn expiry(&self, created: i64, now: i64) -> i64 {
        now.saturating_add(seconds(*self.settings.idle_timeout))
            .min(created.saturating_add(seconds(*self.settings.lifetime)))
    }

    /// Whether it goes on, by the settings of today.
    pub(super) fn is_alive(&self, record: &SessionRecord, now: i64) -> bool {
        now < record.expires && now < self.expiry(record.created, record.seen)
    }

    /// Whether its last use was so long ago that it has to be written.
    pub(super) fn is_touched(&self, record: &SessionRecord, now: i64) -> bool {
        now - record.seen >= seconds(TOUCH.min(*self.settings.idle_timeout / 4)).max(1)
    }
}

fn seconds(period: Duration) -> i64 {
    i64::try_from(period.as_secs()).unwrap_or(i64::MAX) // longer than anyone waits
}

#[cfg(test)]
impl SessionLayer {
    pub(crate) fn with_clock(self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }
}
