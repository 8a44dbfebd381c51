use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use actix_multipart::Multipart as Parts;
use actix_web::web::{self, Data, ServiceConfig};
use foobar_core::{BoxError, BoxFuture};
use tempfile::TempDir;

use super::*;
use crate::testing::{Client, Multipart, TestResponse};
use crate::{App, AppSettings, Context, Runtime};

/// Keeps files in memory: another storage than a folder.
#[derive(Clone)]
struct Memory {
    folder: PathBuf,
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl Memory {
    fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: Arc::default() }
    }
}

impl Storage for Memory {
    fn temporary_folder(&self) -> PathBuf {
        self.folder.clone()
    }

    fn keep<'a>(&'a self, name: &'a str, file: &'a Path) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let content = std::fs::read(file)?;
            self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), content);
            Ok(())
        })
    }

    fn serve(&self, name: &str) -> Result<HttpResponse, Error> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let content = files.get(name).ok_or_else(|| Error::not_found("There is no such file."))?;
        Ok(HttpResponse::Ok().body(content.clone()))
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
            Ok(())
        })
    }
}

struct Site(fn(&Context) -> Uploads);

impl App for Site {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes
            .app_data(Data::new(self.0))
            .route("/", web::post().to(upload))
            .route("/{name:.*}", web::get().to(show))
            .route("/{name}", web::delete().to(remove));
    }
}

type Make = Data<fn(&Context) -> Uploads>;

/// Keeps the file of a form, and says its name; a form with `forget` is left as if another field were wrong.
async fn upload(context: Context, make: Make, mut form: Parts) -> Result<String, Error> {
    let (uploads, mut kept, mut forget) = (make(&context), None, false);
    while let Some(mut part) = form.try_next().await? {
        if part.name() == Some("forget") {
            (_, forget) = (part.bytes(10).await??, true);
            continue;
        }
        match uploads.receive(&mut part).await? {
            Ok(upload) => kept = upload,
            Err(wrong) => return Err(Error::unprocessable(wrong)),
        }
    }
    match kept {
        Some(upload) if !forget => {
            let (kind, size) = (upload.kind(), upload.size());
            Ok(format!("{} {kind:?} {size}", uploads.keep(upload).await?))
        }
        _ => Ok("nothing".to_owned()),
    }
}

async fn show(context: Context, make: Make, name: web::Path<String>) -> Result<HttpResponse, Error> {
    make(&context).serve(&name)
}

async fn remove(context: Context, make: Make, name: web::Path<String>) -> Result<&'static str, Error> {
    make(&context).remove(&name).await?;
    Ok("removed")
}

struct Fixture {
    client: Client,
    folder: TempDir,
}

async fn site(make: fn(&Context) -> Uploads) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::in_folder(folder.path());
    let context = Context::new(None).with_private_folder("/uploaded/", folder.path()).with_settings(memory);
    let client = Client::of(Arc::new(Runtime::with_context(Site(make), context, &AppSettings::default()))).await;
    Fixture { client, folder }
}

fn in_folder(context: &Context) -> Uploads {
    Uploads::new(FolderStorage::new(context, "/uploaded/").unwrap()).max_size(600 << 10)
}

fn in_memory(context: &Context) -> Uploads {
    Uploads::new((*context.settings::<Memory>().unwrap()).clone()).max_size(600 << 10)
}

impl Fixture {
    async fn send(&self, name: &str, kind: &str, content: &[u8]) -> TestResponse {
        let form = Multipart::new().file("file", name, kind, content.to_vec());
        self.client.post("/").multipart(form).await
    }

    /// What lies in the folder.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn png(width: u32, height: u32, rest: usize) -> Vec<u8> {
    let head = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &width.to_be_bytes()[..], &height.to_be_bytes()].concat();
    [head, vec![7; rest]].concat()
}

#[tokio::test]
async fn a_file_is_kept_under_a_random_name_whole_and_served_until_it_is_removed() {
    for make in [in_folder, in_memory] {
        let site = site(make).await;
        let content = png(640, 480, 500 << 10);
        let answer = site.send("../../etc/passwd.html", "text/html", &content).await;
        let [name, kind, size]: [&str; 3] =
            answer.text().split(' ').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{answer:?}"));
        assert_eq!((kind, size.parse()), ("Png", Ok(content.len())));
        assert!(is_name(name) && name.ends_with(".png"), "{name}");
        let again = site.send("a.png", "image/png", &content).await;
        assert_ne!(again.text().split(' ').next(), Some(name), "each has a name of its own");
        let served = site.client.get(&format!("/{name}")).await;
        match served.header("x-accel-redirect") {
            Some(target) => {
                assert_eq!(target, format!("/uploaded/{name}"));
                assert_eq!(std::fs::read(site.folder.path().join(name)).unwrap(), content);
            }
            None => assert_eq!(&served.bytes()[..], &content[..]),
        }
        for _again in 0..2 {
            assert_eq!(site.client.delete(&format!("/{name}")).await.text(), "removed");
        }
        assert!(!site.folder.path().join(name).exists());
    }
}

