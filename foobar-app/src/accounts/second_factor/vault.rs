use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foobar_core::{BoxError, Secret};

use super::rows::Kept;
use crate::session::KeyError;
use crate::session::sealing::{Sealing, derive};

/// Keeps secrets encrypted by `session.keys`; as they are where there are none.
pub(in crate::accounts) struct Vault {
    sealing: Result<Sealing, KeyError>,
    /// Of its keys: what tells them apart.
    names: Vec<String>,
}

const PURPOSE: &[u8] = b"foobar secret of a second factor";
/// How many bytes a name has before it is text.
const NAME: usize = 9;

#[derive(Debug, thiserror::Error)]
#[error(
    "the secret of a second factor was encrypted by a key that is not in `session.keys` any more: put it back, or let \
     the user of account {0} sign in by a recovery code"
)]
struct NoKey(i64);

impl Vault {
    pub(in crate::accounts) fn new(keys: &[Secret]) -> Self {
        let name = |key| URL_SAFE_NO_PAD.encode(derive::<NAME>(key, &[PURPOSE, b" name"]));
        Self { sealing: Sealing::new(keys, PURPOSE), names: keys.iter().map(name).collect() }
    }

    /// The secret of an account as it is kept, not active yet.
    pub(super) fn seal(&self, account_id: i64, secret: Vec<u8>) -> Result<Kept, BoxError> {
        let (secret, sealed_by) = match &self.sealing {
            Ok(sealing) => (sealing.seal(secret, &account_id.to_be_bytes())?, self.names[0].clone()),
            Err(KeyError::Missing) => (secret, AS_IT_IS.to_owned()),
            Err(short) => return Err((*short).into()),
        };
        Ok(Kept { account_id, secret, sealed_by, active: false })
    }

    pub(in crate::accounts) fn open(&self, kept: &Kept) -> Result<Vec<u8>, BoxError> {
        if kept.sealed_by == AS_IT_IS {
            return Ok(kept.secret.clone());
        }
        let sealing = self.sealing.as_ref().map_err(|_no_key| NoKey(kept.account_id))?;
        Ok(sealing.open(&kept.secret, &kept.account_id.to_be_bytes()).ok_or(NoKey(kept.account_id))?)
    }

    /// By what secrets are sealed that are to be sealed anew.
    pub(super) fn old_keys(&self) -> Vec<String> {
        let older = self.names.iter().skip(1).filter(|name| **name != self.names[0]).cloned();
        if self.sealing.is_ok() { older.chain([AS_IT_IS.to_owned()]).collect() } else { Vec::new() }
    }
}

/// The name of no key.
const AS_IT_IS: &str = "";
