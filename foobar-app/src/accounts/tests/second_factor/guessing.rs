//! Who tries codes.

use super::*;
use crate::accounts::throttle::{CODES_PER_ACCOUNT, CODES_PER_ACCOUNT_A_DAY, PER_CLIENT_AND_ACCOUNT};

#[tokio::test]
async fn who_fails_too_often_with_codes_waits_and_many_clients_close_an_account_for_a_while() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let browser = shop.client.other_user();
        sign(&browser, ANN, PASSWORD).await;
        let code = |client: &str, code: &str| browser.post("/code").extension(from(client)).form(&[("typed", code)]);
        for _attempt in 0..PER_CLIENT_AND_ACCOUNT {
            assert_eq!(code("10.0.0.1", "000000").await.text(), WRONG);
        }
        let refused = code("10.0.0.1", &shop.next_code(&phone)).await;
        assert!(refused.status() == 429 && refused.header("retry-after").is_some(), "{refused:?}");
        let attempts = move |conn: &mut Conn| {
            let mut clients = (PER_CLIENT_AND_ACCOUNT..CODES_PER_ACCOUNT).map(|client| [10, 0, 1, client as u8]);
            clients.try_for_each(|client| Attempt::of_code(Some(client.into()), 1, false).count(conn, now()).map(drop))
        };
        shop.db.write(attempts).await.unwrap();
        assert_eq!(code("10.0.0.2", &shop.next_code(&phone)).await.status(), 429);
        assert_eq!(
            sign(&shop.client.other_user(), ANN, PASSWORD).await.text(),
            CODE_NEEDED,
            "passwords are counted apart"
        );
    }
}

impl OnDb {
    /// Somebody who knows Ann's password tries as many codes as a day allows, in the hours before now.
    async fn use_up_codes(&self) {
        let attempts = |conn: &mut Conn| {
            (0..CODES_PER_ACCOUNT_A_DAY).try_for_each(|number| {
                let at = now() - (CODES_PER_ACCOUNT_A_DAY - number) * throttle::WINDOW / 2;
                let client = Some([10, 0, 1, number as u8].into());
                let turn = Attempt::of_code(client, 1, false).count(conn, at)?;
                assert!(matches!(turn, Turn::After(_)), "{number}: {turn:?}");
                Ok(())
            })
        };
        self.db.write(attempts).await.unwrap();
    }
}

#[tokio::test]
async fn codes_are_guessed_for_no_longer_than_a_day_allows_and_a_recovery_code_still_lets_the_owner_in() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        shop.use_up_codes().await;
        let browser = shop.client.other_user();
        assert_eq!(sign(&browser, ANN, PASSWORD).await.text(), CODE_NEEDED);
        let code = |typed: &str| browser.post("/code").extension(from("10.0.0.9")).form(&[("typed", typed)]);
        let refused = code(&shop.next_code(&phone)).await;
        assert_eq!(refused.status(), 429);
        let seconds: i64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((throttle::WINDOW..throttle::DAY).contains(&seconds), "{seconds}");
        assert!(refused.text().contains(" hours."), "{}", refused.text());
        assert_eq!(code(&phone.codes[0]).await.text(), "done");
        let later = |conn: &mut Conn| Attempt::of_code(None, 1, false).count(conn, now() + throttle::DAY);
        assert!(matches!(shop.db.write(later).await.unwrap(), Turn::After(_)), "another day");
    }
}

#[tokio::test]
async fn another_password_ends_the_wait_for_codes_that_somebody_with_the_one_before_has_caused() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        shop.use_up_codes().await;
        let change = shop.client.post("/password").form(&[("password", PASSWORD), ("new", "battery staple")]);
        assert_eq!(change.await.text(), "done");
        let browser = shop.client.other_user();
        assert_eq!(sign(&browser, ANN, "battery staple").await.text(), CODE_NEEDED);
        assert_eq!(send(&browser, "/code", &shop.next_code(&phone)).await, "done");
    }
}

#[tokio::test]
async fn who_has_only_a_session_uses_up_no_codes_of_a_sign_in() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let attempts = |conn: &mut Conn| {
            let mut clients = (0..CODES_PER_ACCOUNT).map(|client| [10, 0, 1, client as u8]);
            clients.try_for_each(|client| Attempt::of_proof(Some(client.into()), 1).count(conn, now()).map(drop))
        };
        shop.db.write(attempts).await.unwrap();
        let form = [("typed", PASSWORD)];
        assert_eq!(shop.client.post("/totp/disable").form(&form).await.status(), 429);
        assert_eq!(sign_in_by(&shop, &phone).await, "done");
    }
}
