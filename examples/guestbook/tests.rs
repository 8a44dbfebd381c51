//! The guestbook in process, behind its web tier, on a fresh database of each engine for each test.

use std::ops::Deref;

use foobar::test::{self, Multipart, Site, TestDb, TestResponse};
use tempfile::TempDir;

use crate::server;

/// A guestbook with a folder of its own for its pictures.
struct Fixture {
    site: Site,
    pictures: TempDir,
}

impl Deref for Fixture {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

async fn on(db: TestDb) -> Fixture {
    let pictures = tempfile::tempdir().unwrap();
    let folder = pictures.path().display().to_string();
    let server = server().set("sites.default.routes.\"/pictures/\".files", folder);
    Fixture { site: test::site_on(db, server).await, pictures }
}

async fn on_both() -> [Fixture; 2] {
    [on(TestDb::sqlite().await).await, on(TestDb::mysql().await).await]
}

impl Fixture {
    fn pictures(&self) -> usize {
        std::fs::read_dir(self.pictures.path()).unwrap().count()
    }
}

/// The form as a browser sends it where no file was chosen.
fn form(fields: &[(&str, &str)]) -> Multipart {
    fields.iter().fold(Multipart::new(), |form, (name, value)| form.text(name, value))
}

fn ann() -> Multipart {
    form(&[("name", "Ann"), ("message", "Hello"), ("stars", "5"), ("public", "on")])
}

async fn sign(site: &Site, form: Multipart) -> TestResponse {
    site.post("/").multipart(form).await
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0and so on";

#[tokio::test]
async fn who_signs_is_shown_and_what_they_write_is_never_markup() {
    for site in on_both().await {
        assert!(site.get("/").await.text().contains("Nobody has signed yet."));
        let hostile = form(&[("name", "<b>Ann</b>"), ("message", "\"><script>"), ("stars", "4"), ("public", "on")]);
        let answer = sign(&site, hostile.file("picture", "", "application/octet-stream", "")).await;
        assert_eq!((answer.status().as_u16(), answer.header("location")), (303, Some("/")), "{answer:?}");
        let page = site.get("/").await;
        assert!(page.text().contains("<h3>&#60;b&#62;Ann&#60;/b&#62;</h3>"), "{}", page.text());
        assert!(page.text().contains("4 of 5 stars") && !page.text().contains("<script"), "{}", page.text());
        assert!(!page.text().contains("<img"), "an empty file is none");
    }
}

#[tokio::test]
async fn a_form_with_mistakes_is_shown_again_with_what_was_typed_and_what_is_wrong() {
    for site in on_both().await {
        let answer = sign(&site, form(&[("name", " "), ("message", "</textarea>&"), ("stars", "a\"b")])).await;
        assert_eq!((answer.status().as_u16(), answer.header("content-type")), (422, Some("text/html; charset=utf-8")));
        let page = answer.text();
        for shown in [
            "Name is required.",
            "Stars is not a whole number.",
            "value=\"a&#34;b\"",
            "&#60;/textarea&#62;&#38;</textarea>",
            "<span id=\"message-errors\"></span>",
            "name=\"public\">",
        ] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        let answer =
            sign(&site, form(&[("name", " "), ("public", "on"), ("stars", "9"), ("message", &"x".repeat(2001))])).await;
        let page = answer.text();
        for shown in [
            "Name is required.",
            "Message is too long: the maximum length is 2000.",
            "Stars must be at most 5.",
            "name=\"public\" checked>",
        ] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        assert!(site.get("/").await.text().contains("Nobody has signed yet."));
    }
}

#[tokio::test]
async fn a_name_that_has_signed_is_told_beside_its_field() {
    for site in on_both().await {
        assert_eq!(sign(&site, ann()).await.status(), 303);
        let again = sign(&site, ann()).await;
        assert_eq!(again.status(), 422);
        assert!(again.text().contains("Name has signed already."), "{}", again.text());
        assert!(again.text().contains("value=\"Ann\""), "{}", again.text());
        assert_eq!(sign(&site, ann().file("picture", "a.png", "image/png", PNG)).await.status(), 422);
        assert_eq!(site.pictures(), 0, "no entry has it");
    }
}

#[tokio::test]
async fn an_entry_that_is_not_public_is_not_shown_and_neither_is_its_picture() {
    for site in on_both().await {
        let secret = form(&[("name", "Ann"), ("message", "Hello"), ("stars", "5")]);
        assert_eq!(sign(&site, secret.file("picture", "a.png", "image/png", PNG)).await.status(), 303);
        assert!(site.get("/").await.text().contains("Nobody has signed yet."));
        assert_eq!(site.get("/entries/1/picture").await.status(), 404);
    }
}

#[tokio::test]
async fn a_picture_is_what_its_content_is_and_not_what_its_name_says() {
    for site in on_both().await {
        assert_eq!(sign(&site, ann().file("picture", "../../cat.html", "text/html", PNG)).await.status(), 303);
        assert!(site.get("/").await.text().contains("<img src=\"/entries/1/picture\""));
        let picture = site.get("/entries/1/picture").await;
        assert_eq!((picture.header("content-type"), &picture.bytes()[..]), (Some("image/png"), PNG));
        assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
        let page = sign(&site, ann().file("picture", "cat.png", "image/png", "<script>")).await;
        assert_eq!(page.status(), 422);
        assert!(page.text().contains("The picture is not a PNG, JPEG or WebP file."), "{}", page.text());
        assert_eq!(site.get("/entries/2/picture").await.status(), 404);
        assert_eq!(site.pictures(), 1);
    }
}

#[tokio::test]
async fn a_picture_is_bounded_and_so_is_the_whole_form() {
    let site = on(TestDb::sqlite().await).await;
    let large = |bytes: usize| ann().file("picture", "cat.png", "image/png", [PNG, &vec![0; bytes]].concat());
    let page = sign(&site, large(512 << 10)).await;
    assert_eq!(page.status(), 422);
    assert!(page.text().contains("The picture is larger than 512 KiB.") && page.text().contains("value=\"Ann\""));
    assert_eq!(sign(&site, large(2 << 20)).await.status(), 413);
    let answer = sign(&site, form(&[("name", &"x".repeat(20 << 10))])).await;
    assert_eq!(answer.status(), 413);
    assert!(answer.text().contains("The field `name` of the form is larger than 16 KiB."), "{answer:?}");
}

#[tokio::test]
async fn what_is_no_form_with_files_is_an_error_page_with_its_status() {
    let site = on(TestDb::sqlite().await).await;
    let body = "--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\n";
    for (expected, kind, body) in [
        (415, "application/x-www-form-urlencoded", b"name=Ann".to_vec()),
        (400, "multipart/form-data", body.into()),
        (400, "multipart/form-data; boundary=b", [body, "Ann"].concat().into()),
        (400, "multipart/form-data; boundary=b", [body.as_bytes(), b"\xff\r\n--b--\r\n"].concat()),
    ] {
        let answer = site.post("/").header("content-type", kind).header("accept", "text/html").body(body).await;
        assert_eq!(answer.status(), expected, "{kind}: {answer:?}");
        assert!(answer.text().contains(&format!("<h1>{expected} ")), "{answer:?}");
    }
}
