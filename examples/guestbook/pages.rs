//! The one page: the newest entries, and the form for another.

use askama::Template;
use diesel::result::{DatabaseErrorKind::UniqueViolation, Error::DatabaseError};
use foobar::actix_multipart::Multipart;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::{StatusCode, header::ContentType, header::LOCATION};
use foobar::{Context, Db, DbError, Error, Form, FormFields, Settings, web};

use crate::Guestbook;
use crate::entry::{self, Entry, NewEntry};
use crate::picture::{Parts, pictures};

#[derive(Template)]
#[template(path = "guestbook.html", config = "examples/guestbook/askama.toml")]
struct Page<'a> {
    guestbook: &'a Guestbook,
    entries: Vec<Entry>,
    form: &'a FormFields,
}

pub(crate) async fn entries(db: Db, guestbook: Settings<Guestbook>) -> Result<HttpResponse, Error> {
    page(StatusCode::OK, &db, &guestbook, &FormFields::default()).await
}

/// Adds an entry, or shows the form again with what was typed and what is wrong with it.
pub(crate) async fn sign(
    db: Db,
    context: Context,
    guestbook: Settings<Guestbook>,
    parts: Multipart,
) -> Result<HttpResponse, Error> {
    let pictures = pictures(&context)?;
    let parts = Parts::read(parts, &pictures).await?;
    let mut form = Form::<NewEntry>::of(parts.texts);
    // A picture that is none is told beside its field, and the form is not taken.
    let picture = parts.picture.unwrap_or_else(|wrong| {
        form.add_error("picture", wrong);
        None
    });
    let Some(entry) = form.take() else { return wrong(&db, &guestbook, &form).await };
    let file = match picture {
        Some(picture) => Some(pictures.keep(picture).await?),
        None => None,
    };
    let picture = file.clone();
    let written = db.write(move |conn| entry.insert(conn, picture.as_deref())).await;
    if let (Err(error), Some(file)) = (&written, &file)
        && !matches!(error, DbError::OutcomeUnknown { .. })
    // else a row may have it
    {
        pictures.remove(file).await?;
    }
    match written {
        Err(DbError::Query(DatabaseError(UniqueViolation, _))) => {
            form.add_error("name", "has signed already");
            wrong(&db, &guestbook, &form).await
        }
        written => {
            written?;
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/")).finish())
        }
    }
}

pub(crate) async fn picture(db: Db, context: Context, id: web::Path<i32>) -> Result<HttpResponse, Error> {
    let file = db.read(move |conn| entry::picture(conn, *id)).await?;
    pictures(&context)?.serve(&file)
}

async fn wrong(db: &Db, guestbook: &Guestbook, form: &FormFields) -> Result<HttpResponse, Error> {
    page(StatusCode::UNPROCESSABLE_ENTITY, db, guestbook, form).await
}

async fn page(status: StatusCode, db: &Db, guestbook: &Guestbook, form: &FormFields) -> Result<HttpResponse, Error> {
    let most = guestbook.per_page;
    let entries = db.read(move |conn| Entry::newest(conn, most)).await?;
    let page = Page { guestbook, entries, form };
    Ok(HttpResponse::build(status).content_type(ContentType::html()).body(page.render()?))
}
