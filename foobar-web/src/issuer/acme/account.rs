use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use instant_acme::{Account, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};

use super::external_account;
use super::failure::Failure;
use super::http_client::HttpClient;
use super::record::{check_version, read_if_there};
use super::repeated::repeated;
use crate::AcmeSettings;
use crate::issuer::state_folder::StateFolder;

/// Where the files of this issuer are in the state folder.
pub(super) const FOLDER: &str = "acme";

/// The account at one authority, in its file.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredAccount {
    version: u32,
    /// Of the authority that it is at.
    directory: String,
    /// The hash of its key, by which challenges are answered.
    pub(super) thumbprint: String,
    /// With its key.
    credentials: AccountCredentials,
}

/// What this program writes and reads.
const VERSION: u32 = 1;
/// More bytes than an account takes.
const LENGTH: usize = 4096;

impl StoredAccount {
    /// Each authority has a file of its own, and there each account that the user has had before.
    pub(super) fn path(folder: &StateFolder, acme: &AcmeSettings) -> PathBuf {
        folder.path(FOLDER, &format!("account-{}.json", hash(acme)))
    }

    /// `None` if there is none. One that cannot be read is as one that is not there: another account does as well.
    pub(super) fn read(folder: &StateFolder, acme: &AcmeSettings) -> Result<Option<Self>, Failure> {
        let path = Self::path(folder, acme);
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        check_version(&path, &text, VERSION.into())?;
        match serde_json::from_str::<Self>(&text) {
            Ok(stored) => Ok(Some(stored).filter(|stored| stored.directory == acme.directory)),
            Err(_) => {
                tracing::warn!("{} cannot be read; another account is made", path.display()); // the error may show the key
                Ok(None)
            }
        }
    }

    /// The account, made if there is none and it can be written; `key` is the issuer's.
    pub(super) async fn open(
        folder: &StateFolder,
        key: &str,
        acme: &AcmeSettings,
        client: HttpClient,
    ) -> Result<Account, Failure> {
        let builder = || Account::builder_with_http(Box::new(client.clone()));
        if let Some(stored) = Self::read(folder, acme)? {
            return Ok(builder().from_credentials(stored.credentials).await?);
        }
        let contact: Vec<String> = acme.contact.iter().map(|contact| url(contact)).collect();
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: acme.accept_terms_of_service,
            only_return_existing: false,
        };
        let before = external_account::of(key, acme)?;
        folder.check_room(&Self::path(folder, acme), LENGTH)?;
        let made = repeated!(builder().create(&new, acme.directory.clone(), before.as_ref()));
        let (account, credentials) = made.map_err(|error| refused(&error, key))?;
        Self::new(acme, &account, credentials).write(folder, acme)?;
        Ok(account)
    }

    pub(super) fn new(acme: &AcmeSettings, account: &Account, credentials: AccountCredentials) -> Self {
        let (directory, thumbprint) = (acme.directory.clone(), account.key_thumbprint().to_owned());
        Self { version: VERSION, directory, thumbprint, credentials }
    }

    pub(super) fn write(&self, folder: &StateFolder, acme: &AcmeSettings) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|_| Failure::new("the account cannot be written".to_owned()))?;
        Ok(folder.write(&Self::path(folder, acme), &text)?)
    }

    /// Writes the account that is there as it is.
    pub(super) fn check_writable(folder: &StateFolder, acme: &AcmeSettings) -> Result<(), Failure> {
        Self::read(folder, acme)?.map_or(Ok(()), |stored| stored.write(folder, acme))
    }
}

/// The lock of whoever orders with this account.
pub(super) fn lock(acme: &AcmeSettings) -> String {
    format!("lock-{}", hash(acme))
}

/// Tells the accounts of different authorities apart, and those that the user has had before at one.
pub(super) fn hash(acme: &AcmeSettings) -> String {
    let before = acme.eab_key_id.as_ref().map_or_else(String::new, |id| format!("\n{id}"));
    let hash = digest(&SHA256, format!("{}{before}", acme.directory).as_bytes());
    hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn refused(error: &instant_acme::Error, key: &str) -> Failure {
    let failure = Failure::of(error, &[]);
    if !failure.message.contains(":externalAccountRequired") {
        return failure;
    }
    let what_to_do = format!("write the key that it has given you to `{key}.eab_key_id` and `{key}.eab_hmac_key`");
    Failure { message: format!("{}; {what_to_do}", failure.message), ..failure }
}

fn url(contact: &str) -> String {
    if contact.starts_with("mailto:") { contact.to_owned() } else { format!("mailto:{contact}") }
}
