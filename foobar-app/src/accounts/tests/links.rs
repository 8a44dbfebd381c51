//! Links for the owner of an address.

use super::*;
use crate::accounts::rows::Purpose;
use crate::session::token;

impl OnDb {
    /// The token of the next link that is sent, and to whom.
    pub(super) async fn next_link(&self) -> (String, String) {
        let mail = self.outbox.next().await;
        (mail.text.rsplit('/').next().unwrap().to_owned(), mail.to)
    }

    pub(super) async fn ask(&self, what: &str, address: &str) {
        assert_eq!(self.client.post(&format!("/ask/{what}")).form(&[("address", address)]).await.text(), "done");
    }

    pub(super) async fn reset(&self, token: &str, password: &str) -> String {
        let answer = self.client.post(&format!("/reset/{token}")).form(&[("password", password)]).await;
        answer.text().to_owned()
    }

    /// In another browser, where Ann signs in, if she can.
    pub(super) async fn confirm(&self, token: &str) -> String {
        let browser = self.client.other_user();
        sign(&browser, ANN, PASSWORD).await;
        browser.post(&format!("/confirm/{token}")).await.text().to_owned()
    }
}

pub(super) const NO_LINK: &str = "token has been used, or is too old: ask for another link";

#[tokio::test]
async fn an_address_is_confirmed_by_a_link_once() {
    for shop in on_both().await {
        shop.ask("1", "").await;
        let (token, to) = shop.next_link().await;
        assert_eq!(to, ANN);
        assert!(!is_confirmed(&shop).await);
        assert_eq!(shop.confirm(&token).await, "done");
        assert!(is_confirmed(&shop).await);
        assert_eq!(shop.confirm(&token).await, NO_LINK);
    }
}

const SIGN_IN_FIRST: &str = "token is of an account that you are not signed in to: sign in first";

/// Whoever has the mail may not be who chose the password.
#[tokio::test]
async fn an_address_is_confirmed_by_whoever_is_signed_in_to_its_account_alone_and_the_link_stays() {
    for shop in on_both().await {
        shop.register("bob@shop.test", PASSWORD).await;
        shop.ask("1", "").await;
        let (token, _) = shop.next_link().await;
        let browser = shop.client.other_user();
        let confirm = async || browser.post(&format!("/confirm/{token}")).await.text().to_owned();
        assert_eq!(confirm().await, SIGN_IN_FIRST);
        sign(&browser, "bob@shop.test", PASSWORD).await;
        assert_eq!(confirm().await, SIGN_IN_FIRST);
        assert!(!is_confirmed(&shop).await);
        sign(&browser, ANN, PASSWORD).await;
        assert_eq!(confirm().await, "done");
        assert!(is_confirmed(&shop).await);
    }
}

#[tokio::test]
async fn the_owner_of_an_address_that_a_stranger_has_registered_gets_the_account_with_nothing_of_the_strangers() {
    for shop in on_both().await {
        let stranger = &shop.client;
        sign(stranger, ANN, PASSWORD).await;
        shop.ask("1", "").await;
        let owner = shop.client.other_user();
        let link = shop.next_link().await.0;
        assert_eq!(owner.post(&format!("/confirm/{link}")).await.text(), SIGN_IN_FIRST);
        shop.ask("reset", ANN).await;
        let link = shop.next_link().await.0;
        let reset = owner.post(&format!("/reset/{link}")).form(&[("password", "battery staple")]);
        assert_eq!(reset.await.text(), "done");
        assert_eq!(who(stranger).await, "nobody");
        assert_eq!(sign(stranger, ANN, PASSWORD).await.status(), 422);
        assert_eq!(sign(&owner, ANN, "battery staple").await.text(), "done");
        assert!(is_confirmed(&shop).await);
    }
}

async fn is_confirmed(shop: &OnDb) -> bool {
    shop.db.read(|conn| rows::by_id(conn, 1)).await.unwrap().unwrap().0.confirmed
}

#[tokio::test]
async fn a_password_is_reset_by_a_link_once_and_all_sessions_end() {
    for shop in on_both().await {
        let thief = shop.client.other_user();
        sign(&thief, ANN, PASSWORD).await;
        shop.ask("reset", " ANN@shop.test").await;
        let (token, _) = shop.next_link().await;
        assert_eq!(shop.reset(&token, "short").await, "password has fewer than 8 characters");
        assert_eq!(shop.reset(&token, "battery staple").await, "done");
        assert_eq!(shop.reset(&token, "again and again").await, NO_LINK);
        assert_eq!(who(&thief).await, "nobody");
        assert_eq!(sign(&thief, ANN, PASSWORD).await.status(), 422);
        assert_eq!(sign(&shop.client, ANN, "battery staple").await.text(), "done");
    }
}

