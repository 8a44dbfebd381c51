//! Values of another type than that of their key.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{load_with, message};
use crate::config::{ConfigError, Loader, Section};
use crate::{List, Size};

#[test]
fn a_value_in_the_file_has_the_type_of_its_key_or_is_refused_with_both() {
    for (value, expected) in [
        ("workers = true", "`web.workers`: true is not accepted: found a boolean, expected an integer"),
        ("workers = 2.9", "`web.workers`: 2.9 is not accepted: found a float, expected an integer"),
        ("workers = 3.0", "`web.workers`: 3.0 is not accepted: found a float, expected an integer"),
        ("workers = '3'", "`web.workers`: \"3\" is not accepted: found a string, expected an integer"),
        ("workers = [3]", "`web.workers`: [3] is not accepted: found an array, expected an integer"),
        ("workers = {}", "`web.workers`: found a table, expected an integer"),
        (
            "workers = -1",
            "`web.workers`: -1 is not accepted: it is negative, expected an integer from 0 to 18446744073709551615",
        ),
        ("listen = 80", "`web.listen`: 80 is not accepted: found an integer, expected an array"),
        ("listen = true", "`web.listen`: true is not accepted: found a boolean, expected an array"),
        ("listen = ['a', 80]", "`web.listen`: 80 is not accepted: found an integer, expected a string"),
        (
            "sizes = ['1KiB', true]",
            "`web.sizes`: true is not accepted: found a boolean, expected a number with its unit",
        ),
        (
            "keepalive_timeout = true",
            "`web.keepalive_timeout`: true is not accepted: found a boolean, expected a number with its unit",
        ),
        (
            "keepalive_timeout = 30",
            "`web.keepalive_timeout`: 30 is not accepted: \"30\" is not a length of time without a unit; write for example \"250ms\", \
             \"30s\" or \"5m\"",
        ),
        (
            "client_max_body_size = 1.5",
            "`web.client_max_body_size`: 1.5 is not accepted: found a float, expected a number with its unit",
        ),
        ("key = 1234", "`web.key`: the value, which is a secret, is not accepted: expected a string"),
    ] {
        let message = message(&format!("[web]\n{value}\n"), &[]);
        assert!(message.starts_with(&format!("foobar.toml:2: {expected}")), "{message}");
    }
    let route = "[sites.www.routes.'/']\nrespond = 70000\n";
    let expected = "70000 is not accepted: it is too large, expected an integer from 0 to 65535";
    assert_eq!(message(route, &[]), format!("foobar.toml:2: `sites.www.routes.\"/\".respond`: {expected}"));
    let root = "foobar.toml:2: `sites.www.root`: 5 is not accepted: found an integer, expected path string; it may be left out";
    assert_eq!(message("[sites.www]\nroot = 5\n", &[]), root);
}

#[test]
fn a_value_of_another_type_is_told_how_one_is_written() {
    let told = |value: &str| message(&format!("[web]\n{value}\n"), &[]);
    let listen = told("listen = 8080");
    assert!(listen.ends_with("found an integer, expected an array; its default is [\"127.0.0.1:8080\"]"), "{listen}");
    let workers = told("workers = 'auto'");
    assert!(workers.ends_with("found a string, expected an integer; it may be left out"), "{workers}");
}

#[test]
fn a_length_of_time_without_a_unit_is_told_that_it_lacks_one() {
    let error = "31536000".parse::<crate::Period>().unwrap_err();
    assert_eq!(
        error,
        "\"31536000\" is not a length of time without a unit; write for example \"250ms\", \"30s\" or \"5m\""
    );
}

crate::choice! {
    /// One whose words are those of booleans, and another.
    pub enum Http2 {
        /// Off.
        Off = "false",
        /// On.
        On = "true",
        /// On, also without TLS.
        Cleartext = "cleartext",
    }
}

