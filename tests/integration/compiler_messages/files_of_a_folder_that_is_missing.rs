//! Files of a folder that is not there, beside the `Cargo.toml` of the package.
//~ error: no files in `nowhere`, looked for at
//~ /nowhere: there is no such folder. The folder is relative to the `Cargo.toml` of the package
//~ such as `nowhere/site.css`
//~ aborting due to 1 previous error
fn main() {
    let _server = foobar::Server::new().public(foobar::embed!("nowhere"));
}
