use foobar_core::BoxError;

use super::record::{SessionChange, SessionRecord};
use super::store::{SessionStore, Updated};

/// What is to be done to keep a session.
#[derive(Clone)]
pub(super) enum Keeping {
    /// It is as the store has it.
    Nothing,
    /// What is kept is ended, and a new one begins, unless it is empty.
    Begin { ends_old: bool, record: SessionRecord },
    /// What is kept is changed; where it has ended meanwhile, another one may begin.
    Change { loaded: SessionRecord, change: SessionChange, or_begin: Option<SessionRecord> },
}

impl Keeping {
    /// Does it, to the session of `token`.
    pub(super) async fn in_store(self, store: &dyn SessionStore, token: &str) -> Result<Updated, BoxError> {
        let record = match self {
            Self::Nothing => return Ok(Updated::Kept),
            Self::Change { loaded, change, or_begin } => match (store.update(token, loaded, change).await?, or_begin) {
                (Updated::Gone, Some(record)) => record, // of a double click, only this answer is seen
                (updated, _) => return Ok(updated),
            },
            Self::Begin { ends_old: true, record } if record.is_empty() => {
                store.remove(token).await?;
                record
            }
            Self::Begin { ends_old: true, record } => return store.replace(token, record).await.map(Updated::Renewed),
            Self::Begin { ends_old: false, record } => record,
        };
        if record.is_empty() {
            return Ok(Updated::Ended);
        }
        store.create(record).await.map(Updated::Renewed)
    }
}
