use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use instant_acme::{Account, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::http_client::HttpClient;
use super::record::{check_version, read_if_there};
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

impl StoredAccount {
    /// Each authority has a file of its own.
    pub(super) fn path(folder: &StateFolder, directory: &str) -> PathBuf {
        let hash = digest(&SHA256, directory.as_bytes());
        let hash: String = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        folder.path(FOLDER, &format!("account-{hash}.json"))
    }

    /// `None` if there is none. One that cannot be read is as one that is not there: another account does as well.
    pub(super) fn read(folder: &StateFolder, directory: &str) -> Result<Option<Self>, Failure> {
        let path = Self::path(folder, directory);
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        check_version(&path, &text, VERSION.into())?;
        match serde_json::from_str::<Self>(&text) {
            Ok(stored) => Ok(Some(stored).filter(|stored| stored.directory == directory)),
            Err(_) => {
                tracing::warn!("{} cannot be read; another account is made", path.display()); // the error may show the key
                Ok(None)
            }
        }
    }

    /// The account, made if there is none.
    pub(super) async fn open(
        folder: &StateFolder,
        acme: &AcmeSettings,
        client: HttpClient,
    ) -> Result<Account, Failure> {
        let builder = Account::builder_with_http(Box::new(client));
        if let Some(stored) = Self::read(folder, &acme.directory)? {
            return Ok(builder.from_credentials(stored.credentials).await?);
        }
        let contact: Vec<String> = acme.contact.iter().map(|contact| url(contact)).collect();
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: acme.accept_terms_of_service,
            only_return_existing: false,
        };
        let (account, credentials) = builder.create(&new, acme.directory.clone(), None).await?;
        let (directory, thumbprint) = (acme.directory.clone(), account.key_thumbprint().to_owned());
        let stored = Self { version: VERSION, directory, thumbprint, credentials };
        let text = serde_json::to_string_pretty(&stored)
            .map_err(|_| Failure::new("the account cannot be written".to_owned()))?;
        folder.write(&Self::path(folder, &acme.directory), &text)?;
        Ok(account)
    }
}

fn url(contact: &str) -> String {
    if contact.starts_with("mailto:") { contact.to_owned() } else { format!("mailto:{contact}") }
}
