use std::cell::RefCell;
use std::collections::BTreeSet;

/// The names that serde has for fields. Those of garde are Rust's, and another where `#[serde(rename_all)]` has changed them.
#[derive(Default)]
pub(super) struct Names(RefCell<BTreeSet<&'static str>>);

impl Names {
    pub(super) fn learn(&self, fields: &'static [&'static str]) {
        self.0.borrow_mut().extend(fields);
    }

    /// The way to a field in the words of serde, which are those of the client.
    pub(super) fn shown(&self, path: &str) -> String {
        let segments = path.split('.').map(|segment| {
            let (name, item) = segment.split_at(segment.find('[').unwrap_or(segment.len()));
            self.of_serde(name).to_owned() + item
        });
        segments.collect::<Vec<_>>().join(".")
    }

    fn of_serde<'a>(&self, name: &'a str) -> &'a str {
        let names = self.0.borrow();
        if names.contains(name) {
            return name;
        }
        names.iter().find(|known| letters(known) == letters(name)).copied().unwrap_or(name) // serde knows it not
    }
}

/// What `rename_all` leaves of a name.
fn letters(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase()
}