#[test]
fn a_choice_may_have_the_words_true_and_false_and_no_other_boolean_is_one() {
    #[derive(Debug, Deserialize)]
    struct Choices {
        http2: Http2,
    }
    impl Section for Choices {}
    let read = |value: &str| {
        let text = format!("[choices]\nhttp2 = {value}\n");
        let config = load_with(Loader::default().declare::<Choices>("choices"), &text, &[]).expect("the key is known");
        config.at::<Choices>("choices").map(|choices| choices.http2).map_err(|error| error.to_string())
    };
    assert_eq!((read("true"), read("'true'"), read("false")), (Ok(Http2::On), Ok(Http2::On), Ok(Http2::Off)));
    assert!(read("'on'").is_err_and(|error| error.contains("write \"false\", \"true\" or \"cleartext\"")));
    assert!(read("1").is_err_and(|error| error.contains("1 is not accepted: found an integer, expected a word")));
}

#[test]
fn a_date_is_told_to_be_written_as_text() {
    let expected = "found a date, which no key takes; write it as text, in quotes";
    for value in ["root = 2026-11-29", "index = ['a', 2026-11-29]", "root = 12:30:00"] {
        let key = value.split(' ').next().expect("it has a key");
        let message = message(&format!("[sites.\"a.b\"]\n\n{value}\n"), &[]);
        assert_eq!(message, format!("foobar.toml:3: `sites.\"a.b\".{key}`: {expected}"));
    }
}

