//! Who fails too often.

use super::throttle::{Costly, PER_CLIENT, PER_CLIENT_AND_ACCOUNT, PER_CLIENT_AND_ACCOUNT_A_DAY};
use super::*;

use crate::session::token;

/// It is hashed for an address that has no account, or one without a password, as for a wrong password: none is faster.
#[tokio::test]
async fn an_unknown_address_takes_a_place_of_the_hasher_as_a_wrong_password_does() {
    for shop in on_both().await {
        shop.accounts().add("owner@shop.test", &[]).await.unwrap().unwrap();
        let places = shop.accounts().shared.hasher.take_all_places();
        for address in NOBODYS {
            let answer = sign(&shop.client, address, "wrong horse").await;
            assert_eq!((answer.status().as_u16(), answer.header("retry-after")), (503, Some("5")), "{address}");
        }
        drop(places);
        assert_eq!(sign(&shop.client, "bob@shop.test", "wrong horse").await.status(), 422);
    }
}

/// By none of them Ann's password is right.
const NOBODYS: [&str; 4] = [ANN, "bob@shop.test", "owner@shop.test", "no address"];

#[tokio::test]
async fn a_hash_for_an_unknown_address_costs_as_much_as_that_of_a_wrong_password() {
    for shop in on_both().await {
        shop.accounts().add("owner@shop.test", &[]).await.unwrap().unwrap();
        let accounts = shop.accounts();
        accounts.shared.hasher.take_costs();
        for address in NOBODYS {
            let answer = sign(&shop.client, address, "wrong horse").await;
            assert_eq!((answer.status().as_u16(), answer.text()), (422, "password or address is wrong"), "{address}");
            assert_eq!(accounts.shared.hasher.take_costs(), [(19 * 1024, 2)], "{address}");
        }
    }
}

/// Else an answer at once would tell that the address has an account.
#[tokio::test]
async fn a_hash_that_cannot_be_used_is_a_wrong_password_and_costs_as_much() {
    for shop in on_both().await {
        let hasher = shop.accounts().shared.hasher.clone();
        for hash in ["$2b$10$abc", "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA"] {
            shop.db.write(move |conn| rows::set_hash(conn, 1, hash)).await.unwrap();
            hasher.take_costs();
            let answer = sign(&shop.client, ANN, PASSWORD).await;
            assert_eq!((answer.status().as_u16(), answer.text()), (422, "password or address is wrong"), "{hash}");
            assert_eq!(hasher.take_costs(), [(19 * 1024, 2)], "{hash}");
        }
    }
}

async fn try_from(client: &Client, address: &str, account: &str, password: &str) -> TestResponse {
    let form = [("address", account), ("password", password)];
    client.post("/sign-in").extension(from(address)).form(&form).await
}

#[tokio::test]
async fn a_client_that_fails_too_often_with_an_account_waits_and_no_other_client_does() {
    for shop in on_both().await {
        for _attempt in 0..PER_CLIENT_AND_ACCOUNT {
            assert_eq!(try_from(&shop.client, "10.0.0.1", ANN, "wrong horse").await.status(), 422);
        }
        let refused = try_from(&shop.client, "10.0.0.1", ANN, PASSWORD).await;
        assert_eq!(refused.status(), 429, "the right password does not help either");
        let seconds: i64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=throttle::WINDOW).contains(&seconds), "{seconds}");
        let forged = shop.client.post("/sign-in").extension(from("10.0.0.1")).header("x-forwarded-for", "10.9.9.9");
        assert_eq!(forged.form(&[("address", ANN), ("password", PASSWORD)]).await.status(), 429);
        assert_eq!(try_from(&shop.client, "10.0.0.2", ANN, PASSWORD).await.text(), "done");
    }
}

#[tokio::test]
async fn a_client_that_tries_many_accounts_waits() {
    let shop = on(TestDb::sqlite().await).await;
    let attempt = |account: i64| Attempt::new(Some([10, 0, 0, 1].into()), &format!("{account}@shop.test"));
    for account in 0..PER_CLIENT {
        let attempt = attempt(account);
        let turn = shop.db.write(move |conn| attempt.count(conn, now())).await.unwrap();
        assert!(matches!(turn, Turn::After(_)), "{account}");
    }
    assert_eq!(try_from(&shop.client, "10.0.0.1", ANN, PASSWORD).await.status(), 429);
}

