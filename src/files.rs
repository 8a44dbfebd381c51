//! Where static files come from: a [`Folder`], the program itself ([`Embedded`], by rust-embed), or a [`FileSource`] of
//! your own, given to [`Server::files`](crate::Server::files) under a name.

pub use foobar_web::{
    Blocking, DirEntry, Embedded, FileContent, FileSource, FileSources, FileState, Folder, Links, Node, OpenedFile,
    Page, Version, rust_embed,
};
