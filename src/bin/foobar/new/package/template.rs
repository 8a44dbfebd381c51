//! The files of `templates/`, and how they become those of a package.

/// The files of a folder: the path and the text of each.
pub(super) type Layer = &'static [(&'static str, &'static str)];

macro_rules! layer {
    ($name:ident, $folder:literal, $($path:literal)*) => {
        pub(super) const $name: Layer =
            &[$(($path, include_str!(concat!("../../../../../templates/", $folder, "/", $path)))),*];
    };
}

layer! { ALL, "all", ".dockerignore" ".gitignore" "AGENTS.md" "Cargo.toml.in" "Dockerfile" "README.md" "deploy/app.service" "foobar.toml" }
layer! { DATABASE, "database",
    "migrations/mysql/2026-01-01-000000_create_messages/down.sql"
    "migrations/mysql/2026-01-01-000000_create_messages/up.sql"
    "migrations/sqlite/2026-01-01-000000_create_messages/down.sql"
    "migrations/sqlite/2026-01-01-000000_create_messages/up.sql"
    "src/message.rs" "src/schema.rs"
}
layer! { HTML, "html", "public/favicon.svg" "public/robots.txt" "public/site.css" "templates/base.html" "templates/not_found.html" }
layer! { HTML_DATABASE, "html_database", "build.rs" "src/tests.rs" "templates/home.html" }
layer! { HTML_PLAIN, "html_plain", "build.rs" "src/tests.rs" "templates/home.html" }
layer! { PAGES_DATABASE, "pages_database", "src/main.rs" "src/pages.rs" }
layer! { PAGES_PLAIN, "pages_plain", "src/main.rs" "src/pages.rs" }
layer! { API_DATABASE, "api_database", "build.rs" "src/api.rs" "src/main.rs" "src/tests.rs" }
layer! { API_PLAIN, "api_plain", "src/api.rs" "src/main.rs" "src/tests.rs" }
layer! { AXUM, "axum", "src/error.rs" }
layer! { AXUM_DATABASE, "axum_database", "src/main.rs" "src/pages.rs" }
layer! { AXUM_PLAIN, "axum_plain", "src/main.rs" "src/pages.rs" }

/// What names the dependencies of every package.
pub(super) const MANIFEST: &str = include_str!("../../../../../templates/all/Cargo.toml.in");

/// What stands in the place of what a template leaves open.
pub(super) struct Template<'a> {
    /// The conditions that hold.
    pub(super) words: Vec<&'a str>,
    pub(super) values: Vec<(&'a str, String)>,
}

impl Template<'_> {
    /// The lines between `{{if WORD}}` and `{{end}}` stay where the word holds; values replace their names.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut is_kept = true;
        let mut filled = String::new();
        for line in text.lines() {
            match line.trim() {
                "{{end}}" => is_kept = true,
                condition if condition.starts_with("{{if ") => is_kept = self.holds(condition),
                _ if is_kept => filled += &(self.replace(line) + "\n"),
                _ => {}
            }
        }
        filled
    }

    fn holds(&self, condition: &str) -> bool {
        self.words.iter().any(|word| condition == format!("{{{{if {word}}}}}"))
    }

    fn replace(&self, line: &str) -> String {
        self.values.iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value))
    }
}