#[tokio::test]
async fn a_file_of_the_wrong_kind_is_refused_and_nothing_is_left_of_it() {
    for make in [in_folder, in_memory] {
        let site = site(make).await;
        for content in [
            &b"<script>alert(1)</script>"[..],
            b"PK\x03\x04 a zip, or what unfolds from one",
            b"\x1f\x8b\x08 gzip",
            b"%PDF-1.7 a kind that is not taken here",
            b" \x89PNG\r\n\x1a\n",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"x",
        ] {
            let answer = site.send("cat.png", "image/png", content).await;
            let expected = "is not a PNG, JPEG, GIF or WebP file";
            assert_eq!((answer.status().as_u16(), answer.text().contains(expected)), (422, true), "{answer:?}");
        }
        assert_eq!(site.files(), [""; 0]);
    }
}

#[tokio::test]
async fn a_picture_that_is_cut_or_would_unfold_to_gigabytes_is_refused() {
    let site = site(in_folder).await;
    for (content, expected) in [
        (png(100_000, 100_000, 100), "has more than 50000000 pixels"),
        (png(u32::MAX, u32::MAX, 100), "has more than 50000000 pixels"),
        (b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\xff\xff\xff\xff".to_vec(), "has more than 50000000 pixels"),
        (b"\xff\xd8\xff\xe0".to_vec(), "is no whole JPEG picture"),
        (png(0, 0, 100), "is no whole PNG picture"),
    ] {
        let answer = site.send("bomb", "image/png", &content).await;
        assert!(answer.status() == 422 && answer.text().contains(expected), "{expected}: {answer:?}");
    }
    assert_eq!(site.files(), [""; 0]);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_and_the_rest_of_the_form_is_read() {
    let site = site(in_folder).await;
    let fits = png(1, 1, (600 << 10) - 24);
    assert!(site.send("a", "image/png", &fits).await.text().ends_with(" Png 614400"));
    let answer = site.send("a", "image/png", &[fits, vec![0]].concat()).await;
    assert!(answer.status() == 422 && answer.text().contains("is larger than 600 KiB"), "{answer:?}");
    assert_eq!(site.files().len(), 1);
}

#[tokio::test]
async fn nothing_is_left_of_a_file_that_is_not_kept_or_was_not_chosen_or_never_ends() {
    for make in [in_folder, in_memory] {
        let site = site(make).await;
        assert_eq!(site.send("", "application/octet-stream", b"").await.text(), "nothing");
        let form = Multipart::new().file("file", "a.png", "image/png", png(1, 1, 9)).text("forget", "yes");
        assert_eq!(site.client.post("/").multipart(form).await.text(), "nothing");
        let cut = [&b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"[..], &png(1, 1, 9)];
        let cut = site.client.post("/").header("content-type", "multipart/form-data; boundary=b").body(cut.concat());
        assert_eq!(cut.await.status(), 400);
        assert_eq!(site.files(), [""; 0]);
    }
}

#[tokio::test]
async fn what_no_file_was_kept_under_is_not_found_and_removes_nothing() {
    for make in [in_folder, in_memory] {
        let site = site(make).await;
        std::fs::write(site.folder.path().join("own.png"), "not an upload").unwrap();
        let long = format!("{}.png", "a".repeat(33));
        let html = "0123456789abcdef0123456789abcdef.html".to_owned();
        for name in ["own.png", "..%2fown.png", ".upload-x", &long, &html, "%00.png"] {
            assert_eq!(site.client.get(&format!("/{name}")).await.status(), 404, "{name}");
            assert_eq!(site.client.delete(&format!("/{name}")).await.text(), "removed");
        }
        assert!(site.folder.path().join("own.png").exists());
    }
}

#[test]
fn the_words_name_the_kinds_that_are_taken() {
    let uploads = |kinds: &[FileKind]| Uploads::new(Memory::in_folder(Path::new("/"))).kinds(kinds).wrong_kind();
    assert_eq!(uploads(&[FileKind::Pdf]), "is not a PDF file");
    assert_eq!(uploads(&[FileKind::Png, FileKind::Pdf]), "is not a PNG or PDF file");
    assert_eq!([bytes(5 << 20), bytes(512 << 10), bytes(1000)], ["5 MiB", "512 KiB", "1000 bytes"]);
}
