//! Static files: where they come from, and how an application refers to them.
//!
//! They come from a [`Folder`], from the program itself ([`Embedded`], by rust-embed; [`embed!`](crate::embed!) makes
//! one), or from a [`FileSource`] of your own, by [`Server::public`](crate::Server::public), or under a name by
//! [`Server::files`](crate::Server::files). A handler links to one with [`asset`](crate::asset()), and sends one with
//! [`send_file`](crate::send_file()).

pub use foobar_app::SendFile;
pub use foobar_core::{AssetError, Assets};
pub use foobar_web::{
    Blocking, DirEntry, Embedded, FileContent, FileSource, FileSources, FileState, Folder, Links, Node, OpenedFile,
    Page, PublicFiles, Version, rust_embed,
};
