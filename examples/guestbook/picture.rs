//! A form with a picture: how large the picture may be, and what it has to be, whatever its name and type say.

use foobar::Error;
use foobar::actix_multipart::{Field, LimitExceeded, Multipart};
use foobar::actix_web::web::Bytes;
use futures_util::TryStreamExt;

const MAX_PICTURE: usize = 512 * 1024;
const MAX_TEXT: usize = 16 * 1024;

/// A picture that browsers show.
pub(crate) struct Picture {
    media_type: &'static str,
    content: Bytes,
}

/// What a form with a picture holds.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) texts: Vec<(String, String)>,
    /// What was sent as a picture, or what is wrong with it.
    pub(crate) picture: Option<Result<Picture, &'static str>>,
}

impl Parts {
    pub(crate) async fn read(mut form: Multipart) -> Result<Self, Error> {
        let mut parts = Self::default();
        while let Some(mut part) = form.try_next().await? {
            // A part without a name is a field that nobody asks for.
            match part.name().unwrap_or_default().to_owned() {
                name if name == "picture" => parts.picture = Picture::read(&mut part).await?,
                name => parts.texts.push((name, text(&mut part).await?)),
            }
        }
        Ok(parts)
    }
}

async fn text(part: &mut Field) -> Result<String, Error> {
    let content = part.bytes(MAX_TEXT).await??;
    String::from_utf8(content.into()).map_err(|_not_utf8| Error::bad_request("A field of the form is not UTF-8."))
}

impl Picture {
    /// `None` where no file was chosen: browsers send an empty one.
    async fn read(part: &mut Field) -> Result<Option<Result<Self, &'static str>>, Error> {
        let content = match part.bytes(MAX_PICTURE).await {
            Err(LimitExceeded { .. }) => return Ok(Some(Err("is larger than 512 KiB"))),
            Ok(content) => content?,
        };
        Ok((!content.is_empty()).then(|| Self::of(content).ok_or("is not a PNG, JPEG or WebP picture")))
    }

    /// The picture, if its first bytes are those of one.
    fn of(content: Bytes) -> Option<Self> {
        let media_type = match &content[..] {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            _ => return None,
        };
        Some(Self { media_type, content })
    }

    pub(crate) const fn media_type(&self) -> &'static str {
        self.media_type
    }

    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }
}
