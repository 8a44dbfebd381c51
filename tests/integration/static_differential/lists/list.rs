use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use super::super::requests::decode;
use crate::support::Response;

/// A list that was sent as HTML.
pub(super) struct List {
    pub(super) has_way_up: bool,
    pub(super) entries: Vec<Entry>,
}

pub(super) struct Entry {
    /// The bytes that its link leads to, without the slash of a directory.
    pub(super) name: Vec<u8>,
    pub(super) is_directory: bool,
    href: String,
    /// Its name as it is shown.
    pub(super) shown: String,
    /// Day and minute.
    pub(super) modified: String,
    /// As it is shown; that of a directory is empty.
    pub(super) size: String,
}

impl Entry {
    pub(super) fn file_name(&self) -> &OsStr {
        OsStr::from_bytes(&self.name)
    }

    pub(super) fn name_as_text(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// The path to it from its directory, encoded.
    pub(super) fn href(&self) -> &str {
        self.href.strip_prefix("./").unwrap_or(&self.href)
    }

    /// Whether its size is that of nginx, which says each byte, as people read it.
    pub(super) fn is_rounded_from(&self, nginx: &Self) -> bool {
        if self.is_directory {
            return self.size.is_empty() && nginx.size == "-";
        }
        let bytes: f64 = nginx.size.parse().expect("a number of bytes");
        let (number, unit) = self.size.split_once(' ').expect("a number and its unit");
        let unit = match unit {
            "B" => return number == nginx.size && bytes < 1024.0,
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            other => panic!("no file is of {other}"),
        };
        let number: f64 = number.parse().expect("a number");
        number >= 1.0 && (number * unit - bytes).abs() <= 0.0501 * unit
    }

    /// The path from a link, what it shows, the day and minute, and the size.
    fn new(href: &str, shown: &str, modified: &str, size: &str) -> Self {
        let bytes = decode(unescape(href).as_bytes()).expect("a path with good escapes");
        let bytes = bytes.strip_prefix(b"./").unwrap_or(&bytes); // nginx's have none
        let (name, is_directory) = match bytes.strip_suffix(b"/") {
            Some(name) => (name, true),
            None => (bytes, false),
        };
        Self {
            name: name.to_owned(),
            is_directory,
            href: href.to_owned(),
            shown: unescape(shown),
            modified: modified.replace('-', " "),
            size: size.to_owned(),
        }
    }
}

/// `<a href="a">a</a>       29-Feb-2024 23:59      7`.
pub(super) fn html_of_nginx(response: &Response) -> List {
    list(response, "<a href=\"", |href, shown, rest| {
        let line = rest.split('\r').next().expect("the rest of a line");
        let mut columns = line.split_whitespace();
        let mut column = || columns.next().expect("day, time and size");
        Entry::new(href, shown, &format!("{} {}", column(), column()), column())
    })
}

/// `<tr><td><a href="./a">a</a><td>7 B<td>29 Feb 2024 23:59`.
pub(super) fn html_of_foobar(response: &Response) -> List {
    list(response, "<tr><td><a href=\"", |href, shown, rest| {
        let line = rest.split('\n').next().expect("the rest of a line");
        let (size, modified) = line.strip_prefix("<td>").and_then(|line| line.split_once("<td>")).expect("two columns");
        Entry::new(href, shown, modified, size)
    })
}

/// The links of a page, each with what it shows and what follows it.
fn list(response: &Response, before: &str, entry: impl Fn(&str, &str, &str) -> Entry) -> List {
    let page = String::from_utf8_lossy(&response.body);
    let links = page.split(before).skip(1).map(|link| {
        let (href, rest) = link.split_once("\">").expect("the end of a link");
        let (shown, rest) = rest.split_once("</a>").expect("the end of what a link shows");
        (href, shown, rest)
    });
    let (ups, links): (Vec<_>, Vec<_>) = links.partition(|(href, ..)| *href == "../");
    let entries = links.into_iter().map(|(href, shown, rest)| entry(href, shown, rest)).collect();
    List { has_way_up: !ups.is_empty(), entries }
}

/// What stands over a list.
pub(super) fn title(response: &Response) -> String {
    let page = String::from_utf8_lossy(&response.body);
    let title = page.split_once("<h1>").and_then(|(_, rest)| rest.split_once("</h1>"));
    unescape(title.expect("a title").0)
}

/// A list that was sent as JSON, with U+FFFD for what is not UTF-8 in it.
pub(super) fn json(response: &Response) -> Vec<Value> {
    serde_json::from_str(&String::from_utf8_lossy(&response.body)).expect("a list of objects")
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&#x27;", "'").replace("&amp;", "&")
}
