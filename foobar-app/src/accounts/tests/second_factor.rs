//! The second factor: codes of an authenticator app, and recovery codes.

mod guessing;

use super::*;
use crate::accounts::second_factor::{base32, rows as factors, totp};

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/totp/enrol", web::post().to(enrol))
        .route("/totp/activate", web::post().to(activate))
        .route("/totp/disable", web::post().to(disable))
        .route("/totp/codes", web::post().to(renew))
        .route("/totp/left", web::get().to(left))
        .route("/basket", web::post().to(fill))
        .route("/basket", web::get().to(basket))
        .route("/code", web::post().to(finish));
}

#[derive(serde::Deserialize)]
struct Typed {
    typed: String,
}

async fn enrol(accounts: Accounts, user: User, form: web::Form<Typed>) -> Result<HttpResponse, Error> {
    Ok(match accounts.enrol_totp(&user, &form.typed, "The Shop").await? {
        Ok(enrolment) => HttpResponse::Ok().body(format!("{} {}", enrolment.secret, enrolment.uri)),
        refused => answer(&refused),
    })
}

async fn activate(accounts: Accounts, user: User, form: web::Form<Typed>) -> Result<HttpResponse, Error> {
    Ok(shown(accounts.activate_totp(&user, &form.typed).await?))
}

async fn renew(accounts: Accounts, user: User, form: web::Form<Typed>) -> Result<HttpResponse, Error> {
    Ok(shown(accounts.renew_recovery_codes(&user, &form.typed).await?))
}

fn shown(codes: Result<Vec<String>, Refusal>) -> HttpResponse {
    codes.map_or_else(|refusal| answer(&Err::<(), _>(refusal)), |codes| HttpResponse::Ok().body(codes.join("\n")))
}

async fn disable(accounts: Accounts, user: User, form: web::Form<Typed>) -> Result<HttpResponse, Error> {
    Ok(answer(&accounts.disable_totp(&user, &form.typed).await?))
}

async fn left(accounts: Accounts, user: User) -> Result<String, Error> {
    Ok(format!("{:?}", accounts.recovery_codes_left(&user).await?))
}

async fn fill(session: Session) -> Result<&'static str, Error> {
    session.insert("basket", "tea")?;
    Ok("done")
}

async fn basket(session: Session) -> Result<String, Error> {
    Ok(format!("{:?}", session.get::<String>("basket")?))
}

async fn finish(accounts: Accounts, session: Session, form: web::Form<Typed>) -> Result<HttpResponse, Error> {
    Ok(answer(&accounts.finish_sign_in(&session, &form.typed).await?))
}

const CODE_NEEDED: &str = "code of your authenticator app is needed";
const WRONG: &str = "code is wrong, or has been used";
const TOO_LATE: &str = "code comes too late: sign in again";

pub(super) async fn send(client: &Client, path: &str, typed: &str) -> String {
    client.post(path).form(&[("typed", typed)]).await.text().to_owned()
}

/// What Ann's phone knows, and her recovery codes.
pub(super) struct Phone {
    secret: Vec<u8>,
    pub(super) codes: Vec<String>,
}

impl OnDb {
    /// Ann, signed in, turns it on.
    pub(super) async fn enrol(&self) -> Phone {
        sign(&self.client, ANN, PASSWORD).await;
        let given = send(&self.client, "/totp/enrol", PASSWORD).await;
        let secret = base32::decode(given.split(' ').next().unwrap()).unwrap();
        let codes = send(&self.client, "/totp/activate", &self.code(&secret)).await;
        Phone { secret, codes: codes.lines().map(str::to_owned).collect() }
    }

    fn code(&self, secret: &[u8]) -> String {
        totp::code(secret, totp::step(self.time.load(Relaxed)))
    }

    /// The code of the step after this one: no other has been used then.
    fn next_code(&self, phone: &Phone) -> String {
        self.later(30);
        self.code(&phone.secret)
    }

