//! What a package is made of.

mod template;

use super::dependency::Dependency;
use super::toolchain::RUST_VERSION;

use template::{Layer, MANIFEST, Template};

/// A package as it was asked for.
pub(super) struct Package {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) dependency: Dependency,
    /// Whether it is made below another package.
    pub(super) is_nested: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) has_database: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Pages by actix-web.
    Pages,
    /// JSON by actix-web.
    Api,
    /// Pages by axum.
    Axum,
}

impl Shape {
    /// From where its files come.
    fn layers(self) -> Vec<Layer> {
        let (kind, kinds) = match self.kind {
            Kind::Pages => ([template::PAGES_PLAIN, template::PAGES_DATABASE], vec![]),
            Kind::Api => ([template::API_PLAIN, template::API_DATABASE], vec![]),
            Kind::Axum => ([template::AXUM_PLAIN, template::AXUM_DATABASE], vec![template::AXUM]),
        };
        let pages = match self.kind {
            Kind::Api => vec![],
            _ if self.has_database => vec![template::HTML, template::HTML_DATABASE],
            _ => vec![template::HTML, template::HTML_PLAIN],
        };
        let database = if self.has_database { vec![template::DATABASE] } else { vec![] };
        [vec![template::ALL, kind[usize::from(self.has_database)]], kinds, pages, database].concat()
    }

    fn words(self) -> Vec<&'static str> {
        let kind: &[&str] = match self.kind {
            Kind::Pages => &["pages", "html", "actix"],
            Kind::Api => &["api", "actix"],
            Kind::Axum => &["axum", "html"],
        };
        let database = if self.has_database { "database" } else { "no-database" };
        let rules: &[&str] = if self.has_database || self.kind == Kind::Api { &["rules"] } else { &[] }; // of what comes in
        [kind, &[database], rules].concat()
    }

    const fn described(self) -> &'static str {
        match (self.kind, self.has_database) {
            (Kind::Pages, true) => "pages with a database",
            (Kind::Pages, false) => "pages without a database",
            (Kind::Api, true) => "an API with a database",
            (Kind::Api, false) => "an API without a database",
            (Kind::Axum, true) => "pages by axum with a database",
            (Kind::Axum, false) => "pages by axum without a database",
        }
    }
}

impl Package {
    /// Its files: the path and the text of each.
    pub(super) fn files(&self) -> Vec<(String, String)> {
        let template = self.template();
        let files = self.shape.layers().into_iter().flatten();
        files.map(|(path, text)| (self.path(path), template.fill(text))).collect()
    }

    /// What the command prints.
    pub(super) fn summary(&self) -> String {
        format!(
            "made {name}: {described}, on\n    {dependency}\nNow\n    cd {name}\n    cargo run     # serves http://127.0.0.1:8080\n    \
             cargo test",
            name = self.name,
            described = self.shape.described(),
            dependency = self.dependency.in_manifest(),
        )
    }

    fn template(&self) -> Template<'_> {
        let source = match &self.dependency {
            Dependency::Path(_) => "path",
            Dependency::Git(_) => "git",
        };
        let nested = if self.is_nested { "nested" } else { "not-nested" };
        Template {
            words: [&self.shape.words()[..], &[source, nested]].concat(),
            values: vec![
                ("{{name}}", self.name.clone()),
                ("{{rust-version}}", RUST_VERSION.to_owned()),
                ("{{foobar}}", self.dependency.in_manifest()),
                ("{{foobar-place}}", self.dependency.place().to_owned()),
                ("{{foobar-in-shell}}", self.dependency.in_shell()),
                ("{{foobar-in-dockerfile}}", self.dependency.in_dockerfile()),
            ],
        }
    }

    /// Where a file of the template is in the package.
    fn path(&self, path: &str) -> String {
        match path {
            "Cargo.toml.in" => "Cargo.toml".to_owned(), // under its own name cargo would take it for a package
            "deploy/app.service" => format!("deploy/{}.service", self.name),
            path => path.to_owned(),
        }
    }
}

/// The packages that one or the other shape depends on.
pub(super) fn dependencies() -> impl Iterator<Item = &'static str> {
    let sections = MANIFEST.split("\n[").filter(|section| section.contains("dependencies]\n"));
    let lines = sections.flat_map(str::lines).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.split_once(" = ")?.0)).chain(["foobar"])
}

impl Dependency {
    /// The line of `Cargo.toml`.
    fn in_manifest(&self) -> String {
        match self {
            Self::Path(path) => format!("foobar = {{ path = \"{}\" }}", escaped(path)),
            Self::Git(url) => format!("foobar = {{ git = \"{url}\" }}"),
        }
    }

    fn place(&self) -> &str {
        match self {
            Self::Path(place) | Self::Git(place) => place,
        }
    }

    /// As an argument of a shell.
    fn in_shell(&self) -> String {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+:@".contains(letter);
        match self.place() {
            place if place.chars().all(is_plain) => place.to_owned(),
            place => format!("'{}'", place.replace('\'', r"'\''")),
        }
    }

    /// In a list of a `Dockerfile`, which replaces variables in it.
    fn in_dockerfile(&self) -> String {
        escaped(&self.place().replace('\\', r"\\").replace('$', r"\$"))
    }
}

/// In a basic string of TOML, or one of JSON. There are no control characters in a path.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests;
