use std::fmt::Write;

use foobar_core::HtmlText;

use super::entry::{date, href};
use crate::file_source::DirEntry;

/// What the page may do: have its own style. The hash is that of [`STYLE`].
pub(super) const POLICY: &str = "default-src 'none'; style-src 'sha256-apbdJC8qwzTgBMeVSzanJdv0vdOnDWTFcE7c06GFr8Q='; \
                                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;font-family:system-ui,sans-serif}\
main{max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.3rem;overflow-wrap:anywhere}\
table{width:100%;border-collapse:collapse}\
th,td{padding:.3rem .5rem;text-align:left;border-bottom:1px solid #8884}\
td+td,th+th{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
a{overflow-wrap:anywhere;unicode-bidi:isolate;text-decoration:none}\
a:hover{text-decoration:underline}\
@media(max-width:36rem){th:nth-child(3),td:nth-child(3){display:none}}";

/// A page of the list in the order of the entries, with ways to the one before it and, if there are `more`, to the next.
/// So many are `left_out`.
pub(super) fn page(path: &str, entries: &[DirEntry], number: usize, more: bool, left_out: usize) -> String {
    let title = format!("Index of {}", HtmlText(path));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <main>\n<h1>{title}</h1>\n<table>\n<thead><tr><th>Name<th>Size<th>Modified (UTC)\n<tbody>\n"
    );
    if path != "/" {
        page.push_str("<tr><td><a href=\"../\">../</a><td><td>\n");
    }
    entries.iter().for_each(|entry| push_row(&mut page, entry));
    page.push_str("</table>\n");
    if number > 1 {
        push(&mut page, format_args!("<p><a href=\"?page={}\" rel=\"prev\">Previous page</a></p>\n", number - 1));
    }
    if more {
        let (shown, next) = (entries.len(), number.saturating_add(1));
        let link = format_args!("<a href=\"?page={next}\" rel=\"next\">Next page</a>");
        push(&mut page, format_args!("<p>There are more; {shown} are shown. {link}</p>\n"));
    }
    if left_out > 0 {
        push(&mut page, format_args!("<p>Names left out, as no request can hold control characters: {left_out}</p>\n"));
    }
    page.push_str("</main>\n</html>\n");
    page
}

/// A link begins with `./`, so that no name is taken for a scheme (`javascript:`). What of a name is not UTF-8 is shown
/// as U+FFFD.
fn push_row(page: &mut String, entry: &DirEntry) {
    let slash = if entry.directory { "/" } else { "" };
    let (href, name) = (href(entry), entry.name.to_string_lossy());
    push(page, format_args!("<tr><td><a href=\"./{href}\">{}{slash}</a><td>", HtmlText(&name)));
    if !entry.directory {
        push(page, format_args!("{}", Size(entry.size)));
    }
    // Of `Fri, 20 Nov 2026 08:45:30 GMT` the day and the minute.
    push(page, format_args!("<td>{}\n", date(entry).as_deref().and_then(|date| date.get(5..22)).unwrap_or_default()));
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a string takes everything");
}

/// A number of bytes for people.
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut size = self.0 as f64 / 1024.0;
        let mut units = UNITS.iter();
        let mut unit = units.next();
        while size >= 1023.95 {
            size /= 1024.0;
            unit = units.next();
        }
        write!(f, "{size:.1} {}", unit.copied().unwrap_or("EiB")) // 64 bits end there
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn sizes_are_rounded_to_their_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    #[test]
    fn the_policy_allows_the_style_of_the_page_and_no_other() {
        let mut command = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        command.stdin.take().unwrap().write_all(STYLE.as_bytes()).unwrap();
        let hash = String::from_utf8(command.wait_with_output().unwrap().stdout).unwrap();
        let (_, allowed) = POLICY.split_once("'sha256-").unwrap();
        assert_eq!(hash[..64], hexadecimal(allowed.split('\'').next().unwrap()), "of the style: {hash}");
    }

    /// The bytes behind 43 digits of base64 and a `=`.
    fn hexadecimal(base64: &str) -> String {
        let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits: String =
            base64.chars().filter_map(|digit| digits.find(digit)).map(|value| format!("{value:06b}")).collect();
        let nibbles = bits.as_bytes().chunks(4).take(64).map(|nibble| str::from_utf8(nibble).unwrap());
        nibbles.map(|nibble| format!("{:x}", u8::from_str_radix(nibble, 2).unwrap())).collect()
    }
}
