//! What is seen of the statements of real programs, on both engines.

use std::path::Path;

use foobar::MysqlConnection;
use foobar::diesel;
use foobar::diesel::connection::SimpleConnection;
use foobar::diesel::dsl::sql;
use foobar::diesel::prelude::*;
use foobar::diesel::sql_query;
use foobar::diesel::sql_types::Text;
use foobar::test::MysqlServer;

use crate::support::{Answer, Exposition, Program};

/// The program on either engine, whose endless statements end soon and are slow before.
fn programs(work: impl Fn(Program, &str)) {
    let server = MysqlServer::start().unwrap();
    for (url, engine) in [("sqlite:site.db".to_owned(), "sqlite"), (server.create_database().unwrap(), "mysql")] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Program::example("proving", folder.path());
        command.env("FOOBAR__DATABASE__URL", url).env("FOOBAR__DATABASE__QUERY_TIMEOUT", "2s");
        work(Program::start(command.env("FOOBAR__DATABASE__SLOW_QUERY_TIME", "50ms")), engine);
    }
}

/// The names of the fields of a line, in their order, before the statement, which may look like others.
fn fields(line: &str) -> Vec<&str> {
    let before = line.split(" statement=").next().unwrap();
    before.split(' ').filter_map(|word| Some(word.split_once('=')?.0)).collect()
}

#[test]
fn a_slow_statement_is_logged_without_its_values_as_the_guide_shows_it() {
    let name = "a_slow_statement_is_logged_without_its_values_as_the_guide_shows_it";
    let [shown] = crate::support::guide::blocks("logs.md", name).try_into().unwrap();
    programs(|program, engine| {
        let mut request = String::new();
        let log = program.log_of(|program, _| {
            let answer = program.get("/endless/hunter2");
            assert_eq!(answer.status, 503);
            request = answer.header("x-request-id").unwrap().to_owned();
            let scrape = Exposition::parse(program.admin("/metrics").text()).unwrap();
            let pool = if engine == "sqlite" { "readers" } else { "server" };
            let slow = scrape.value("foobar_database_slow_statements_total", &[("pool", pool)]);
            assert!(slow >= Some(1.0), "{slow:?}");
        });
        let line = log.iter().find(|line| line.contains("a slow statement") && line.contains("WITH digits")).unwrap();
        assert!(line.contains(" WARN foobar_db::statements: "), "{line}");
        assert!(line.contains(" kind=\"read\" ") && line.contains(&format!("database=\"{engine}:")), "{line}");
        assert!(line.contains(&format!(" request={request} route=\"/endless/{{word}}\" ")), "{line}");
        assert!(line.contains("SELECT MAX(d1.n), ? FROM") && !line.contains("hunter2"), "{line}");
        assert_eq!(fields(line), fields(&shown));
    });
}

#[test]
fn a_slow_query_time_of_zero_logs_no_statement() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    command.env("FOOBAR__DATABASE__QUERY_TIMEOUT", "300ms").env("FOOBAR__DATABASE__SLOW_QUERY_TIME", "0");
    let log = Program::start(&mut command).log_of(|program, _| assert_eq!(program.get("/endless").status, 503));
    assert!(log.iter().any(|line| line.contains("a request failed")), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("a slow statement")), "{log:?}");
}

/// A figure of the server's own.
#[derive(QueryableByName)]
struct Figure {
    #[diesel(sql_type = Text, column_name = "Value")]
    value: String,
}

/// The statements that the server has run or prepared and that have this in them, by its log.
fn logged(root: &mut MysqlConnection, part: &str) -> Vec<String> {
    let statements = sql::<Text>("CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE INSTR(argument, ")
        .bind::<Text, _>(part)
        .sql(") AND command_type IN ('Prepare', 'Query') AND argument NOT LIKE '%general_log%'");
    diesel::select(statements).load(root).unwrap()
}

fn with_comments(server: &MysqlServer, folder: &Path, comments: &str) -> Program {
    let mut command = Program::example("proving", folder);
    command.env("FOOBAR__DATABASE__URL", server.create_database().unwrap());
    Program::start(command.env("FOOBAR__DATABASE__QUERY_COMMENTS", comments))
}

#[test]
fn with_query_comments_the_server_sees_the_route_and_the_request_of_each_statement() {
    let name = "with_query_comments_the_server_sees_the_route_and_the_request_of_each_statement";
    let [shown] = crate::support::guide::blocks("logs.md", name).try_into().unwrap();
    let server = MysqlServer::start_with(&["--general-log=1", "--log-output=TABLE"]).unwrap();
    let mut root = MysqlConnection::establish(&server.url("mysql")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = with_comments(&server, folder.path(), "true");
    let entered = program.client().request("PUT", "/ledger/7", "", b"");
    assert_eq!(entered.status, 201);
    let read = program.get("/ledger/7");
    assert_eq!((read.status, read.text()), (200, "acknowledged"));
    let request = |answer: &Answer| answer.header("x-request-id").unwrap().to_owned();
    let id = shown.split("request='").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(logged(&mut root, "SELECT `ledger`.`note`"), [shown.trim_end().replace(id, &request(&read))]);
    let comment = format!("/*route='%2Fledger%2F%7Bid%7D',request='{}'*/ ", request(&entered));
    let statements = logged(&mut root, &request(&entered));
    assert!(statements.iter().all(|statement| statement.starts_with(&comment)), "{statements:?}");
    for part in ["INSERT INTO `ledger`", "COMMIT"] {
        assert!(statements.iter().any(|statement| statement[comment.len()..].starts_with(part)), "{statements:?}");
    }
}

#[test]
fn statements_with_a_comment_are_not_kept_prepared_and_those_without_are_as_they_were() {
    let server = MysqlServer::start_with(&["--general-log=1", "--log-output=TABLE"]).unwrap();
    let mut root = MysqlConnection::establish(&server.url("mysql")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (comments, begins) in [("true", "/*route="), ("false", "SELECT `ledger`.`note`")] {
        let program = with_comments(&server, folder.path(), comments);
        for _ in 0..50 {
            assert_eq!(program.get("/ledger/1").status, 404);
        }
        let count = sql_query("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'").get_result::<Figure>(&mut root).unwrap();
        let prepared: u32 = count.value.parse().unwrap();
        assert!(prepared < 25, "{prepared} of {comments}");
        let statements = logged(&mut root, "SELECT `ledger`.`note`");
        assert!(statements.iter().all(|statement| statement.starts_with(begins)), "{statements:?}");
        root.batch_execute("TRUNCATE mysql.general_log").unwrap();
    }
}