    /// That of the secret that is kept.
    pub(super) async fn code_of_secret(&self) -> String {
        let kept = kept(self).await;
        self.code(&self.accounts().vault().open(&kept).unwrap())
    }

    /// As a reload of the configuration does.
    fn take_keys(&self, keys: &[&str]) {
        let context = self.runtime.instance.context.get().with_settings(keyed(keys));
        self.runtime.configure(&context, &AppSettings::default());
    }

    fn later(&self, seconds: i64) {
        self.time.fetch_add(seconds, Relaxed);
    }
}

#[tokio::test]
async fn a_user_with_a_second_factor_is_signed_in_by_the_code_and_not_before() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let browser = shop.client.other_user();
        assert_eq!(sign(&browser, ANN, PASSWORD).await.text(), CODE_NEEDED);
        assert_eq!(who(&browser).await, "nobody");
        assert_eq!(browser.get("/session").await.text(), "None");
        assert_eq!(browser.post("/account").await.status(), 401);
        let planted = browser.cookie("session").unwrap();
        assert_eq!(send(&browser, "/code", "000000").await, WRONG);
        assert_eq!(send(&browser, "/code", &shop.next_code(&phone)).await, "done");
        assert_eq!(who(&browser).await, ANN);
        assert_ne!(browser.cookie("session").unwrap(), planted, "the session goes on under a new token");
    }
}

#[tokio::test]
async fn the_session_goes_on_under_a_new_token_when_the_password_was_right_and_nobody_is_signed_in_then() {
    for shop in on_both().await {
        shop.enrol().await;
        let before = shop.client.cookie("session").unwrap();
        assert_eq!(who(&shop.client).await, ANN);
        assert_eq!(sign(&shop.client, ANN, PASSWORD).await.text(), CODE_NEEDED);
        assert_ne!(shop.client.cookie("session").unwrap(), before);
        assert_eq!(who(&shop.client).await, "nobody");
    }
}

#[tokio::test]
async fn who_signs_in_by_a_code_after_somebody_else_in_the_same_browser_finds_nothing_of_theirs() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        shop.register("bob@shop.test", PASSWORD).await;
        let browser = shop.client.other_user();
        sign(&browser, "bob@shop.test", PASSWORD).await;
        browser.post("/basket").await;
        assert_eq!(sign(&browser, ANN, PASSWORD).await.text(), CODE_NEEDED);
        assert_eq!(browser.get("/basket").await.text(), "None");
        browser.post("/basket").await;
        assert_eq!(send(&browser, "/code", &shop.next_code(&phone)).await, "done");
        assert_eq!(browser.get("/basket").await.text(), "Some(\"tea\")", "she has put it in herself");
        assert_eq!(sign(&browser, ANN, PASSWORD).await.text(), CODE_NEEDED);
        sign(&browser, "bob@shop.test", PASSWORD).await;
        assert_eq!(browser.get("/basket").await.text(), "None", "nor after a sign-in that has ended half-way");
    }
}

#[tokio::test]
async fn nothing_is_asked_for_until_a_first_code_was_right() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        assert_eq!(send(&shop.client, "/totp/enrol", "wrong horse").await, "password is wrong");
        assert_eq!(
            send(&shop.client, "/totp/activate", "123456").await.split(':').next(),
            Some("code is of no secret that was given")
        );
        let given = send(&shop.client, "/totp/enrol", PASSWORD).await;
        assert!(given.contains(" otpauth://totp/The%20Shop:ann@shop.test?secret="), "{given}");
        let again = send(&shop.client, "/totp/enrol", PASSWORD).await;
        let [first, second] = [&given, &again].map(|given| base32::decode(given.split(' ').next().unwrap()).unwrap());
        assert_ne!(first, second);
        assert_eq!(send(&shop.client, "/totp/activate", &shop.code(&first)).await, WRONG, "it has been replaced");
        assert_eq!(sign(&shop.client, ANN, PASSWORD).await.text(), "done");
        assert_eq!(shop.client.get("/totp/left").await.text(), "None");
        assert_eq!(send(&shop.client, "/totp/codes", PASSWORD).await, "code is not asked for: turn that on first");
        assert_eq!(send(&shop.client, "/totp/activate", &shop.code(&second)).await.lines().count(), 10);
        assert_eq!(sign(&shop.client, ANN, PASSWORD).await.text(), CODE_NEEDED);
    }
}

