//! A database that fails in the middle of an attempt: nobody has guessed, and nobody waits for it later.

use super::attempts::was_no_attempt;
use super::second_factor::send;
use super::throttle::PER_CLIENT_AND_ACCOUNT;
use super::*;

impl OnDb {
    /// Sends a form as often as it may fail, while the database refuses such statements.
    async fn fail(&self, client: &Client, statement: &str, path: &str, form: &[(&str, &str)]) {
        self.refuse(statement).await;
        for _attempt in 0..PER_CLIENT_AND_ACCOUNT {
            let answer = client.post(path).form(form).await;
            assert_eq!(answer.status(), 500, "{path}: {}", answer.text());
        }
        self.refuse_nothing().await;
    }
}

#[tokio::test]
async fn a_sign_in_that_the_database_fails_counts_as_no_failure() {
    for shop in on_both().await {
        let form = [("address", ANN), ("password", PASSWORD)];
        shop.fail(&shop.client, "INSERT ON foobar_sessions", "/sign-in", &form).await;
        assert_eq!(sign(&shop.client, ANN, PASSWORD).await.text(), "done");
    }
}

#[tokio::test]
async fn a_change_of_the_password_that_the_database_fails_counts_as_no_failure() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        let form = [("password", PASSWORD), ("new", "battery staple")];
        shop.fail(&shop.client, "UPDATE ON foobar_accounts", "/password", &form).await;
        assert_eq!(shop.client.post("/password").form(&form).await.text(), "done");
    }
}

#[tokio::test]
async fn a_code_and_a_proof_that_the_database_fails_count_as_no_failure() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let browser = shop.client.other_user();
        sign(&browser, ANN, PASSWORD).await;
        let code = [("typed", &*phone.codes[0])];
        shop.fail(&browser, "INSERT ON foobar_sessions", "/code", &code).await;
        assert_eq!(send(&browser, "/code", code[0].1).await, "done");
        let password = [("typed", PASSWORD)];
        shop.fail(&browser, "DELETE ON foobar_second_factors", "/totp/disable", &password).await;
        assert_eq!(send(&browser, "/totp/disable", PASSWORD).await, "done");
        shop.fail(&browser, "INSERT ON foobar_second_factors", "/totp/enrol", &password).await;
        assert_eq!(browser.post("/totp/enrol").form(&password).await.status(), 200);
    }
}

#[test]
fn an_attempt_of_which_the_database_does_not_say_whether_it_was_done_counts() {
    let (database, source) = (String::new, || diesel::result::Error::NotFound);
    let unknown = foobar_db::Error::OutcomeUnknown { database: database(), source: source() };
    let lost = foobar_db::Error::Lost { database: database(), source: source() };
    assert!(!was_no_attempt(&unknown.into()));
    assert!(was_no_attempt(&lost.into()) && was_no_attempt(&foobar_db::Error::Closed.into()));
    assert!(!was_no_attempt(&"the secret does not open".into()), "it says nothing of what was typed");
}
