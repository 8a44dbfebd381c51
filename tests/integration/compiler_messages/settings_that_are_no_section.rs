//! Settings of a type that nobody has declared to be a section.
//~ `Guestbook` is not a section of the configuration
//~ declare it with `foobar::settings! { struct Guestbook { .. } }`
//~ a type with `#[derive(serde::Deserialize)]` becomes one by `impl foobar::Section for Guestbook {}`
struct Guestbook;

fn main() {
    foobar::Server::new().settings::<Guestbook>("guestbook");
}
