//! The files that visitors send: read to a bounded file, known by their content, kept under a random name; and the texts
//! that come with them.

mod dimensions;
mod file_kind;
mod folder;
mod part_text;
mod storage;

use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use actix_multipart::Field;
use actix_web::HttpResponse;
use actix_web::web::{Bytes, block};
use aws_lc_rs::rand;
use futures_util::TryStreamExt;
use tempfile::NamedTempFile;

use crate::Error;
use crate::session::of_store;

pub use file_kind::FileKind;
pub use folder::FolderStorage;
pub use part_text::part_text;
pub use storage::Storage;

/// What is taken of the files that visitors send, and where it is kept.
///
/// ```
/// # use foobar_app as foobar;
/// # use futures_util::TryStreamExt;
/// use foobar::actix_multipart::Multipart;
/// use foobar::{Context, Error, FolderStorage, Uploads};
///
/// fn uploads(context: &Context) -> Result<Uploads, Error> {
///     Ok(Uploads::new(FolderStorage::new(context, "/uploaded/")?).max_size(2 << 20)) // `Server::private("/uploaded/", ..)`
/// }
///
/// async fn upload(context: Context, mut form: Multipart) -> Result<String, Error> {
///     let uploads = uploads(&context)?;
///     while let Some(mut part) = form.try_next().await? {
///         let upload = uploads.receive(&mut part).await?.map_err(|wrong| Error::unprocessable(format!("The file {wrong}.")))?;
///         if let Some(upload) = upload {
///             return uploads.keep(upload).await; // its name, for a row of yours
///         }
///     }
///     Err(Error::unprocessable("Choose a file."))
/// }
/// ```
#[derive(Clone)]
pub struct Uploads {
    storage: Arc<dyn Storage>,
    kinds: Vec<FileKind>,
    max_size: u64,
    max_pixels: u64,
}

/// A file that has arrived whole and is what it may be; gone when it is dropped and not [kept](Uploads::keep).
#[derive(Debug)]
pub struct Upload {
    file: NamedTempFile,
    kind: FileKind,
    size: u64,
}

impl Upload {
    /// What it is, by its content.
    pub const fn kind(&self) -> FileKind {
        self.kind
    }

    /// How many bytes it has.
    pub const fn size(&self) -> u64 {
        self.size
    }
}

/// In how large pieces a file is written.
const PIECE: usize = 256 << 10;
/// How much of a file is looked at: a picture says its size behind what cameras write into it.
const BEGINNING: u64 = 1 << 20;

impl Uploads {
    /// Pictures (PNG, JPEG, GIF and WebP) of 5 MiB and 50 million pixels at most, unless told otherwise.
    pub fn new(storage: impl Storage) -> Self {
        let kinds = vec![FileKind::Png, FileKind::Jpeg, FileKind::Gif, FileKind::WebP];
        Self { storage: Arc::new(storage), kinds, max_size: 5 << 20, max_pixels: 50_000_000 }
    }

    /// Takes files of these kinds alone.
    #[must_use]
    pub fn kinds(mut self, kinds: &[FileKind]) -> Self {
        self.kinds = kinds.to_vec();
        self
    }