#[tokio::test]
async fn a_second_factor_that_is_on_is_not_replaced() {
    for shop in on_both().await {
        shop.enrol().await;
        let answer = send(&shop.client, "/totp/enrol", PASSWORD).await;
        assert_eq!(answer, "code is asked for already: turn that off first");
    }
}

#[tokio::test]
async fn a_code_works_once_and_those_before_it_no_more() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let [one, other] = [(); 2].map(|()| shop.client.other_user());
        for client in [&one, &other] {
            sign(client, ANN, PASSWORD).await;
        }
        assert_eq!(send(&one, "/code", &shop.code(&phone.secret)).await, WRONG, "it has turned the factor on");
        let (earlier, code) = (shop.next_code(&phone), shop.next_code(&phone));
        let both = tokio::join!(send(&one, "/code", &code), send(&other, "/code", &code));
        assert!(both == ("done".into(), WRONG.into()) || both == (WRONG.into(), "done".into()), "{both:?}");
        let third = shop.client.other_user();
        sign(&third, ANN, PASSWORD).await;
        assert_eq!(send(&third, "/code", &earlier).await, WRONG);
    }
}

#[tokio::test]
async fn a_code_is_waited_for_ten_minutes() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let browser = shop.client.other_user();
        assert_eq!(send(&browser, "/code", &shop.next_code(&phone)).await, TOO_LATE, "there was no password");
        sign(&browser, ANN, PASSWORD).await;
        shop.later(600);
        assert_eq!(send(&browser, "/code", &shop.next_code(&phone)).await, TOO_LATE);
        assert_eq!(who(&browser).await, "nobody");
    }
}

#[tokio::test]
async fn a_sign_in_that_has_begun_ends_with_another_password() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let thief = shop.client.other_user();
        sign(&thief, ANN, PASSWORD).await;
        let change = shop.client.post("/password").form(&[("password", PASSWORD), ("new", "battery staple")]);
        assert_eq!(change.await.text(), "done");
        assert_eq!(send(&thief, "/code", &shop.next_code(&phone)).await, TOO_LATE);
        assert_eq!(who(&thief).await, "nobody");
    }
}

#[tokio::test]
async fn a_new_password_by_a_link_leaves_the_second_factor_on() {
    for shop in on_both().await {
        shop.ask("1", "").await;
        shop.confirm(&shop.next_link().await.0).await;
        shop.enrol().await;
        shop.ask("reset", ANN).await;
        assert_eq!(shop.reset(&shop.next_link().await.0, "battery staple").await, "done");
        assert_eq!(sign(&shop.client, ANN, "battery staple").await.text(), CODE_NEEDED);
    }
}

#[tokio::test]
async fn the_second_factor_of_whoever_registered_a_foreign_address_ends_when_its_owner_gets_a_link() {
    for shop in on_both().await {
        shop.enrol().await;
        shop.ask("reset", ANN).await;
        assert_eq!(shop.reset(&shop.next_link().await.0, "battery staple").await, "done");
        assert_eq!(sign(&shop.client.other_user(), ANN, "battery staple").await.text(), "done");
    }
}

#[tokio::test]
async fn each_recovery_code_works_once_and_is_kept_as_a_hash() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        assert_eq!(phone.codes.len(), 10);
        for expected in ["done", WRONG] {
            let browser = shop.client.other_user();
            sign(&browser, ANN, PASSWORD).await;
            assert_eq!(send(&browser, "/code", &phone.codes[3].to_uppercase()).await, expected);
        }
        assert_eq!(shop.client.get("/totp/left").await.text(), "Some(9)");
        let kept: Vec<Vec<u8>> = shop
            .db
            .read(|conn| factors::foobar_recovery_codes::table.select(factors::foobar_recovery_codes::id).load(conn))
            .await
            .unwrap();
        assert!(kept.iter().all(|id| id.len() == 32), "{kept:?}");
    }
}

