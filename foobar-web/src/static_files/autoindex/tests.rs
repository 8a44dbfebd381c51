use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use super::entry::date;
use super::*;
use crate::request::{Fields, Verb};

fn entry(name: &str, directory: bool, size: u64) -> DirEntry {
    let modified = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_164_330));
    DirEntry { name: name.into(), directory, size, modified }
}

fn reply(autoindex: Autoindex, path: &str, accept: &str, entries: Vec<DirEntry>) -> (Reply, String) {
    let fields = Fields { accept: Some(Cow::Borrowed(accept.as_bytes())), ..Fields::default() };
    let asked = RequestView { verb: Verb::Get, path, query: None, fields, origin: None };
    let listing = Listing::of(&asked, autoindex, |_| PerCoding::default()).expect("directories are listed");
    let made = listing.make((entries, 0), |_, _| PerCoding::default()).expect("it is the first page");
    let list =
        List { text: made.text.into(), coding: None, varies: made.varies, more: made.more, left_out: made.left_out };
    let reply = listing.reply(list, &HeaderValue::from_static("no-cache"), Vec::new());
    let Content::Memory(text) = &reply.content else { panic!("a list is in memory") };
    let text = String::from_utf8(text.to_vec()).expect("it is text");
    (reply, text)
}

fn html(path: &str, entries: Vec<DirEntry>) -> String {
    reply(Autoindex::Html, path, "", entries).1
}

#[test]
fn directories_come_first_then_names_with_size_and_date_and_the_way_up() {
    let entries = vec![entry("b", false, 1536), entry("c", true, 0), entry("a", false, 3), entry("B", true, 0)];
    let page = html("/d/", entries.clone());
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("<tr><td>")).collect();
    assert_eq!(
        rows,
        [
            "<tr><td><a href=\"../\">../</a><td><td>",
            "<tr><td><a href=\"./B/\">B/</a><td><td>20 Nov 2026 08:45",
            "<tr><td><a href=\"./c/\">c/</a><td><td>20 Nov 2026 08:45",
            "<tr><td><a href=\"./a\">a</a><td>3 B<td>20 Nov 2026 08:45",
            "<tr><td><a href=\"./b\">b</a><td>1.5 KiB<td>20 Nov 2026 08:45",
        ]
    );
    assert!(!html("/", entries).contains("../"), "there is nothing above the root");
}

#[test]
fn no_name_becomes_markup_or_a_script() {
    let names = ["\"><svg onload=alert(1)>", "javascript:alert(1)", "a&amp;b", "'x'", "//evil.com", "caf\u{e9}?#%2F"];
    let page = html("/%3Cscript%3E/", names.iter().map(|name| entry(name, false, 0)).collect());
    assert!(page.contains("<h1>Index of /&lt;script&gt;/</h1>"), "{page}");
    for row in [
        "<a href=\"./%22%3E%3Csvg%20onload%3Dalert%281%29%3E\">&quot;&gt;&lt;svg onload=alert(1)&gt;</a>",
        "<a href=\"./javascript%3Aalert%281%29\">javascript:alert(1)</a>",
        "<a href=\"./a%26amp%3Bb\">a&amp;amp;b</a>",
        "<a href=\"./%27x%27\">&#39;x&#39;</a>",
        "<a href=\"./caf%C3%A9%3F%23%252F\">caf\u{e9}?#%2F</a>",
    ] {
        assert!(page.contains(row), "{row}\n{page}");
    }
    assert!(!page.contains("evil"), "no name has a slash");
}

#[test]
fn what_is_not_served_is_not_listed() {
    let names = [".env", ".git", "..", "a\nb", "a\u{7f}", "good"];
    let page = html("/", names.iter().map(|name| entry(name, false, 0)).collect());
    assert_eq!(page.matches("<tr><td>").count(), 1, "{page}");
}

#[test]
fn json_has_the_form_of_nginx() {
    let (reply, text) =
        reply(Autoindex::Json, "/d/", "text/html", vec![entry("a\"b", false, 3), entry("c", true, 4096)]);
    assert_eq!(reply.headers()[CONTENT_TYPE], "application/json");
    assert!(!reply.headers().contains_key(VARY));
    let expected = "[\n  {\n    \"name\": \"c\",\n    \"type\": \"directory\",\n    \
                    \"mtime\": \"Fri, 20 Nov 2026 08:45:30 GMT\"\n  },\n  {\n    \"name\": \"a\\\"b\",\n    \
                    \"type\": \"file\",\n    \"mtime\": \"Fri, 20 Nov 2026 08:45:30 GMT\",\n    \"size\": 3\n  }\n]\n";
    assert_eq!(text, expected);
}

#[test]
fn a_list_is_cut_and_says_so() {
    let many = |count: usize| (0..count).map(|number| entry(&number.to_string(), false, 0)).collect();
    let page = html("/", many(MOST));
    assert_eq!((page.matches("<tr><td>").count(), page.contains("There are more")), (MOST, false));
    let page = html("/", many(LISTED));
    assert_eq!((page.matches("<tr><td>").count(), page.contains("There are more; 10000 are shown")), (MOST, true));
}

#[test]
fn on_gives_json_to_who_prefers_it_and_a_page_to_all_others() {
    for (accept, form) in [
        ("", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
        ("application/json;q=0.5, text/html", "text/html; charset=utf-8"),
        ("application/json;q=x", "text/html; charset=utf-8"),
        ("application/json, text/html", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
        ("text/html;q=0.5, Application/JSON; charset=utf-8; q=0.6", "application/json"),
    ] {
        let (reply, _) = reply(Autoindex::On, "/", accept, Vec::new());
        assert_eq!(reply.headers()[CONTENT_TYPE], form, "{accept}");
        assert_eq!(reply.headers()[VARY], "accept");
        assert_eq!(reply.headers()[CACHE_CONTROL], "no-cache");
        assert!(!reply.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script"));
    }
}

#[test]
fn times_that_http_cannot_say_become_the_nearest_it_can() {
    let far = [Duration::from_secs(1 << 40), Duration::from_secs(253_402_300_800)];
    let times = far.map(|time| SystemTime::UNIX_EPOCH + time).into_iter();
    for time in times.chain([SystemTime::UNIX_EPOCH - Duration::from_secs(1)]) {
        let listed = DirEntry { modified: Some(time), ..entry("a", false, 0) };
        let year = if time < SystemTime::UNIX_EPOCH { "1970" } else { "9999" };
        assert!(date(&listed).expect("it has one").contains(year));
    }
}
