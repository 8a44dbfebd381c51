//! Files without the folder that they are in.
//~ `embed!` needs the folder of the files
//~ `embed!("public")`
fn main() {
    let _server = foobar::Server::new().public(foobar::embed!());
}