    /// Takes files of so many bytes at most. `client_max_body_size` of the site, 1 MiB by default, has to be larger.
    #[must_use]
    pub const fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = bytes;
        self
    }

    /// Takes pictures that say they have so many pixels at most.
    #[must_use]
    pub const fn max_pixels(mut self, pixels: u64) -> Self {
        self.max_pixels = pixels;
        self
    }

    /// Reads a file of a form, piece by piece to a file on the disk. `None` where none was chosen: browsers send an empty one.
    /// What is wrong with it is said in words that stand behind its name, for [`add_error`](crate::FormFields::add_error) of a form.
    pub async fn receive(&self, part: &mut Field) -> Result<Result<Option<Upload>, String>, Error> {
        let folder = self.storage.temporary_folder();
        let mut file = block(move || tempfile::Builder::new().prefix(".upload-").tempfile_in(folder)).await??;
        let (mut size, mut piece) = (0, Vec::new());
        while let Some(data) = part.try_next().await? {
            size += data.len() as u64;
            if size > self.max_size {
                piece = Vec::new();
                continue; // to its end, so that the next part can be read
            }
            piece.extend_from_slice(&data);
            if piece.len() >= PIECE {
                file = write(file, std::mem::take(&mut piece).into()).await?;
            }
        }
        if size > self.max_size {
            return Ok(Err(format!("is larger than {}", bytes(self.max_size))));
        }
        let file = write(file, piece.into()).await?;
        if size == 0 { Ok(Ok(None)) } else { self.look_at(file, size).await }
    }

    async fn look_at(&self, mut file: NamedTempFile, size: u64) -> Result<Result<Option<Upload>, String>, Error> {
        let read = move || {
            let mut beginning = Vec::new();
            file.rewind()?;
            file.as_file().take(BEGINNING).read_to_end(&mut beginning)?;
            Ok::<_, io::Error>((file, beginning))
        };
        let (file, beginning) = block(read).await??;
        let kind = FileKind::of(&beginning).filter(|kind| self.kinds.contains(kind));
        let Some(kind) = kind else { return Ok(Err(self.wrong_kind())) };
        if kind.is_picture() {
            match dimensions::pixels(kind, &beginning) {
                None => return Ok(Err(format!("is no whole {} picture", kind.as_str()))),
                Some(pixels) if pixels > self.max_pixels => {
                    return Ok(Err(format!("has more than {} pixels", self.max_pixels)));
                }
                Some(_) => {}
            }
        }
        Ok(Ok(Some(Upload { file, kind, size })))
    }

    /// Keeps a file for good; its name.
    pub async fn keep(&self, upload: Upload) -> Result<String, Error> {
        let name = format!("{}.{}", random(), upload.kind.extension());
        self.storage.keep(&name, upload.file.path()).await.map_err(of_store)?;
        Ok(name)
    }

    /// The answer that brings a file to a client; 404 of what cannot be a name of one.
    pub fn serve(&self, name: &str) -> Result<HttpResponse, Error> {
        if is_name(name) { self.storage.serve(name) } else { Err(Error::not_found("There is no file of this name.")) }
    }

    /// Forgets a file; nothing where there is none of this name.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        if is_name(name) { self.storage.remove(name).await.map_err(of_store) } else { Ok(()) }
    }

    fn wrong_kind(&self) -> String {
        let names: Vec<_> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        match names.split_last() {
            Some((last, [])) => format!("is not a {last} file"),
            Some((last, first)) => format!("is not a {} or {last} file", first.join(", ")),
            None => "is of no kind that is taken".to_owned(),
        }
    }
}

async fn write(mut file: NamedTempFile, piece: Bytes) -> Result<NamedTempFile, Error> {
    Ok(block(move || file.write_all(&piece).map(|()| file)).await??)
}

/// As people read it.
fn bytes(count: u64) -> String {
    match count {
        mebibytes if mebibytes % (1 << 20) == 0 => format!("{} MiB", mebibytes >> 20),
        kibibytes if kibibytes % (1 << 10) == 0 => format!("{} KiB", kibibytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

/// How many characters the random part of a name has: 128 bits.
const RANDOM: usize = 32;

fn random() -> String {
    let mut bytes = [0; RANDOM / 2];
    rand::fill(&mut bytes).expect("the system has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether it may have been given by [`Uploads::keep`]: nothing else gets to a path.
fn is_name(name: &str) -> bool {
    let is_random = |text: &str| text.len() == RANDOM && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    name.split_once('.').is_some_and(|(random, end)| is_random(random) && FileKind::of_extension(end).is_some())
}

#[cfg(test)]
mod tests;
