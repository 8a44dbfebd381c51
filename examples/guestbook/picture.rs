//! A form with a picture: how large the picture may be, and what it has to be, whatever its name and type say.

use foobar::actix_multipart::Multipart;
use foobar::{Context, Error, FileKind, FolderStorage, Upload, Uploads, part_text};
use futures_util::TryStreamExt;

/// The route of the pictures, which a handler alone can send.
pub(crate) const ROUTE: &str = "/pictures/";

const MAX_PICTURE: u64 = 512 << 10;
const MAX_TEXT: usize = 16 << 10;

/// What is taken as a picture, and where it is kept.
pub(crate) fn pictures(context: &Context) -> Result<Uploads, Error> {
    let uploads = Uploads::new(FolderStorage::new(context, ROUTE)?);
    Ok(uploads.kinds(&[FileKind::Png, FileKind::Jpeg, FileKind::WebP]).max_size(MAX_PICTURE))
}

/// What a form with a picture holds.
pub(crate) struct Parts {
    pub(crate) texts: Vec<(String, String)>,
    /// What was sent as a picture, or what is wrong with it.
    pub(crate) picture: Result<Option<Upload>, String>,
}

impl Parts {
    pub(crate) async fn read(mut form: Multipart, pictures: &Uploads) -> Result<Self, Error> {
        let mut parts = Self { texts: Vec::new(), picture: Ok(None) };
        while let Some(mut part) = form.try_next().await? {
            // A part without a name is a field that nobody asks for.
            match part.name().unwrap_or_default().to_owned() {
                name if name == "picture" => parts.picture = pictures.receive(&mut part).await?,
                name => parts.texts.push((name, part_text(&mut part, MAX_TEXT).await?)),
            }
        }
        Ok(parts)
    }
}
