//! What administrators do: edit the pages of text, and read what visitors have written.

use askama::Template;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::StatusCode;
use foobar::{Conn, Db, Error, Form, FormFields, QueryResult, Session, User, web};

use crate::answer::{personal, see_other};
use crate::content::{NewText, Page};
use crate::message::Message;
use crate::visitor::{ADMIN, Visitor};

pub(crate) fn routes(admin: &mut web::ServiceConfig) {
    admin
        .service(web::resource("").get(overview))
        .service(web::resource("/pages/{slug:[a-z0-9-]+}").get(edit_page).post(edit));
}

async fn overview(user: User, db: Db, visitor: Visitor) -> Result<HttpResponse, Error> {
    user.require(ADMIN)?;
    let (pages, messages) = db.read(Overview::load).await?;
    personal(StatusCode::OK, &Overview { visitor, pages, messages })
}

async fn edit_page(user: User, db: Db, slug: web::Path<String>, visitor: Visitor) -> Result<HttpResponse, Error> {
    user.require(ADMIN)?;
    let page = db.read(move |conn| Page::find(conn, &slug)).await?;
    let form = page.to_form();
    personal(StatusCode::OK, &Edit { visitor, slug: page.slug, form: &form })
}

async fn edit(
    user: User,
    db: Db,
    session: Session,
    slug: web::Path<String>,
    visitor: Visitor,
    mut form: Form<NewText>,
) -> Result<HttpResponse, Error> {
    user.require(ADMIN)?;
    let slug = slug.into_inner();
    let Some(text) = form.take() else {
        let page = db.read(move |conn| Page::find(conn, &slug)).await?;
        return personal(StatusCode::UNPROCESSABLE_ENTITY, &Edit { visitor, slug: page.slug, form: &form });
    };
    let path = format!("/{slug}");
    db.write(move |conn| text.replace(conn, &slug)).await?;
    session.flash("notice", "The page is changed.")?;
    Ok(see_other(&path))
}

#[derive(Template)]
#[template(path = "admin.html", config = "examples/site/askama.toml")]
struct Overview {
    visitor: Visitor,
    pages: Vec<Page>,
    messages: Vec<Message>,
}

impl Overview {
    fn load(conn: &mut Conn) -> QueryResult<(Vec<Page>, Vec<Message>)> {
        Ok((Page::all(conn)?, Message::newest(conn)?))
    }

    const fn path(&self) -> &'static str {
        "/admin"
    }
}

#[derive(Template)]
#[template(path = "edit.html", config = "examples/site/askama.toml")]
struct Edit<'a> {
    visitor: Visitor,
    slug: String,
    form: &'a FormFields,
}

impl Edit<'_> {
    fn path(&self) -> String {
        format!("/admin/pages/{}", self.slug)
    }
}
