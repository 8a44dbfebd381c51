//! The path of a folder where a place for uploads is wanted.
//~ `&str` cannot keep uploads
//~ `foobar::FolderStorage`
//~ implement `foobar::Storage`
fn main() {
    let _uploads = foobar::Uploads::new("/srv/uploaded");
}