#[tokio::test]
async fn recovery_codes_are_renewed_by_the_password_or_a_code_and_the_old_ones_are_worthless() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        assert_eq!(send(&shop.client, "/totp/codes", "wrong horse").await, "code or password is wrong");
        let new = send(&shop.client, "/totp/codes", &phone.codes[0]).await;
        assert_eq!(new.lines().count(), 10, "{new}");
        assert_eq!(send(&shop.client, "/totp/codes", &phone.codes[1]).await, "code or password is wrong");
        assert_eq!(send(&shop.client, "/totp/codes", PASSWORD).await.lines().count(), 10);
    }
}

#[tokio::test]
async fn it_is_turned_off_by_the_password_or_a_code_and_nothing_else() {
    for shop in on_both().await {
        let mut phone = shop.enrol().await;
        for proof in ["code", "recovery", PASSWORD] {
            assert_eq!(send(&shop.client, "/totp/disable", "wrong horse").await, "code or password is wrong");
            let proof = match proof {
                "code" => shop.next_code(&phone),
                "recovery" => phone.codes[0].clone(),
                password => password.to_owned(),
            };
            assert_eq!(send(&shop.client, "/totp/disable", &proof).await, "done");
            assert_eq!(shop.client.get("/totp/left").await.text(), "None");
            assert_eq!(sign(&shop.client, ANN, PASSWORD).await.text(), "done");
            phone = shop.enrol().await;
        }
    }
}

