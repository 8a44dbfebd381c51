use instant_acme::Account;

use super::http_client::HttpClient;

/// The chain to this root, if the authority offers it; `client` has just been sent another one.
pub(super) async fn preferred(root: &str, client: &HttpClient, account: &Account) -> Option<String> {
    let sent = client.take_chain()?;
    if sent.ends_at(root) {
        return Some(sent.pem);
    }
    for url in sent.alternates {
        // It is fetched as an order is, and cannot be read as one; the client has seen what it is.
        drop(account.order(url).await);
        if let Some(other) = client.take_chain().filter(|other| other.ends_at(root)) {
            return Some(other.pem);
        }
    }
    None
}
