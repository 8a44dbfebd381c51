//! Sessions in the cookie itself.

use super::*;
use foobar_core::List;

const OLD: &str = "an old key of more than 32 characters";
const NEW: &str = "a new key, and of more than 32 characters";

async fn client(keys: &[&str]) -> Client {
    let keys: List<Secret> = keys.iter().copied().map(Secret::new).collect();
    let context = Context::new(None).with_settings(SessionSettings { keys, ..SessionSettings::default() });
    Client::of(Arc::new(Runtime::with_context(Shop(Sessions::in_cookie()), context, &AppSettings::default()))).await
}

#[tokio::test]
async fn what_is_put_in_comes_back_by_the_cookie_and_cannot_be_read_there() {
    let client = client(&[NEW]).await;
    client.post("/put/name/Ann").await;
    client.post("/sign-in/7").await;
    assert_eq!(look_at(&client).await, r#"7 name="Ann""#);
    let token = client.cookie("session").unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, token).unwrap();
    assert!(!bytes.windows(3).any(|three| three == b"Ann"));
    client.post("/purge").await;
    assert_eq!(client.cookie("session"), None);
}

#[tokio::test]
async fn a_cookie_with_any_byte_changed_is_that_of_a_new_visitor() {
    let client = client(&[NEW]).await;
    client.post("/put/a/b").await;
    let token = client.cookie("session").unwrap();
    for place in 0..token.len() {
        let mut forged = token.clone().into_bytes();
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        let answer = client.get("/look").header("cookie", &format!("session={forged}")).await;
        assert_eq!((answer.status().as_u16(), answer.text().trim()), (200, "0"), "{place}");
    }
    for cut in [0, 1, 11, 12, 13, 27, 28, 29, token.len() - 1] {
        let answer = client.get("/look").header("cookie", &format!("session={}", &token[..cut])).await;
        assert_eq!(answer.text().trim(), "0", "{cut}");
    }
}

#[tokio::test]
async fn a_new_key_in_front_still_reads_what_the_old_one_has_encrypted_and_without_the_old_one_nothing() {
    let old = client(&[OLD]).await;
    old.post("/put/a/b").await;
    let cookie = format!("session={}", old.cookie("session").unwrap());
    for (keys, expected) in [(&[NEW, OLD][..], r#"0 a="b""#), (&[NEW], "0")] {
        assert_eq!(client(keys).await.get("/look").header("cookie", &cookie).await.text().trim(), expected);
    }
    let both = client(&[NEW, OLD]).await;
    both.set_cookie(&format!("{cookie}; Path=/"));
    both.post("/put/c/d").await;
    let renewed = format!("session={}", both.cookie("session").unwrap());
    assert_eq!(client(&[NEW]).await.get("/look").header("cookie", &renewed).await.text().trim(), r#"0 a="b" c="d""#);
}

#[tokio::test]
async fn a_session_that_does_not_fit_is_an_error_and_the_old_one_stays() {
    let client = client(&[NEW]).await;
    client.post("/put/a/b").await;
    assert_eq!(client.post(&format!("/put/large/{}", "x".repeat(4000))).await.status(), 500);
    assert_eq!(look_at(&client).await, r#"0 a="b""#);
}

#[tokio::test]
async fn signing_out_everywhere_is_an_error() {
    let client = client(&[NEW]).await;
    client.post("/sign-in/7").await;
    assert_eq!(client.post("/end-others").await.status(), 500);
}

#[test]
fn a_key_that_is_missing_or_short_is_refused() {
    let check = |keys: &[&str]| {
        let keys: List<Secret> = keys.iter().copied().map(Secret::new).collect();
        Sessions::in_cookie().check(&SessionSettings { keys, ..SessionSettings::default() })
    };
    assert_eq!(check(&[]), Err(KeyError::Missing));
    assert_eq!(check(&[NEW, "short"]), Err(KeyError::Short(2)));
    assert_eq!(check(&[NEW, OLD]), Ok(()));
}