#[tokio::test]
async fn the_second_factor_of_whoever_registered_a_foreign_address_goes_with_the_account() {
    for shop in on_both().await {
        shop.enrol().await;
        shop.client.other_user().post("/add").form(&[("address", ANN)]).await;
        assert!(shop.db.read(|conn| factors::find(conn, 1)).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn it_works_with_sessions_in_cookies_too_and_a_cookie_that_is_replayed_takes_no_code_twice() {
    let shop = with(Sessions::in_cookie(), TestDb::sqlite().await).await;
    let phone = shop.enrol().await;
    let browser = shop.client.other_user();
    sign(&browser, ANN, PASSWORD).await;
    let (begun, code) = (browser.cookie("session").unwrap(), shop.next_code(&phone));
    assert_eq!(send(&browser, "/code", &code).await, "done");
    browser.set_cookie(&format!("session={begun}; Path=/"));
    assert_eq!(send(&browser, "/code", &code).await, WRONG);
    assert_eq!(who(&browser).await, "nobody");
}

async fn kept(shop: &OnDb) -> factors::Kept {
    shop.db.read(|conn| factors::find(conn, 1)).await.unwrap().unwrap()
}

async fn sign_in_by(shop: &OnDb, phone: &Phone) -> String {
    let browser = shop.client.other_user();
    sign(&browser, ANN, PASSWORD).await;
    send(&browser, "/code", &shop.next_code(phone)).await
}

/// The shop again, with other keys.
async fn again(shop: OnDb, keys: &[&str]) -> OnDb {
    let OnDb { db, time, .. } = shop;
    let again = under(keys, Sessions::in_database(), db).await;
    again.time.store(time.load(Relaxed), Relaxed);
    again
}

#[tokio::test]
async fn the_secret_is_encrypted_by_the_first_key_and_follows_a_change_of_keys() {
    const NEW: &str = "another key of more than 32 characters";
    for db in [TestDb::sqlite().await, TestDb::mysql().await] {
        let shop = under(&[], Sessions::in_database(), db).await;
        let phone = shop.enrol().await;
        assert_eq!(kept(&shop).await.secret, phone.secret, "without a key it is kept as it is");
        let mut shop = shop;
        for keys in [&[KEY][..], &[NEW, KEY], &[NEW]] {
            shop = again(shop, keys).await;
            shop.accounts().clear().await.unwrap();
            let kept = kept(&shop).await;
            assert!(!kept.sealed_by.is_empty() && !kept.secret.windows(4).any(|four| phone.secret.starts_with(four)));
            assert_eq!(sign_in_by(&shop, &phone).await, "done", "{keys:?}");
        }
        let shop = again(shop, &[KEY]).await;
        assert_ne!(sign_in_by(&shop, &phone).await, "done", "its key is gone");
        let browser = shop.client.other_user();
        sign(&browser, ANN, PASSWORD).await;
        assert_eq!(send(&browser, "/code", &phone.codes[0]).await, "done", "a recovery code needs no key");
        assert_eq!(send(&browser, "/totp/disable", PASSWORD).await, "done", "and neither does the password");
    }
}

#[tokio::test]
async fn the_keys_may_change_while_it_serves() {
    const NEW: &str = "another key of more than 32 characters";
    for shop in on_both().await {
        let (phone, before) = (shop.enrol().await, kept(&shop).await.sealed_by);
        shop.take_keys(&[NEW, KEY]);
        assert_eq!(sign_in_by(&shop, &phone).await, "done", "the old key still opens it");
        shop.accounts().clear().await.unwrap();
        assert_ne!(kept(&shop).await.sealed_by, before);
        shop.take_keys(&[NEW]);
        assert_eq!(sign_in_by(&shop, &phone).await, "done", "the new key has encrypted it");
        shop.take_keys(&[KEY]);
        assert_ne!(sign_in_by(&shop, &phone).await, "done", "its key is gone");
    }
}

/// As many rows that do not open as one batch takes, before Ann's.
async fn add_forged(shop: &OnDb) {
    let sealed_by = kept(shop).await.sealed_by;
    let fill = move |conn: &mut Conn| {
        (1..=BATCH as i64).try_for_each(|account| {
            let forged =
                factors::Kept { account_id: -account, secret: vec![7; 60], sealed_by: sealed_by.clone(), active: true };
            factors::begin(conn, &forged).map(drop)
        })
    };
    shop.db.write(fill).await.unwrap();
}

#[tokio::test]
async fn neither_secrets_that_do_not_open_nor_a_key_given_twice_stop_a_change_of_keys() {
    const NEW: &str = "another key of more than 32 characters";
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let before = kept(&shop).await.sealed_by;
        add_forged(&shop).await;
        let shop = again(shop, &[KEY, KEY]).await;
        tokio::time::timeout(PATIENCE, shop.accounts().clear()).await.expect("it ends").unwrap();
        let shop = again(shop, &[NEW, KEY]).await;
        shop.accounts().clear().await.unwrap();
        assert_ne!(kept(&shop).await.sealed_by, before);
        let shop = again(shop, &[NEW]).await;
        assert_eq!(sign_in_by(&shop, &phone).await, "done");
    }
}

#[tokio::test]
async fn a_secret_that_is_moved_to_another_account_opens_nothing() {
    let shop = on(TestDb::sqlite().await).await;
    let phone = shop.enrol().await;
    shop.register("bob@shop.test", PASSWORD).await;
    shop.db
        .write(|conn| diesel::sql_query("UPDATE foobar_second_factors SET account_id = 2").execute(conn))
        .await
        .unwrap();
    let browser = shop.client.other_user();
    assert_eq!(sign(&browser, "bob@shop.test", PASSWORD).await.text(), CODE_NEEDED);
    let answer = browser.post("/code").form(&[("typed", &shop.next_code(&phone))]).await;
    assert_eq!(answer.status(), 500);
}

#[test]
fn what_an_app_is_given_is_in_no_log() {
    let enrolment = TotpEnrolment { secret: "GEZDGNBV".into(), uri: "otpauth://totp/x?secret=GEZDGNBV".into() };
    assert!(!format!("{enrolment:?}").contains("GEZD"));
    let kept = factors::Kept { account_id: 1, secret: vec![77, 78], sealed_by: String::new(), active: true };
    assert!(!format!("{kept:?}").contains("77"));
}
