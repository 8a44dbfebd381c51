//! Backups, and what is done beside the work of a database.

use std::os::unix::fs::PermissionsExt;

use diesel::connection::SimpleConnection;

use super::*;
use crate::diesel_migrations::{EmbeddedMigration, EmbeddedName, TomlMetadataWrapper};
use crate::{EmbeddedMigrations, Migrations};

#[tokio::test]
async fn a_backup_made_while_others_write_is_whole_and_can_be_put_back() {
    let (db, test) = both_with(|_| {}).await.into_iter().next().unwrap();
    db.write(|conn| insert(conn, 1).and_then(|_| insert(conn, 2))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    // Rows that come in pairs, by another handle, as by a server that runs.
    let writes = async {
        for id in (3..203).step_by(2) {
            test.write(move |conn| insert(conn, id).and_then(|_| insert(conn, id + 1))).await.unwrap();
        }
    };
    let (backup, ()) = tokio::join!(db.backup(&file), writes);
    backup.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let copy = Db::open(&DatabaseSettings {
        url: Some(Secret::new(format!("sqlite:{}", file.display()))),
        ..DatabaseSettings::default()
    });
    let copy = copy.unwrap();
    copy.tier().start().await.unwrap();
    let rows = count(&copy).await;
    assert!(rows >= 2 && rows % 2 == 0, "{rows}");
    copy.write(|conn| insert(conn, 1000)).await.unwrap();
    assert_eq!(count(&db).await, 202);
}

#[tokio::test]
async fn a_backup_takes_the_place_of_no_file_and_leaves_no_half_one() {
    let test = TestDb::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    std::fs::write(&file, "another").unwrap();
    let error = Chain(&test.backup(&file).await.unwrap_err()).to_string();
    let expected = format!(
        "the backup {} cannot be made: this file is there already, and a backup takes the place of none; give another name, \
         or remove it",
        file.display()
    );
    assert_eq!(error, expected);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "another");
    let part = folder.path().join("next.db.part");
    std::fs::write(&part, "of one that was cut off").unwrap();
    let error = Chain(&test.backup(&folder.path().join("next.db")).await.unwrap_err()).to_string();
    assert!(error.contains(&format!("{} is there already: another backup writes it now", part.display())), "{error}");
    std::fs::remove_file(&part).unwrap();
    let nowhere = folder.path().join("no/such/folder/backup.db");
    assert!(matches!(test.backup(&nowhere).await, Err(Error::Backup { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_vacuum_gives_space_back() {
    let (db, test) = both_with(|_| {}).await.into_iter().next().unwrap();
    let fill = "CREATE TABLE filler (b BLOB); INSERT INTO filler VALUES (zeroblob(3000000)); DROP TABLE filler";
    db.write(move |conn| conn.batch_execute(fill)).await.unwrap();
    let pages = || {
        let pages = diesel::dsl::sql::<BigInt>("(SELECT page_count FROM pragma_page_count)");
        test.read(move |conn| diesel::select(pages.clone()).get_result::<i64>(conn))
    };
    let before = pages().await.unwrap();
    db.vacuum().await.unwrap();
    assert!(pages().await.unwrap() < before / 10);
}

#[tokio::test]
async fn of_mysql_the_tool_and_its_options_are_named() {
    let test = TestDb::mysql().await;
    let error = test.backup(std::path::Path::new("never.sql")).await.unwrap_err().to_string();
    assert!(error.contains("mysqldump --single-transaction --routines --triggers --events --hex-blob"), "{error}");
    assert!(test.vacuum().await.unwrap_err().to_string().contains("OPTIMIZE TABLE"));
}

/// What a backup has to bring back: a table with bytes that are no text, a view, a routine, a trigger and an event. One
/// statement at a time: where several come together MySQL keeps the `;` behind a trigger with it, and its own dump of that is
/// no SQL.
const SHOP: [&str; 6] = [
    "CREATE TABLE goods (id INTEGER NOT NULL PRIMARY KEY, picture VARBINARY(20) NOT NULL, note TEXT NOT NULL)",
    "INSERT INTO goods VALUES (1, x'00ff27225c0a1a', 'semi; colon \\\\ ''quoted'' – €'), (2, x'', '')",
    "CREATE VIEW notes AS SELECT note FROM goods",
    "CREATE FUNCTION twice(n INTEGER) RETURNS INTEGER DETERMINISTIC RETURN 2 * n",
    "CREATE TRIGGER marked BEFORE INSERT ON goods FOR EACH ROW SET NEW.note = CONCAT(NEW.note, '!')",
    "CREATE EVENT never ON SCHEDULE EVERY 1 YEAR DISABLE DO DELETE FROM goods",
];

/// The programs that dump a database and put it back: those of MariaDB, or those of MySQL in the folder of
/// `FOOBAR_MYSQL_TOOLS`; each takes no dump of the other's server.
async fn tools(db: &Db) -> Option<[String; 2]> {
    if version(db).await.contains("MariaDB") {
        return Some(["mariadb-dump", "mariadb"].map(str::to_owned));
    }
    let folder = std::env::var("FOOBAR_MYSQL_TOOLS").ok()?; // only a command that tests MySQL has them
    Some(["mysqldump", "mysql"].map(|program| format!("{folder}/{program}")))
}

/// Runs such a program, which takes the database of `url`, and gives what it writes.
fn run_tool(program: &str, options: &[&str], url: &str, input: std::process::Stdio) -> Vec<u8> {
    let (_, place) = url.split_once("@localhost/").unwrap();
    let (name, socket) = place.split_once("?socket=").unwrap();
    let arguments = ["--no-defaults", "--user=root", &format!("--socket={socket}")].map(str::to_owned);
    let mut command = std::process::Command::new(program);
    let output = command.args(arguments).args(options).arg(name).stdin(input).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What the server says that it is.
async fn version(db: &Db) -> String {
    db.read(|conn| diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("VERSION()")).get_result(conn))
        .await
        .unwrap()
}

#[derive(diesel::QueryableByName, Debug, PartialEq)]
struct Good {
    #[diesel(sql_type = diesel::sql_types::Binary)]
    picture: Vec<u8>,
    #[diesel(sql_type = diesel::sql_types::Text)]
    note: String,
    #[diesel(sql_type = BigInt)]
    twice: i64,
    #[diesel(sql_type = BigInt)]
    others: i64,
}

/// All that `SHOP` makes; the trigger has had a row.
async fn shop(db: &Db) -> Vec<Good> {
    let others = "(SELECT COUNT(*) FROM notes) + (SELECT COUNT(*) FROM information_schema.events \
                  WHERE event_schema = DATABASE() AND event_name = 'never')";
    let rows =
        format!("SELECT picture, note, CAST(twice(id) AS SIGNED) AS twice, {others} AS others FROM goods ORDER BY id");
    db.write(|conn| conn.batch_execute("INSERT INTO goods VALUES (3, x'03', 'new')")).await.unwrap();
    db.read(move |conn| diesel::sql_query(&rows).load(conn)).await.unwrap()
}

#[tokio::test]
async fn a_dump_by_the_options_that_are_named_is_put_back_and_runs_as_a_migration() {
    let [from, put_back, migrated] = [TestDb::mysql().await, TestDb::mysql().await, TestDb::mysql().await];
    let Some([dumps, puts_back]) = tools(&from).await else { return };
    from.write(|conn| SHOP.iter().try_for_each(|statement| conn.batch_execute(statement))).await.unwrap();
    let told = from.backup(std::path::Path::new("never.sql")).await.unwrap_err().to_string();
    let (_, options) = told.split_once("run mysqldump ").unwrap();
    let (options, _) = options.split_once(" --host").unwrap();
    let mut options: Vec<_> = options.split_whitespace().collect();
    let dump = run_tool(&dumps, &options, from.url(), std::process::Stdio::null());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &dump).unwrap();
    run_tool(&puts_back, &[], put_back.url(), std::fs::File::open(file.path()).unwrap().into());
    if dumps.ends_with("mysqldump") {
        options.push("--set-gtid-purged=OFF"); // the other tool has no such option, and needs none
    }
    let dump = run_tool(&dumps, &options, from.url(), std::process::Stdio::null());
    let dump = String::from_utf8(dump).unwrap().leak();
    let name = EmbeddedName::new("1_dump");
    let all = [EmbeddedMigration::new(dump, None, name, TomlMetadataWrapper::new(true))];
    let all = Migrations::new(EmbeddedMigrations::new(Vec::from(all).leak()));
    assert_eq!(migrated.migrate(&all).await.unwrap(), ["1_dump"]);
    let expected = shop(&from).await;
    assert_eq!((expected.len(), &*expected[2].note, expected[0].others), (3, "new!", 4));
    assert_eq!(shop(&put_back).await, expected);
    assert_eq!(shop(&migrated).await, expected);
}

#[tokio::test]
async fn two_databases_of_one_program_have_names_of_their_own() {
    let mut metrics = Metrics::default();
    let mut names = Vec::new();
    for (test, name) in both().await.into_iter().zip(["shop", "reports"]) {
        let db = Db::open(&test.settings()).unwrap().named(name);
        db.tier().start().await.unwrap();
        db.tier().metrics(&mut metrics);
        names.push(db.tier().name());
    }
    assert_eq!(names, ["shop", "reports"]);
    let text = metrics.into_text();
    for labels in ["pool=\"writer\",database=\"shop\"", "pool=\"server\",database=\"reports\""] {
        assert!(text.contains(&format!("foobar_database_connections_max{{{labels}}} ")), "{text}");
        assert!(text.contains(&format!("foobar_database_connections{{{labels},state=\"idle\"}} ")), "{text}");
    }
}
