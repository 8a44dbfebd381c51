//! `embed!`, and what it names in the crate that calls it.

pub use foobar_macros::embed_files;

/// The files of a folder, embedded in the program, for [`Server::public`](crate::Server::public) or
/// [`Server::files`](crate::Server::files).
///
/// ```
/// let server = foobar::Server::new().public(foobar::embed!("examples/site/public"));
/// ```
///
/// The path is relative to the folder of your `Cargo.toml`; if there is no such folder, or it holds no file, the program
/// does not compile. A debug build reads the files from there when they are requested, so that a change is seen at once.
/// For more than a folder, such as files that are left out, use a type of your own with `#[derive(RustEmbed)]`, as
/// [`Embedded::<YourType>::new()`](crate::files::Embedded).
#[macro_export]
macro_rules! embed {
    () => {
        compile_error!(
            "`embed!` needs the folder of the files, relative to the `Cargo.toml` of the package: `embed!(\"public\")`"
        )
    };
    ($folder:tt) => {
        $crate::embed::embed_files!($folder, {
            #[derive($crate::files::rust_embed::RustEmbed)]
            #[folder = $folder]
            #[crate_path = "foobar::files::rust_embed"]
            struct Files;
            $crate::files::Embedded::<Files>::new()
        })
    };
}