#[tokio::test]
async fn an_account_that_many_clients_try_is_slow_and_never_closed() {
    for shop in on_both().await {
        let mut turn = Turn::Refused(0);
        for client in 0..30 {
            let attempt = Attempt::new(Some([10, 0, 1, client].into()), ANN);
            turn = shop.db.write(move |conn| attempt.count(conn, now())).await.unwrap();
        }
        assert_eq!(turn, Turn::After(Duration::from_secs(2)));
        assert_eq!(try_from(&shop.client, "10.0.0.1", ANN, PASSWORD).await.text(), "done");
    }
}

#[tokio::test]
async fn failures_are_forgotten_after_their_time_and_by_a_sign_in() {
    for shop in on_both().await {
        let attempt = Attempt::new(Some([10, 0, 0, 1].into()), ANN);
        let count = |at: i64| {
            let attempt = attempt.clone();
            shop.db.write(move |conn| attempt.count(conn, at))
        };
        for _attempt in 0..PER_CLIENT_AND_ACCOUNT {
            count(1000).await.unwrap();
        }
        assert_eq!(count(1001).await.unwrap(), Turn::Refused(throttle::WINDOW - 1));
        assert!(matches!(count(1000 + throttle::WINDOW).await.unwrap(), Turn::After(_)));
        let forgiven = attempt.clone();
        shop.db.write(move |conn| forgiven.forgive(conn)).await.unwrap();
        for _attempt in 0..PER_CLIENT_AND_ACCOUNT {
            assert!(matches!(count(1000 + throttle::WINDOW).await.unwrap(), Turn::After(_)));
        }
    }
}

#[tokio::test]
async fn a_client_that_comes_again_and_again_with_an_account_waits_for_the_day_and_no_other_client_does() {
    for shop in on_both().await {
        let guesses = |conn: &mut Conn| {
            let attempt = Attempt::new(Some([10, 0, 0, 1].into()), ANN);
            (0..PER_CLIENT_AND_ACCOUNT_A_DAY).try_for_each(|number| {
                let at = now() - (PER_CLIENT_AND_ACCOUNT_A_DAY - number) * throttle::WINDOW / 2;
                let turn = attempt.count(conn, at)?;
                assert!(matches!(turn, Turn::After(_)), "{number}: {turn:?}");
                Ok(())
            })
        };
        shop.db.write(guesses).await.unwrap();
        let refused = try_from(&shop.client, "10.0.0.1", ANN, PASSWORD).await;
        let seconds: i64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!(refused.status() == 429 && seconds > throttle::WINDOW, "{seconds}");
        assert_eq!(try_from(&shop.client, "10.0.0.2", ANN, PASSWORD).await.text(), "done");
    }
}

/// As between the two statements that remove it.
#[tokio::test]
async fn a_counter_that_begins_anew_while_those_that_have_ended_are_removed_stays() {
    for shop in on_both().await {
        let attempt = Attempt::new(Some([10, 0, 0, 1].into()), ANN);
        let left = shop.db.write(move |conn| {
            use throttle::foobar_sign_in_failures::{id, table};
            attempt.count(conn, 1000)?;
            let ended: Vec<Vec<u8>> = table.select(id).load(conn)?;
            let then = 1000 + throttle::DAY;
            attempt.count(conn, then)?;
            throttle::remove_ended(conn, ended, then)?;
            table.count().get_result::<i64>(conn)
        });
        assert_eq!(left.await.unwrap(), 4);
    }
}

#[tokio::test]
async fn attempts_at_the_same_moment_are_all_counted() {
    for shop in on_both().await {
        let attempts = (0..12).map(|_| async {
            let attempt = Attempt::new(Some([10, 0, 0, 1].into()), ANN);
            shop.db.write(move |conn| attempt.count(conn, now())).await.unwrap()
        });
        let turns = futures_util::future::join_all(attempts).await;
        let taken = turns.iter().filter(|turn| matches!(turn, Turn::After(_))).count();
        assert_eq!(taken as i64, PER_CLIENT_AND_ACCOUNT);
    }
}

#[tokio::test]
async fn a_client_that_registers_or_resets_too_often_waits_and_no_other_client_does() {
    for shop in on_both().await {
        for path in ["/register", "/ask/reset", "/reset/x"] {
            let ask = |client: &str| {
                let form = [("address", "bob@shop.test"), ("password", PASSWORD)];
                shop.client.post(path).extension(from(client)).form(&form)
            };
            use_up(&shop, path).await;
            let refused = ask("10.0.0.1").await;
            assert_eq!(refused.status(), 429, "{path}");
            assert!(refused.header("retry-after").is_some());
            assert_ne!(ask("10.0.0.2").await.status(), 429, "{path}");
        }
        assert_eq!(
            try_from(&shop.client, "10.0.0.1", ANN, PASSWORD).await.text(),
            "done",
            "each is counted for itself"
        );
    }
}

