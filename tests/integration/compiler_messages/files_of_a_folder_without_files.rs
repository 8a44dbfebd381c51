//! Files of a folder that has none: one of fewer folders is meant, or one of more.
//~ error: no files in `AN_EMPTY_FOLDER`, looked for at
//~ that folder holds no file
//~ aborting due to 1 previous error
fn main() {
    let _server = foobar::Server::new().public(foobar::embed!("AN_EMPTY_FOLDER"));
}
