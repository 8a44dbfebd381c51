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

/// Whoever reads the owner's mail gets a link as often as there is one.
#[tokio::test]
async fn a_new_password_by_a_link_gives_no_more_codes_and_a_recovery_code_still_lets_the_owner_in() {
    for shop in on_both().await {
        shop.ask("1", "").await;
        shop.confirm(&shop.next_link().await.0).await;
        let phone = shop.enrol().await;
        shop.use_up_codes().await;
        shop.ask("reset", ANN).await;
        assert_eq!(shop.reset(&shop.next_link().await.0, "battery staple").await, "done");
        let browser = shop.client.other_user();
        assert_eq!(sign(&browser, ANN, "battery staple").await.text(), CODE_NEEDED);
        let code = browser.post("/code").form(&[("typed", &shop.next_code(&phone))]);
        assert_eq!(code.await.status(), 429);
        assert_eq!(send(&browser, "/code", &phone.codes[0]).await, "done");
    }
}

#[tokio::test]
async fn who_goes_on_and_on_trying_codes_keeps_the_owner_with_a_recovery_code_out_at_no_time() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let flood = |conn: &mut Conn| {
            let client = |number: i64| Some([10, 0, 1, number as u8].into());
            for number in 0..=CODES_PER_ACCOUNT {
                let of_app = Attempt::of_code(client(number), 1, false).count(conn, now())?;
                assert_eq!(matches!(of_app, Turn::After(_)), number < CODES_PER_ACCOUNT, "{number}");
            }
            for number in 0..2 {
                Attempt::of_code(client(number), 1, true).count(conn, now())?;
            }
            Ok(())
        };
        shop.db.write(flood).await.unwrap();
        let browser = shop.client.other_user();
        sign(&browser, ANN, PASSWORD).await;
        assert_eq!(send(&browser, "/code", &phone.codes[0]).await, "done");
        let recovery = |conn: &mut Conn| {
            let mut turn = Turn::Refused(0);
            for number in 0..=CODES_PER_ACCOUNT_A_DAY {
                turn = Attempt::of_code(Some([10, 0, 2, number as u8].into()), 1, true).count(conn, now())?;
            }
            Ok(turn)
        };
        assert!(matches!(shop.db.write(recovery).await.unwrap(), Turn::After(_)), "and many of those close nothing");
    }
}

/// Else whoever goes on would use up the day without one guess.
#[tokio::test]
async fn a_code_that_is_refused_since_many_were_wrong_lately_uses_up_none_of_the_day() {
    for shop in on_both().await {
        let flood = |conn: &mut Conn| {
            for number in 0..3 * CODES_PER_ACCOUNT {
                Attempt::of_code(Some([10, 0, 1, number as u8].into()), 1, false).count(conn, now())?;
            }
            Attempt::of_code(None, 1, false).count(conn, now() + throttle::WINDOW)
        };
        let turn = shop.db.write(flood).await.unwrap();
        assert!(matches!(turn, Turn::After(_)), "{turn:?}");
    }
}

/// As whoever has only a session tries as often as a day allows to turn the second factor off, in the hours before now.
async fn use_up_proofs(shop: &OnDb) {
    let attempts = |conn: &mut Conn| {
        diesel::delete(throttle::foobar_sign_in_failures::table).execute(conn)?; // those of now
        (0..CODES_PER_ACCOUNT_A_DAY).try_for_each(|number| {
            let at = now() - (CODES_PER_ACCOUNT_A_DAY - number) * throttle::WINDOW / 2;
            let turn = Attempt::of_proof(Some([10, 0, 1, number as u8].into()), 1).count(conn, at)?;
            assert!(matches!(turn, Turn::After(_)), "{number}: {turn:?}");
            Ok(())
        })
    };
    shop.db.write(attempts).await.unwrap();
}

#[tokio::test]
async fn who_changes_the_password_of_a_stolen_session_turns_the_second_factor_off_on_the_same_day() {
    for shop in on_both().await {
        shop.enrol().await;
        use_up_proofs(&shop).await;
        let disable = |password: &str| shop.client.post("/totp/disable").form(&[("typed", password)]);
        assert_eq!(disable(PASSWORD).await.status(), 429);
        let change = shop.client.post("/password").form(&[("password", PASSWORD), ("new", "battery staple")]);
        assert_eq!(change.await.text(), "done");
        assert_eq!(disable("battery staple").await.text(), "done");
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

#[tokio::test]
async fn who_has_only_a_session_uses_up_no_sign_ins_by_guessing_the_password_for_a_second_factor() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        for _attempt in 0..PER_CLIENT_AND_ACCOUNT {
            assert_eq!(send(&shop.client, "/totp/enrol", "wrong horse").await, "password is wrong");
        }
        let refused = shop.client.post("/totp/enrol").form(&[("typed", PASSWORD)]).await;
        assert_eq!((refused.status().as_u16(), refused.header("retry-after").is_some()), (429, true));
        assert_eq!(sign(&shop.client.other_user(), ANN, PASSWORD).await.text(), "done");
    }
}

/// It is compared before a password would be hashed, so it is tried whether or not there is a place for one.
#[tokio::test]
async fn while_too_many_passwords_wait_a_wrong_code_counts_all_the_same() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let places = shop.accounts().shared.hasher.take_all_places();
        for _attempt in 0..PER_CLIENT_AND_ACCOUNT {
            assert_eq!(send(&shop.client, "/totp/disable", "000000").await, "code or password is wrong");
        }
        drop(places);
        let right = shop.client.post("/totp/disable").form(&[("typed", &*shop.next_code(&phone))]).await;
        assert_eq!(right.status(), 429);
    }
}
