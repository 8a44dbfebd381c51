//! The path of a folder where a source of files is wanted.
//~ `&str` is not a source of files
//~ a folder of the system goes to `Server::public`
//~ implement `foobar::files::FileSource`
fn main() {
    let _server = foobar::Server::new().files("pages", "public");
}
