use std::cell::Cell;
use std::fmt::Debug;

use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::*;

fn form(pairs: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::new();
    for (name, text) in pairs {
        fields.entry((*name).to_owned()).or_default().push((*text).to_owned());
    }
    fields
}

fn taken<T: DeserializeOwned + Validate<Context: Default>>(pairs: &[(&str, &str)]) -> T {
    of_form(&form(pairs)).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn errors<T: Debug + DeserializeOwned + Validate<Context: Default>>(pairs: &[(&str, &str)]) -> Value {
    serde_json::to_value(of_form::<T>(&form(pairs)).unwrap_err()).unwrap()
}

/// A struct of boxes with these names.
macro_rules! boxes {
    ($($name:ident)*) => {
        #[derive(Debug, Deserialize, Validate)]
        #[garde(allow_unvalidated)]
        struct Boxes { $($name: bool,)* number: u8, tags: Vec<String> }

        impl Boxes {
            fn checked(&self) -> usize {
                [$(self.$name),*].into_iter().filter(|checked| *checked).count()
            }
        }
    };
}

boxes! {
    ba bb bc bd be bh bi bj bk bl bm bn ca cb cc cd ce ch ci cj ck cl cm cn
    ga gb gc gd ge gh gi gj gk gl gm gn ha hb hc hd he hh hi hj hk hl hm hn
    ja jb jc jd je jh ji jj jk jl jm jn ka kb kc kd ke kh ki kj kk kl km kn
    la lb lc ld le lh li lj lk ll lm ln ma mb mc md me mh mi mj mk ml mm mn
    pa pb pc pd pe ph pi pj pk pl pm pn qa qb qc qd qe qh qi qj qk ql qm qn
}

#[test]
fn a_form_of_very_many_boxes_is_taken_however_few_are_checked() {
    let boxes: Boxes = taken(&[("number", "1")]);
    assert_eq!((boxes.checked(), boxes.number, boxes.tags.len()), (0, 1, 0));
    assert_eq!(taken::<Boxes>(&[("number", "1"), ("bb", "on"), ("qn", "on")]).checked(), 2);
    assert_eq!(errors::<Boxes>(&[("number", "x")]), json!({"number": ["is not a whole number"]}));
    assert_eq!(errors::<Boxes>(&[]), json!({"number": ["is required"]}));
}

#[test]
fn what_a_form_may_lack_may_have_any_name() {
    #[derive(Debug, Deserialize, Validate)]
    #[garde(allow_unvalidated)]
    struct Named {
        #[serde(rename = "tags[]")]
        tags: Vec<String>,
        #[serde(rename = "a.b")]
        checked: bool,
        #[serde(rename = "user[name].first")]
        name: String,
        #[serde(rename = "")]
        nameless: bool,
    }
    let named: Named = taken(&[("user[name].first", "Ann")]);
    assert_eq!((named.tags.len(), named.checked, &*named.name, named.nameless), (0, false, "Ann", false));
    let named: Named = taken(&[("user[name].first", "Ann"), ("tags[]", "a"), ("tags[]", "b"), ("a.b", "on")]);
    assert_eq!((named.tags.len(), named.checked), (2, true));
    assert_eq!(errors::<Named>(&[]), json!({"user[name].first": ["is required"]}));
}

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
struct Address {
    #[garde(length(chars, min = 2))]
    address: String,
    #[garde(length(chars, min = 2))]
    zip_code: String,
}

#[derive(Debug, Deserialize, Validate)]
struct Person {
    #[garde(length(chars, min = 2))]
    name: String,
    #[serde(flatten)]
    #[garde(dive)]
    address: Address,
}

#[test]
fn a_rule_behind_flatten_is_told_under_the_name_that_was_sent() {
    let short = ["is too short: the minimum length is 2"];
    let expected = json!({"address": short, "name": short, "zipCode": short});
    assert_eq!(errors::<Person>(&[("name", "a"), ("address", "b"), ("zipCode", "1")]), expected);
    let body = json!({"name": "a", "address": "b", "zipCode": "1"});
    let report = in_sentences(|| Person::deserialize(&body).unwrap().validate()).unwrap_err();
    assert_eq!(serde_json::to_value(broken_in_json::<Person>(&body, &report)).unwrap(), expected);
}

#[test]
fn a_rule_behind_flatten_in_an_item_is_told_under_the_way_that_was_sent() {
    #[derive(Debug, Deserialize, Validate)]
    struct People {
        #[garde(dive)]
        all: Vec<Person>,
    }
    let person = |code| json!({"name": "Ann", "address": "Weg", "zipCode": code});
    let body = json!({"all": [person("12"), person("1")]});
    let report = in_sentences(|| People::deserialize(&body).unwrap().validate()).unwrap_err();
    let expected = json!({"all[1].zipCode": ["is too short: the minimum length is 2"]});
    assert_eq!(serde_json::to_value(broken_in_json::<People>(&body, &report)).unwrap(), expected);
}

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
#[garde(allow_unvalidated)]
struct Numbers {
    large: u128,
    signed: i128,
    byte: u8,
    float: f32,
    double: f64,
    optional: Option<u8>,
}

#[test]
fn numbers_are_those_that_their_types_hold() {
    let (most, least) = (u128::MAX.to_string(), i128::MIN.to_string());
    let numbers: Numbers = taken(&[("large", &most), ("signed", &least), ("float", "1e38"), ("optional", " ")]);
    assert_eq!((numbers.large, numbers.signed, numbers.float, numbers.optional), (u128::MAX, i128::MIN, 1e38, None));
    for (field, text, expected) in [
        ("large", "340282366920938463463374607431768211456", "is more than 340282366920938463463374607431768211455"),
        ("large", "-1", "is less than 0"),
        ("large", "x", "is not a whole number"),
        ("signed", "-170141183460469231731687303715884105729", "is less than -170141183460469231731687303715884105728"),
        ("byte", "99999999999999999999999999999999999999999999", "is more than 255"),
        ("byte", "-99999999999999999999999999999999999999999999", "is less than 0"),
        ("byte", "-", "is not a whole number"),
        ("float", "1e39", "is too large"),
        ("float", "-inf", "is not a number"),
        ("double", "1e400", "is too large"),
        ("double", "nan", "is not a number"),
        ("optional", "300", "is more than 255"),
    ] {
        assert_eq!(errors::<Numbers>(&[(field, text)]), json!({field: [expected]}), "{field} {text}");
    }
    let body: Value =
        serde_json::from_str(r#"{"large": 300000000000000000000000000000000000000, "byte": 1e30}"#).unwrap();
    let expected = json!({"byte": [format!("is more than {}", u8::MAX)]});
    assert_eq!(serde_json::to_value(wrong_in_json::<Numbers>(&body)).unwrap(), expected);
}

#[test]
fn a_rule_that_panics_at_what_nobody_has_sent_waits() {
    #[derive(Debug, Deserialize, Validate)]
    struct Shares {
        #[garde(custom(many))]
        people: u32,
        #[garde(custom(|color: &Color, _| if matches!(color, Color::Red) { panic!("invented") } else { Ok(()) }))]
        color: Color,
        #[garde(length(min = 1))]
        #[serde(default)]
        name: String,
    }
    #[derive(Debug, Deserialize)]
    enum Color {
        Red,
        Green,
    }
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "garde wants it so")]
    fn many(people: &u32, (): &()) -> garde::Result {
        if 100 / *people > 0 { Ok(()) } else { Err(garde::Error::new("are too many")) }
    }
    let number = ["is not a whole number"];
    assert_eq!(errors::<Shares>(&[]), json!({"people": ["is required"], "color": ["is required"]}));
    assert_eq!(errors::<Shares>(&[("people", "x"), ("color", "Green")]), json!({"people": number}));
    assert_eq!(errors::<Shares>(&[("people", "3"), ("color", "x")]), json!({"color": ["is not one of the choices"]}));
    let body = json!({"people": "x", "color": "Green"});
    assert_eq!(serde_json::to_value(wrong_in_json::<Shares>(&body)).unwrap(), json!({"people": number}));
    let broken = json!({"people": ["are too many"], "name": ["must not be empty"]});
    assert_eq!(errors::<Shares>(&[("people", "101"), ("color", "Green")]), broken);
}