/// What a program may have of its own.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
struct Shop {
    open: bool,
    rate: f64,
    small: f32,
    balance: i8,
    sign: char,
    title: Option<String>,
    ports: Vec<u16>,
    pair: (u8, u8),
    size: Size,
    words: List<String>,
    by_number: BTreeMap<u16, bool>,
    mode: Mode,
    desks: Vec<Desk>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Plain,
    Told(u8),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Desk {
    number: u8,
}

impl Section for Shop {}

impl Default for Shop {
    fn default() -> Self {
        Self {
            open: false,
            rate: 0.5,
            small: 0.0,
            balance: 0,
            sign: '-',
            title: None,
            ports: Vec::new(),
            pair: (0, 0),
            size: Size::bytes(0),
            words: List::from_iter([]),
            by_number: BTreeMap::new(),
            mode: Mode::Plain,
            desks: Vec::new(),
        }
    }
}

fn shop(text: &str, environment: &[(&str, &str)]) -> Result<Shop, ConfigError> {
    load_with(Loader::default().declare::<Shop>("shop"), text, environment)?.at("shop")
}

fn refused(value: &str) -> String {
    let error = shop(&format!("[shop]\n{value}\n"), &[]).err().unwrap_or_else(|| panic!("{value} is accepted"));
    let message = error.to_string();
    message.rsplit_once("foobar.toml:2: `shop.").unwrap_or_else(|| panic!("{message}")).1.to_owned()
}

#[test]
fn a_section_of_the_program_is_read_as_strictly() {
    let found = |found: &str, expected: &str| format!("is not accepted: found {found}, expected {expected}");
    for (value, expected) in [
        ("open = 1", found("an integer", "a boolean")),
        ("open = 'true'", found("a string", "a boolean")),
        ("rate = '0.5'", found("a string", "a float")),
        ("rate = true", found("a boolean", "a float")),
        ("small = 1e300", "it is too large for a float of 32 bits".to_owned()),
        ("balance = 200", "it is too large, expected an integer from -128 to 127".to_owned()),
        ("balance = -200", "it is too small, expected an integer from -128 to 127".to_owned()),
        ("sign = 'ab'", "expected a character".to_owned()),
        ("sign = 7", found("an integer", "a character")),
        ("title = 5", found("an integer", "a string")),
        ("title = ['a']", found("an array", "a string")),
        ("ports = '80'", found("a string", "an array")),
        ("ports = [80, '81']", found("a string", "an integer")),
        ("ports = [80, -1]", "it is negative, expected an integer from 0 to 65535".to_owned()),
        ("pair = [1]", "is not accepted".to_owned()), // it might hold a secret, and is not shown
        ("pair = [1, 2, 3]", "is not accepted".to_owned()),
        ("pair = 1", "is not accepted: expected an array".to_owned()),
        ("words = [true]", found("a boolean", "a string")),
        ("by_number = { 1 = 'on' }", "is not accepted: expected a boolean".to_owned()),
        ("by_number = { one = true }", "is not accepted: expected an integer".to_owned()),
        ("mode = 5", found("an integer", "a string, or a table of one key")),
        ("mode = 'odd'", "write \"plain\" or \"told\"".to_owned()),
        ("mode.told = 300", "it is too large, expected an integer from 0 to 255".to_owned()),
        ("mode = 'told'", "expected a table".to_owned()),
        ("desks = [{ number = 'x' }]", "`: found a string, expected an integer".to_owned()),
        ("desks = [{}]", "desks[0].number`: a value is required".to_owned()),
        ("desks = [[1]]", found("an array", "a table")),
    ] {
        assert!(refused(value).contains(&expected), "{value}: {}", refused(value));
    }
    assert!(refused("desks = [{ number = 1 }, { number = 'x' }]").starts_with("desks[1].number`: "));
}

#[test]
fn what_has_the_type_of_its_key_is_taken_as_it_is() {
    let text = "[shop]\nopen = true\nrate = 2\nsmall = 0.25\nbalance = -128\nsign = 'x'\ntitle = '5'\nports = [80, 65535]\n\
                pair = [1, 2]\nsize = 1024\nwords = 'a, b'\nby_number = { 7 = true }\nmode = { told = 255 }\n\
                desks = [{ number = 1 }]\n";
    let expected = Shop {
        open: true,
        rate: 2.0,
        small: 0.25,
        balance: -128,
        sign: 'x',
        title: Some("5".to_owned()),
        ports: vec![80, 65535],
        pair: (1, 2),
        size: Size::bytes(1024),
        words: ["a".to_owned(), "b".to_owned()].into_iter().collect(),
        by_number: BTreeMap::from([(7, true)]),
        mode: Mode::Told(255),
        desks: vec![Desk { number: 1 }],
    };
    assert_eq!(shop(text, &[]).expect("all of it is good"), expected);
}

#[test]
fn text_of_the_environment_is_read_as_what_its_key_takes() {
    let variables = [
        ("FOOBAR__SHOP__OPEN", "yes"),
        ("FOOBAR__SHOP__RATE", "2.5"),
        ("FOOBAR__SHOP__BALANCE", "-5"),
        ("FOOBAR__SHOP__TITLE", "true"),
        ("FOOBAR__SHOP__PORTS", "80, 81"),
        ("FOOBAR__SHOP__PAIR", "1,2"),
        ("FOOBAR__SHOP__SIZE", "1KiB"),
        ("FOOBAR__SHOP__BY_NUMBER__7", "on"),
    ];
    let expected = Shop {
        open: true,
        rate: 2.5,
        balance: -5,
        title: Some("true".to_owned()),
        ports: vec![80, 81],
        pair: (1, 2),
        size: Size::bytes(1024),
        by_number: BTreeMap::from([(7, true)]),
        ..Shop::default()
    };
    assert_eq!(shop("", &variables).expect("all of it is good"), expected);
}

#[test]
fn text_of_the_environment_that_is_no_such_thing_is_refused() {
    for (key, value, expected) in [
        ("OPEN", "perhaps", "a boolean"),
        ("BALANCE", "true", "an integer"),
        ("BALANCE", "2.9", "an integer"),
        ("BALANCE", "", "an integer"),
        ("BALANCE", "200", "an integer from -128 to 127"),
        ("RATE", "much", "a float"),
        ("PORTS", "80, http", "an integer"),
    ] {
        let variable = format!("FOOBAR__SHOP__{key}");
        let error = shop("", &[(&variable, value)]).expect_err(value).to_string();
        assert!(
            error.starts_with(&format!("{variable}: ")) && error.contains(&format!("expected {expected}")),
            "{error}"
        );
    }
}

#[test]
fn the_programs_own_defaults_are_read_as_strictly_and_its_presets_are_text() {
    let loader = || Loader::default().declare::<Shop>("shop");
    let error =
        load_with(loader().defaults("[shop]\nopen = 1\n"), "", &[]).and_then(|config| config.at::<Shop>("shop"));
    let expected = "the program's defaults:2: `shop.open`: 1 is not accepted: found an integer, expected a boolean";
    assert_eq!(error.expect_err("it is no boolean").to_string(), expected);
    let preset = load_with(loader().preset("shop.open", "true"), "", &[]).expect("the key is known");
    assert!(preset.at::<Shop>("shop").expect("it is a boolean").open);
}