async fn use_up(shop: &OnDb, path: &str) {
    let costly = match path {
        "/register" => Costly::Register,
        "/ask/reset" => Costly::SendReset,
        _ => Costly::Reset,
    };
    let all = move |conn: &mut Conn| {
        let mut counts = (0..PER_CLIENT).map(|_| costly.count(conn, Some([10, 0, 0, 1].into()), now()));
        counts.try_for_each(|turn| turn.map(|turn| assert!(matches!(turn, Turn::After(_)))))
    };
    shop.db.write(all).await.unwrap();
}

#[tokio::test]
async fn an_address_is_sent_five_messages_in_a_quarter_of_an_hour_whoever_asks() {
    for shop in on_both().await {
        for client in 0..throttle::MAILS + 3 {
            let ask = shop.client.post("/ask/reset").extension(from(&format!("10.0.2.{client}")));
            assert_eq!(ask.form(&[("address", ANN)]).await.text(), "done");
            shop.ask("1", "").await;
        }
        assert_eq!(shop.all_that_was_sent().await, [ANN; throttle::MAILS as usize]);
    }
}

#[tokio::test]
async fn a_48_of_version_6_waits_once_its_networks_have_failed_with_an_account_and_no_other_does() {
    for shop in on_both().await {
        for network in 1..=4 * PER_CLIENT_AND_ACCOUNT {
            let client = format!("2001:db8:1:{network}::1").parse().unwrap();
            let attempt = Attempt::new(Some(client), ANN);
            let turn = shop.db.write(move |conn| attempt.count(conn, now())).await.unwrap();
            assert!(matches!(turn, Turn::After(_)), "{network}");
        }
        assert_eq!(try_from(&shop.client, "[2001:db8:1:ffff::1]", ANN, PASSWORD).await.status(), 429);
        assert_eq!(try_from(&shop.client, "[2001:db8:1:ffff::1]", "bob@shop.test", PASSWORD).await.status(), 422);
        assert_eq!(try_from(&shop.client, "[2001:db8:2:1::1]", ANN, PASSWORD).await.text(), "done");
    }
}

#[tokio::test]
async fn while_too_many_passwords_wait_a_sign_in_is_a_503_and_does_not_count_as_a_failure() {
    for shop in on_both().await {
        let places = shop.accounts().shared.hasher.take_all_places();
        for _attempt in 0..2 * PER_CLIENT_AND_ACCOUNT {
            let busy = try_from(&shop.client, "10.0.0.1", ANN, PASSWORD).await;
            assert_eq!((busy.status().as_u16(), busy.header("retry-after")), (503, Some("5")), "{busy:?}");
        }
        drop(places);
        assert_eq!(try_from(&shop.client, "10.0.0.1", ANN, PASSWORD).await.text(), "done");
    }
}

/// As between the two hashes of one request: the old password, and the new one or the stronger hash.
#[tokio::test]
async fn where_the_second_of_two_hashes_finds_no_place_nothing_is_lost() {
    for shop in on_both().await {
        let (accounts, attempt) = (shop.accounts(), Attempt::new(Some([10, 0, 0, 1].into()), ANN));
        let weak = password::cheap(PASSWORD);
        let places = accounts.shared.hasher.take_all_places();
        assert_eq!(accounts.renew(PASSWORD, &weak).await.unwrap(), None, "the sign-in goes on without");
        for _attempt in 0..2 * PER_CLIENT_AND_ACCOUNT {
            let hashed = accounts.attempt(&attempt, accounts.shared.hasher.hash("battery staple")).await;
            assert_eq!(hashed.unwrap_err().status(), 503, "none of them counts");
        }
        drop(places);
        assert!(accounts.renew(PASSWORD, &weak).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn who_asks_for_a_confirmation_learns_whether_it_was_sent() {
    let shop = on(TestDb::sqlite().await).await;
    let user = shop.accounts().find(1).await.unwrap().unwrap();
    for number in 1..=throttle::MAILS + 1 {
        let sent = shop.accounts().send_confirmation(&user, "https://shop.test/confirm/{}").await.unwrap();
        assert_eq!(sent, number <= throttle::MAILS, "{number}");
    }
}

/// The time that an argon2 of a token takes that nobody has sent would be anybody's to spend.
#[tokio::test]
async fn nothing_is_hashed_for_a_token_that_is_no_link() {
    let shop = on(TestDb::sqlite().await).await;
    let answer = shop.client.post(&format!("/reset-while-busy/{}", token::generate()));
    assert_eq!(answer.form(&[("password", PASSWORD)]).await.status(), 422);
}