thread_local! {
    static READ: Cell<usize> = const { Cell::new(0) };
}

/// A text that counts how often it is read.
#[derive(Debug)]
struct Counted;

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READ.set(READ.get() + 1);
        let text = String::deserialize(deserializer)?;
        if text == "good" { Ok(Self) } else { Err(serde::de::Error::custom("bad")) }
    }
}

#[derive(Debug, Deserialize, Validate)]
#[garde(allow_unvalidated)]
struct Items {
    #[expect(dead_code, reason = "how often it is read is asked")]
    items: Vec<Counted>,
}

#[test]
fn a_body_is_read_again_only_as_often_as_that_costs_little() {
    let body = |good: usize, bad| {
        let items: Vec<_> = std::iter::repeat_n("good", good).chain(std::iter::repeat_n("bad", bad)).collect();
        json!({ "items": items })
    };
    for (good, bad, most) in
        [(10, 32, 101 * 42), (20_000, 32, PARTS + 20_032), (500_000, 32, 500_032), (0, 20_000, 101 * 32)]
    {
        READ.set(0);
        let wrong = wrong_in_json::<Items>(&body(good, bad));
        assert!(!wrong.of(&format!("items[{good}]")).is_empty(), "{wrong:?}");
        assert!(READ.get() <= most, "{good} {bad}: {}", READ.get());
    }
}
