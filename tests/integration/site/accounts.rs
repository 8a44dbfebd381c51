//! The accounts of the built site: those that its first start makes, and what happens while the database is down.

use diesel::RunQueryDsl;
use foobar::test::{MysqlServer, TestDb};

use super::Site;
use crate::support::{Answer, Program, until};

/// Address and password of each account that a start has printed.
fn printed(program: &Program) -> Vec<(String, String)> {
    let lines = program.banner.iter().filter_map(|line| line.strip_prefix("an account to try  "));
    let words = lines.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words.map(|words| (words[0].clone(), words[2].clone())).collect()
}

fn post(program: &Program, path: &str, cookie: &str, form: &str) -> Answer {
    let fields = format!(
        "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n\
         Accept: text/html\r\n"
    );
    program.client().request("POST", path, &fields, form.as_bytes())
}

fn sign_in(program: &Program, (address, password): &(String, String)) -> Answer {
    post(program, "/sign-in", "", &format!("address={address}&password={password}"))
}

/// What the answer tells a browser to send from then on.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_start_prints_a_random_password_for_each_of_two_accounts_and_no_other_start_does() {
    let (mysql, other_mysql) = (TestDb::mysql().await, TestDb::mysql().await);
    for (database, other) in [("sqlite:site.db", "sqlite:other.db"), (mysql.url(), other_mysql.url())] {
        let site = Site::start(database);
        let accounts = printed(&site.program);
        let addresses: Vec<_> = accounts.iter().map(|(address, _)| address.as_str()).collect();
        assert_eq!(addresses, ["admin@foobar.com", "customer@foobar.com"], "{:?}", site.program.banner);
        assert!(printed(&Site::start(other).program).iter().all(|other| !accounts.contains(other)), "they are random");
        for (account, admin) in accounts.iter().zip([200, 403]) {
            let signed_in = sign_in(&site.program, account);
            assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/account")), "{account:?}");
            let fields = format!("Cookie: {}\r\n", cookie(&signed_in));
            assert_eq!(site.program.client().request("GET", "/admin", &fields, b"").status, admin, "{account:?}");
        }
        let again = site.restart(database);
        assert_eq!(printed(&again.program), [], "{:?}", again.program.banner);
        assert_eq!(sign_in(&again.program, &accounts[0]).status, 303, "the password stays");
    }
}

#[tokio::test]
async fn a_database_whose_first_account_is_gone_is_not_new() {
    let mysql = TestDb::mysql().await;
    let site = Site::start(mysql.url());
    let delete =
        |conn: &mut foobar::Conn| diesel::sql_query("DELETE FROM foobar_accounts ORDER BY id LIMIT 1").execute(conn);
    assert_eq!(mysql.write(delete).await.unwrap(), 1);
    let again = site.restart(mysql.url());
    assert_eq!(printed(&again.program), [], "{:?}", again.program.banner);
}

#[test]
fn while_the_database_is_down_every_flow_is_a_503_that_says_when_to_come_again() {
    let mut server = MysqlServer::start_with(&["--innodb-flush-log-at-trx-commit=1"]).unwrap();
    let database = server.create_database().unwrap();
    let site = Site::start(&database);
    let program = &site.program;
    let account = printed(program).remove(0);
    let signed_in = cookie(&sign_in(program, &account));
    server.stop().unwrap();
    for (path, form) in [
        ("/sign-in", "address=ann@shop.test&password=correct+horse"),
        ("/register", "address=ann@shop.test&password=correct+horse"),
        ("/forgot-password", "address=ann@shop.test"),
        ("/confirm", "token=AAAAAAAAAAAAAAAAAAAAAA"),
        ("/reset-password", "token=AAAAAAAAAAAAAAAAAAAAAA&password=correct+horse"),
        ("/account/password", "old_password=x&password=correct+horse"),
        ("/account/sign-out-everywhere", ""),
        ("/account/confirmation", ""),
        ("/account/second-factor", "password=correct+horse"),
        ("/code", "code=123456"),
        ("/sign-out", ""),
        ("/contact", "name=Ann&address=ann@shop.test&body=Hello"),
        ("/admin/pages/about", "title=a&summary=b&body=c"),
    ] {
        let answer = post(program, path, &signed_in, form);
        assert_eq!(answer.status, 503, "{path}: {}", answer.text());
        assert!(answer.header("retry-after").is_some(), "{path}: {answer:?}");
        assert!(answer.text().contains("<h1>503"), "{path}: {}", answer.text());
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
    server.restart().unwrap();
    until("the database is there again", || (site.get("/about").status == 200).then_some(()));
    let page = program.client().request("GET", "/admin", &format!("Cookie: {signed_in}\r\n"), b"");
    assert_eq!(page.status, 200, "nothing was done, so she is still signed in: {}", page.text());
    assert!(page.text().contains("Nobody has written yet.") && page.text().contains("About Foobar"));
    let unknown = ("ann@shop.test".to_owned(), "correct+horse".to_owned());
    assert_eq!(sign_in(program, &unknown).status, 422, "and nobody has registered");
}
