use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::ExternalAccountKey;

use crate::{AcmeSettings, Error};

/// What ties the account to one that the user has at the authority (RFC 8555 §7.3.4); `key` is the issuer's.
pub(super) fn of(key: &str, settings: &AcmeSettings) -> Result<Option<ExternalAccountKey>, Error> {
    let (id, secret) = match (&settings.eab_key_id, &settings.eab_hmac_key) {
        (None, None) => return Ok(None),
        (Some(id), Some(secret)) => (id, secret),
        (Some(_), None) => return Err(alone(key, "eab_hmac_key", "eab_key_id")),
        (None, Some(_)) => return Err(alone(key, "eab_key_id", "eab_hmac_key")),
    };
    match decode(secret.expose()) {
        Some(bytes) => Ok(Some(ExternalAccountKey::new(id.clone(), &bytes))),
        None => {
            let message = "the value is no base64url; write the HMAC key as the authority shows it";
            Err(Error::setting(format!("{key}.eab_hmac_key"), message))
        }
    }
}

fn alone(key: &str, missing: &str, given: &str) -> Error {
    Error::setting(format!("{key}.{missing}"), format!("`{given}` needs this too; the authority gives both"))
}

/// Base64 for URLs, or the other one, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_");
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| !bytes.is_empty()) // the caller says what is wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use foobar_core::Secret;

    fn check(id: Option<&str>, secret: Option<&str>) -> Result<bool, String> {
        let (eab_key_id, eab_hmac_key) = (id.map(str::to_owned), secret.map(Secret::new));
        let settings = AcmeSettings { eab_key_id, eab_hmac_key, ..AcmeSettings::default() };
        of("acme.a", &settings).map(|key| key.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn both_parts_are_needed_and_the_key_is_base64_of_any_kind() {
        assert_eq!((check(None, None), check(Some("id"), Some("aGVsbG8"))), (Ok(false), Ok(true)));
        assert!(check(Some("id"), None).unwrap_err().starts_with("`acme.a.eab_hmac_key`: `eab_key_id` needs"));
        assert!(check(None, Some("aGVsbG8")).unwrap_err().starts_with("`acme.a.eab_key_id`: `eab_hmac_key` needs"));
        for same in ["-_-_", "+/+/", " +/+/ "] {
            assert_eq!(decode(same).unwrap(), [0xfb, 0xff, 0xbf]);
        }
        assert_eq!(decode("aGVsbG8=").unwrap(), b"hello");
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_not_shown() {
        for bad in ["a b", "hunter2!", "====", "a"] {
            let error = check(Some("id"), Some(bad)).unwrap_err();
            assert!(
                error.starts_with("`acme.a.eab_hmac_key`: the value is no base64url") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