#[tokio::test]
async fn a_link_that_has_expired_is_of_another_purpose_or_was_made_up_is_none() {
    for shop in on_both().await {
        shop.ask("1", "").await;
        let (to_confirm, _) = shop.next_link().await;
        assert_eq!(shop.reset(&to_confirm, "battery staple").await, NO_LINK);
        assert_eq!(shop.reset(&token::generate(), "battery staple").await, NO_LINK);
        assert_eq!(shop.reset("x", "battery staple").await, NO_LINK);
        let ended = rows::foobar_account_links::expires_at.eq(now());
        shop.db
            .write(move |conn| diesel::update(rows::foobar_account_links::table).set(ended).execute(conn))
            .await
            .unwrap();
        assert_eq!(shop.confirm(&to_confirm).await, NO_LINK);
        assert!(!is_confirmed(&shop).await);
    }
}

#[tokio::test]
async fn a_new_password_makes_all_other_links_worthless() {
    for shop in on_both().await {
        shop.ask("reset", ANN).await;
        let (first, _) = shop.next_link().await;
        shop.ask("reset", ANN).await;
        let (second, _) = shop.next_link().await;
        assert_eq!(shop.reset(&second, "battery staple").await, "done");
        assert_eq!(shop.reset(&first, "something else").await, NO_LINK);
    }
}

#[tokio::test]
async fn nothing_is_sent_where_there_is_no_account_and_nobody_learns_of_it() {
    let shop = on(TestDb::sqlite().await).await;
    shop.ask("reset", "bob@shop.test").await;
    shop.ask("reset", "no address\r\n").await;
    assert!(shop.all_that_was_sent().await.is_empty());
}

#[tokio::test]
async fn a_link_without_a_place_for_its_token_is_an_error_and_nothing_is_kept_or_sent() {
    let shop = on(TestDb::sqlite().await).await;
    let (accounts, link) = (shop.accounts(), "https://shop.test/reset?token=");
    let user = accounts.find(1).await.unwrap().unwrap();
    let refused = [accounts.send_reset(ANN, link).await, accounts.send_confirmation(&user, link).await.map(|_sent| ())];
    for error in refused.map(Result::unwrap_err) {
        assert!(error.status() == 500 && error.to_string().contains("lacks `{}`"), "{error}");
    }
    let kept = |conn: &mut Conn| rows::foobar_account_links::table.count().get_result::<i64>(conn);
    assert_eq!(shop.db.read(kept).await.unwrap(), 0);
    assert!(shop.all_that_was_sent().await.is_empty());
}

#[tokio::test]
async fn the_database_has_no_link_only_its_hash() {
    let shop = on(TestDb::sqlite().await).await;
    shop.ask("reset", ANN).await;
    let (token, _) = shop.next_link().await;
    let ids = shop
        .db
        .read(|conn| rows::foobar_account_links::table.select(rows::foobar_account_links::id).load::<Vec<u8>>(conn));
    assert_eq!(ids.await.unwrap(), [token::hash(&token).unwrap()]);
}

#[tokio::test]
async fn messages_go_to_a_file_that_only_its_owner_reads_also_if_it_was_there() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("foobar-mail-{}", token::generate()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("mail.txt");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mailer = FileMailer::new(&path);
    for text in ["one", "two"] {
        let mail = Mail { to: ANN.to_owned(), subject: "Hello".to_owned(), text: text.to_owned() };
        mailer.send(mail).await.unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "To: ann@shop.test\nSubject: Hello\n\none\n\nTo: ann@shop.test\nSubject: Hello\n\ntwo\n\n");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn links_that_have_expired_and_failures_that_count_no_more_are_removed_and_no_others() {
    for shop in on_both().await {
        let context = Context::new(Some((*shop.db).clone()));
        let context = context.with_accounts(Some(AccountOptions::new("/sign-in")), true);
        let accounts = context.accounts().unwrap();
        for (life, client) in [(-1, 1), (1000, 2)] {
            let attempt = Attempt::new(Some([10, 0, 0, client].into()), "bob@shop.test");
            let fill = move |conn: &mut Conn| {
                rows::insert_link(conn, &vec![client; 32], 1, Purpose::Reset, now() + life)?;
                attempt.count(conn, now() + life - throttle::WINDOW)
            };
            shop.db.write(fill).await.unwrap();
        }
        accounts.clear().await.unwrap();
        let left = shop.db.read(|conn| {
            let links = rows::foobar_account_links::table.count().get_result::<i64>(conn)?;
            Ok((links, throttle::foobar_sign_in_failures::table.count().get_result::<i64>(conn)?))
        });
        assert_eq!(left.await.unwrap(), (1, 5), "with those of the day");
    }
}
