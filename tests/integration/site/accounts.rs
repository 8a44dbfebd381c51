//! The accounts of the built site: those that its first start makes, and what happens while the database is down.

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl};
use foobar::MysqlConnection;
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
        ("/account/second-factor/on", "code=123456"),
        ("/account/second-factor/off", "code=123456"),
        ("/account/second-factor/codes", "code=123456"),
        ("/account/tokens", "name=Backup&days=30"),
        ("/account/tokens/revoke", ""),
        ("/account/tokens/1/revoke", ""),
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

#[tokio::test]
async fn a_visitor_with_the_address_of_the_administrator_to_try_it_with_gets_no_rights_by_a_start() {
    let mysql = TestDb::mysql().await;
    let site = Site::start(mysql.url());
    mysql.write(|conn| conn.batch_execute("DELETE FROM foobar_accounts")).await.unwrap();
    let visitor = ("admin@foobar.com".to_owned(), "correct+horse".to_owned());
    let registered = post(&site.program, "/register", "", "address=admin@foobar.com&password=correct+horse");
    assert_eq!(registered.status, 303, "{}", registered.text());
    let again = site.restart(mysql.url());
    assert_eq!(printed(&again.program), [], "{:?}", again.program.banner);
    let fields = format!("Cookie: {}\r\n", cookie(&sign_in(&again.program, &visitor)));
    assert_eq!(again.program.client().request("GET", "/admin", &fields, b"").status, 403);
}

#[tokio::test]
async fn two_processes_on_one_database_share_sessions_and_agree_on_who_has_failed_too_often() {
    let mysql = TestDb::mysql().await;
    let sites = [Site::start(mysql.url()), Site::start(mysql.url())];
    let [one, other] = sites.each_ref().map(|site| &site.program);
    let account = printed(one).remove(0);
    let signed_in = cookie(&sign_in(one, &account));
    let ask =
        |program: &Program| program.client().request("GET", "/admin", &format!("Cookie: {signed_in}\r\n"), b"").status;
    assert_eq!([ask(one), ask(other)], [200, 200]);
    assert_eq!(post(other, "/sign-out", &signed_in, "").status, 303);
    assert_eq!([ask(one), ask(other)], [401, 401]);
    let wrong = (account.0.clone(), "wrong+horse".to_owned());
    for program in [one, other, one, other, one] {
        assert_eq!(sign_in(program, &wrong).status, 422);
    }
    assert_eq!([sign_in(one, &account).status, sign_in(other, &account).status], [429, 429]);
}

/// Sessions can be read and not written, as in the middle of a flow: what is done is said, and what is not is not half
/// done.
#[test]
fn while_sessions_cannot_be_written_each_flow_is_done_or_is_a_503() {
    let server = MysqlServer::start().unwrap();
    let database = server.create_database().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("site", folder.path());
    command.args(["--database", &database]).env("FOOBAR__DATABASE__LOCK_TIMEOUT", "1s");
    let site = Program::start(&mut command);
    let account = printed(&site).remove(0);
    let signed_in = cookie(&sign_in(&site, &account));
    let mut locking = MysqlConnection::establish(&database).unwrap();
    locking.batch_execute("LOCK TABLES foobar_sessions READ").unwrap();
    let unkept = sign_in(&site, &account);
    assert_eq!((unkept.status, unkept.header("retry-after").is_some(), unkept.header("set-cookie")), (503, true, None));
    let registered = post(&site, "/register", "", "address=ann@shop.test&password=correct+horse");
    assert_eq!((registered.status, registered.header("location")), (303, Some("/sign-in")));
    for (path, form, status) in [
        ("/contact", "name=Ann&address=ann@shop.test&body=Hello", 303),
        ("/admin/pages/about", "title=About+us&summary=b&body=c", 303),
        ("/account/tokens", "name=Backup&days=30", 200),
        ("/account/tokens/revoke", "", 303),
        ("/account/password", &format!("old_password={}&password=correct+horse", account.1), 503),
        ("/sign-out", "", 503),
    ] {
        let answer = post(&site, path, &signed_in, form);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
    locking.batch_execute("UNLOCK TABLES").unwrap();
    let page = site.client().request("GET", "/admin", &format!("Cookie: {signed_in}\r\n"), b"");
    assert_eq!(page.status, 200, "she is still signed in: {}", page.text());
    assert!(page.text().contains("Hello") && page.text().contains("About us"), "{}", page.text());
    let ann = ("ann@shop.test".to_owned(), "correct+horse".to_owned());
    assert_eq!([sign_in(&site, &ann).status, sign_in(&site, &account).status], [303, 303]);
}
