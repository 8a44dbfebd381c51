//! Passwords that change, and hashes that are renewed.

use super::*;

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_all_other_sessions() {
    for shop in on_both().await {
        let phone = shop.client.other_user();
        for client in [&shop.client, &phone] {
            sign(client, ANN, PASSWORD).await;
        }
        let change = |old| shop.client.post("/password").form(&[("password", old), ("new", "battery staple")]);
        assert_eq!(change("wrong horse").await.text(), "old_password is wrong");
        assert_eq!(who(&phone).await, ANN);
        assert_eq!(change(PASSWORD).await.text(), "done");
        assert_eq!([who(&shop.client).await, who(&phone).await], [ANN, "nobody"]);
        assert_eq!(sign(&phone, ANN, PASSWORD).await.status(), 422);
        assert_eq!(sign(&phone, ANN, "battery staple").await.text(), "done");
    }
}

#[tokio::test]
async fn a_hash_of_weaker_parameters_is_renewed_at_the_sign_in() {
    for shop in on_both().await {
        let weak = password::cheap(PASSWORD);
        let hash = rows::foobar_accounts::hash;
        shop.db.write(move |conn| rows::set_hash(conn, 1, &weak)).await.unwrap();
        assert_eq!(sign(&shop.client, ANN, PASSWORD).await.text(), "done");
        let kept =
            shop.db.read(move |conn| rows::foobar_accounts::table.select(hash).first::<String>(conn)).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_eq!(sign(&shop.client, ANN, PASSWORD).await.text(), "done");
    }
}

#[tokio::test]
async fn a_hash_that_is_stronger_than_those_of_today_stays_at_the_sign_in() {
    for shop in on_both().await {
        let strong = password::foreign(PASSWORD, 32 * 1024, 3);
        shop.set_hash(strong.clone()).await;
        assert_eq!(sign(&shop.client, ANN, PASSWORD).await.text(), "done");
        assert_eq!(shop.hash().await, strong);
    }
}

impl OnDb {
    async fn set_hash(&self, hash: String) {
        self.db.write(move |conn| rows::set_hash(conn, 1, &hash)).await.unwrap();
    }

    async fn hash(&self) -> String {
        self.db.read(|conn| rows::by_id(conn, 1)).await.unwrap().unwrap().1
    }
}

/// As a sign-in begins it that has held the old password against its hash before the new one was there.
#[tokio::test]
async fn a_session_of_an_old_password_is_nobodys() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        shop.set_hash(Hasher::new(password::COST).hash(PASSWORD).await.unwrap()).await;
        assert_eq!(who(&shop.client).await, "nobody");
        assert_eq!(shop.client.post("/account").await.status(), 401);
        sign(&shop.client, ANN, PASSWORD).await;
        assert_eq!(who(&shop.client).await, ANN);
    }
}

#[tokio::test]
async fn a_hash_that_is_renewed_ends_no_session() {
    for shop in on_both().await {
        let clients = [(); 2].map(|()| shop.client.other_user());
        for client in &clients {
            shop.set_hash(password::cheap(PASSWORD)).await;
            sign(client, ANN, PASSWORD).await;
        }
        assert_ne!(shop.hash().await, password::cheap(PASSWORD));
        assert_eq!([who(&clients[0]).await, who(&clients[1]).await], [ANN, ANN]);
    }
}

#[tokio::test]
async fn a_hash_is_renewed_only_while_the_password_is_the_one_that_was_verified() {
    for shop in on_both().await {
        let hasher = Hasher::new(password::COST);
        let verified = password::cheap(PASSWORD);
        let renewed = hasher.renew(PASSWORD, &verified).await.unwrap();
        let another = hasher.hash("battery staple").await.unwrap();
        for (kept, is_renewed, left) in
            [(&verified, true, &renewed), (&renewed, true, &renewed), (&another, false, &another)]
        {
            shop.set_hash(kept.clone()).await;
            let [known, new] = [&verified, &renewed].map(String::clone);
            let done = shop.db.write(move |conn| rows::renew_hash(conn, 1, &known, &new)).await.unwrap();
            assert_eq!((done, &shop.hash().await), (is_renewed, left), "{kept}");
        }
    }
}

#[tokio::test]
async fn of_two_changes_of_one_password_one_is_refused() {
    for shop in on_both().await {
        let clients = [(); 2].map(|()| shop.client.other_user());
        for client in &clients {
            sign(client, ANN, PASSWORD).await;
        }
        let [one, other] = [(0, "battery staple"), (1, "something else")]
            .map(|(client, new)| clients[client].post("/password").form(&[("password", PASSWORD), ("new", new)]));
        let (one, other) = tokio::join!(async { one.await }, async { other.await });
        let done = [one, other].iter().filter(|answer| answer.text() == "done").count();
        assert_eq!(done, 1);
    }
}

#[tokio::test]
async fn sessions_in_cookies_are_nobodys_after_a_new_password_too() {
    let shop = with(Sessions::in_cookie(), TestDb::sqlite().await).await;
    let phone = shop.client.other_user();
    for client in [&shop.client, &phone] {
        sign(client, ANN, PASSWORD).await;
    }
    let change = shop.client.post("/password").form(&[("password", PASSWORD), ("new", "battery staple")]);
    assert_eq!(change.await.text(), "done");
    assert_eq!([who(&shop.client).await, who(&phone).await], [ANN, "nobody"]);
    shop.ask("reset", ANN).await;
    let answer =
        phone.post(&format!("/reset/{}", shop.next_link().await.0)).form(&[("password", "something else")]).await;
    assert_eq!(answer.text(), "done");
    assert_eq!(who(&shop.client).await, "nobody");
    assert_eq!(sign(&phone, ANN, "something else").await.text(), "done");
}
