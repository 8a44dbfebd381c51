//! Sections that a program declares for itself.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{load_with, tempfile};
use crate::config::{Config, ConfigError, Loader, Section};
use crate::{List, Period, Secret};

/// Of every kind that serde tells of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Guestbook {
    per_page: u32,
    title: String,
    words: List<String>,
    editable: Option<Period>,
    password: Option<Secret>,
    tokens: Vec<Secret>,
    labels: BTreeMap<String, String>,
    smtp: Option<Smtp>,
    accounts: Vec<Smtp>,
    by_name: HashMap<String, Smtp>,
    mail: Mail,
    anything: Option<Untagged>,
    pair: Option<(String, Secret)>,
    #[serde(skip)]
    skipped: bool,
}

impl Default for Guestbook {
    fn default() -> Self {
        let (words, mail) = (List::from_iter([]), Mail::Off);
        Self {
            per_page: 20,
            title: "Guestbook".to_owned(),
            words,
            mail,
            editable: None,
            password: None,
            tokens: Vec::new(),
            labels: BTreeMap::new(),
            smtp: None,
            accounts: Vec::new(),
            by_name: HashMap::new(),
            anything: None,
            pair: None,
            skipped: false,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Smtp {
    host: String,
    password: Option<Secret>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
enum Mail {
    Off,
    Told { password: Secret },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Untagged {
    #[expect(dead_code, reason = "it is read, and not looked at")]
    Token { token: Secret },
}

impl Section for Guestbook {}

fn loader() -> Loader {
    Loader::default().declare::<Guestbook>("guestbook")
}

fn guestbook(text: &str, environment: &[(&str, &str)]) -> Result<(Config, Guestbook), ConfigError> {
    let config = load_with(loader(), text, environment)?;
    let guestbook = config.at("guestbook")?;
    Ok((config, guestbook))
}

fn error(text: &str) -> String {
    let error = guestbook(text, &[]).err().unwrap_or_else(|| panic!("{text} is accepted")).to_string();
    error.rsplit_once("foobar.toml").map_or(error.clone(), |(_, rest)| format!("foobar.toml{rest}"))
}

const ALL: &str = r#"
[guestbook]
perPage = 5
words = "a, b"
editable = "15m"
password = "hunter2"
tokens = ["hunter2"]
pair = ["a", "hunter2"]
accounts = [{ host = "a", password = "hunter2" }]
labels = { home = "Home", "a b" = "c" }
anything = { token = "hunter2" }
[guestbook.smtp]
host = "localhost"
password = "hunter2"
[guestbook.byName.one]
host = "b"
password = "hunter2"
[guestbook.mail.Told]
password = "hunter2"
"#;

#[test]
fn a_type_that_serde_reads_is_a_section_and_its_secrets_are_found_wherever_they_are() {
    let (config, guestbook) = guestbook(ALL, &[]).expect("the configuration is good");
    assert_eq!((guestbook.per_page, guestbook.title.as_str(), guestbook.words.len()), (5, "Guestbook", 2));
    let smtp = guestbook.smtp.expect("it is set");
    assert_eq!((smtp.host.as_str(), smtp.password.expect("it is set").expose()), ("localhost", "hunter2"));
    assert_eq!(guestbook.mail, Mail::Told { password: Secret::new("hunter2") });
    let entries = config.entries();
    let shown: Vec<String> = entries.iter().map(|entry| format!("{} = {}", entry.key, entry.value)).collect();
    assert!(!shown.concat().contains("hunter2"), "{shown:#?}");
    for line in ["guestbook.smtp.host = \"localhost\"", "guestbook.labels.\"a b\" = \"c\"", "guestbook.perPage = 5"] {
        assert!(shown.contains(&line.to_owned()), "{line}: {shown:#?}");
    }
}

#[test]
fn an_empty_secret_is_refused() {
    let refusal = error("[guestbook]\nperPage = 5\npassword = \"\"\n");
    assert!(
        refusal.starts_with("foobar.toml:3: `guestbook.password`") && refusal.contains("empty secret"),
        "{refusal}"
    );
    let environment = [("FOOBAR__GUESTBOOK__PASSWORD", "")];
    let refusal = guestbook("[guestbook]\nperPage = 5\n", &environment).err().expect("it is refused").to_string();
    assert!(refusal.contains("FOOBAR__GUESTBOOK__PASSWORD") && refusal.contains("empty secret"), "{refusal}");
}

#[test]
fn an_unknown_key_of_such_a_section_is_refused_at_every_depth() {
    let unknown = |key: &str| error(&format!("[guestbook]\n{key} = 1\n"));
    assert_eq!(unknown("perPgae"), "foobar.toml:2: unknown key `guestbook.perPgae`; did you mean `guestbook.perPage`?");
    assert_eq!(
        unknown("smtp.hots"),
        "foobar.toml:2: unknown key `guestbook.smtp.hots`; did you mean `guestbook.smtp.host`?"
    );
    for key in ["per_page", "skipped", "byName.one.port", "mail.Told.name", "labels.a.b", "smtp.host.name"] {
        assert!(unknown(key).contains(&format!("`guestbook.{key}`")), "{}", unknown(key));
    }
}

#[test]
fn a_bad_value_of_such_a_section_has_its_line_and_no_secret_is_quoted() {
    assert!(
        error("[guestbook]\n\nperPage = 'many'\n").starts_with("foobar.toml:3: `guestbook.perPage`: \"many\" is not")
    );
    assert!(error("[guestbook]\neditable = 'soon'\n").contains("write for example \"250ms\""));
    assert!(error("[guestbook.mail]\nPosted = 1\n").contains("guestbook.mail"));
    for key in ["password", "pair", "smtp.password", "mail.Told.password"] {
        let message = error(&format!("[guestbook]\n{key} = [\"hunter2\"]\n"));
        assert!(message.contains(key.split('.').next().expect("it has a name")), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    assert!(!error("[guestbook]\nanything = 'hunter2'\n").contains("hunter2"));
    let message = error("[guestbook]\naccounts = [{ host = ['hunter2'] }]\n");
    assert!(message.contains("guestbook.accounts") && !message.contains("hunter2"), "{message}");
}

#[test]
fn a_word_where_a_table_belongs_is_an_error_and_no_panic() {
    let message = error("[guestbook]\nmail = 'Told'\n");
    assert!(message.starts_with("foobar.toml:1: `guestbook`") || message.contains("guestbook.mail"), "{message}");
}

#[test]
fn a_value_that_is_required_is_told_with_its_section_and_its_variable() {
    #[derive(Debug, Deserialize)]
    struct Needed {
        #[expect(dead_code, reason = "it is missing")]
        title: String,
    }
    impl Section for Needed {}
    let missing = |text: &str| {
        let config = load_with(Loader::default().declare::<Needed>("needed"), text, &[]).expect("the keys are known");
        config.at::<Needed>("needed").expect_err("it is missing").to_string()
    };
    let end = ": `needed.title`: a value is required; write it there, or set FOOBAR__NEEDED__TITLE";
    assert!(missing("\n[needed]\n").ends_with(&format!("foobar.toml:2{end}")), "{}", missing("\n[needed]\n"));
    assert!(missing("").ends_with(&format!("foobar.toml{end}")), "{}", missing(""));
}

#[test]
fn variables_find_the_capitals_of_the_keys_and_secrets_come_from_files() {
    let secret = tempfile("hunter2\n");
    let path = secret.path().to_str().expect("the temporary folder has a plain name");
    let variables = [
        ("FOOBAR__GUESTBOOK__PERPAGE", "7"),
        ("FOOBAR__GUESTBOOK__LABELS__HOME", "Home"),
        ("FOOBAR__GUESTBOOK__SMTP__HOST", "b"),
        ("FOOBAR__GUESTBOOK__SMTP__PASSWORD_FILE", path),
    ];
    let (config, guestbook) = guestbook("", &variables).expect("the configuration is good");
    assert_eq!((guestbook.per_page, guestbook.labels["home"].as_str()), (7, "Home"));
    assert_eq!(guestbook.smtp.expect("it is set").password.expect("it is set").expose(), "hunter2");
    assert_eq!(config.origin("guestbook.perPage"), "FOOBAR__GUESTBOOK__PERPAGE");
}

/// What is wrong with what the program has declared.
fn refused(loader: Loader) -> String {
    let error = loader.load().err().expect("it is refused");
    assert!(matches!(error, ConfigError::Declaration(_)), "{error:?}");
    error.to_string().replace(concat!(module_path!(), "::"), "")
}

#[derive(Deserialize)]
struct Words(#[expect(dead_code, reason = "it is never read")] Vec<String>);

impl Section for Words {}

#[test]
fn what_a_program_declares_twice_or_wrongly_is_refused_with_its_names() {
    let other = || Loader::default().section::<super::Web>().declare::<Guestbook>("guestbook");
    assert!(other().load().is_ok());
    let two = refused(other().declare::<Words>("words"));
    assert!(two.starts_with("the settings [words] (`Words`): a section is a table, and `Words` is read from a list"));
    #[derive(Deserialize)]
    struct Other {}
    impl Section for Other {}
    let two = refused(other().declare::<Other>("guestbook"));
    assert!(two.starts_with("two settings are named [guestbook], `Guestbook` and `"), "{two}");
    assert!(two.contains("Other`; give each a name of its own"), "{two}");
    assert_eq!(
        refused(other().declare::<Guestbook>("guestbook")),
        "the settings [guestbook] (`Guestbook`) are declared twice; once is enough"
    );
    let two = refused(other().declare::<Guestbook>("visitors"));
    assert!(two.starts_with("`Guestbook` is the type of two settings, [guestbook] and [visitors]; "), "{two}");
    let own = refused(Loader::default().section::<super::Web>().declare::<Guestbook>("web"));
    assert_eq!(own, "the settings [web] (`Guestbook`): it is a section of Foobar's own; choose another name");
    for name in ["", "Guestbook", "guest book", "a.b", "a__b", "*", "1st", "a_"] {
        let error = refused(Loader::default().declare::<Guestbook>(name));
        assert!(error.contains(&format!("{name:?} is no name: write a letter of a-z")), "{error}");
    }
}

#[test]
fn a_type_that_holds_itself_has_an_end() {
    #[derive(Deserialize)]
    struct Menu {
        #[expect(dead_code, reason = "it is never read")]
        entries: BTreeMap<String, Self>,
    }
    impl Section for Menu {}
    let text = "[menu.entries.a.entries.b.entries]\n";
    assert!(load_with(Loader::default().declare::<Menu>("menu"), text, &[]).is_ok());
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "it is declared and not read")]
struct Waits {
    pause: std::time::Duration,
}

impl Section for Waits {}

#[test]
fn a_duration_of_std_in_a_section_is_told_which_type_reads_a_length_of_time() {
    let file = tempfile("[waits]\npause = '5s'\n");
    let error = Loader::default().declare::<Waits>("waits").file(file.path()).load().err().expect("it is no table");
    let told = error.to_string();
    assert!(told.contains("`waits.pause`: this is a `std::time::Duration`"), "{told}");
    assert!(told.contains("declare it as `foobar::config::Period`, which reads \"30s\""), "{told}");
}
