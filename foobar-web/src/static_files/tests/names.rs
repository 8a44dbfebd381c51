use super::*;

#[tokio::test]
async fn names_that_lead_to_no_file_find_nothing() {
    let site = Fixture::new(&[("file", b""), ("a/b", b""), ("canary", b"")]);
    let long = format!("/{}", "x".repeat(300));
    let deep = "/d".repeat(3000);
    let uris = [
        "/missing",
        "/FILE",
        "/file/",
        "/file/x",
        "/file%20",
        "/file.",
        "/file::$DATA",
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/..%2fcanary",
        "/%2e%2e%2fcanary",
        "/a/..%5c..%5ccanary",
        "/..;/canary",
        "/....//canary",
        "/%252e%252e/canary",
        "/static../secret",
        &long,
        &deep,
    ];
    for uri in uris {
        assert!(site.get(uri).await.is_none(), "{uri}");
    }
}

#[tokio::test]
async fn dotfiles_are_hidden_except_in_well_known() {
    let site = Fixture::new(&[
        (".env", b""),
        (".git/HEAD", b""),
        ("a/.git/index.html", b""),
        ("a/.well-known/x", b""),
        (".well-known/acme-challenge/x", b"token"),
        (".well-known/.secret", b""),
    ]);
    for uri in [
        "/.env",
        "/.git/HEAD",
        "/%2egit/HEAD",
        "/.git",
        "/a/.git",
        "/a/.git/",
        "/a/.well-known/x",
        "/.well-known/.secret",
    ] {
        assert!(site.get(uri).await.is_none(), "{uri}");
    }
    assert_eq!(site.get("/.well-known/acme-challenge/x").await.unwrap().body, "token");
    assert!(site.files.page(b"/.env").await.is_none());
}

#[tokio::test]
async fn links_work_inside_the_root_and_find_nothing_outside() {
    let site = Fixture::new(&[("real/file", b"real"), ("real/index.html", b"index")]);
    let outside = site.place.path().join("outside");
    symlink("real/file", site.root("leaf")).unwrap();
    symlink("real", site.root("dir")).unwrap();
    symlink("../dir/../real/file", site.root("real/around")).unwrap();
    assert_eq!(site.get("/leaf").await.unwrap().body, "real");
    assert_eq!(site.get("/dir/file").await.unwrap().body, "real");
    assert_eq!(site.get("/real/around").await.unwrap().body, "real");
    assert_eq!(site.get("/dir").await.unwrap().header(LOCATION), "/dir/");
    symlink(site.root("real/file"), site.root("in-absolute")).unwrap();
    assert_eq!(site.get("/in-absolute").await.unwrap().body, "real");

    symlink(outside.join("canary"), site.root("out-absolute")).unwrap();
    symlink("../outside/canary", site.root("out")).unwrap();
    symlink("../outside", site.root("out-dir")).unwrap();
    symlink("circle", site.root("circle")).unwrap();
    symlink("/proc/self/cwd", site.root("magic")).unwrap();
    symlink("/dev/zero", site.root("zero")).unwrap();
    symlink("nowhere", site.root("dangling")).unwrap();
    for uri in ["/out-absolute", "/out", "/out-dir/canary", "/out-dir", "/circle", "/magic/x", "/zero", "/dangling"] {
        assert!(site.get(uri).await.is_none(), "{uri}");
    }
}

#[tokio::test]
async fn only_regular_files_are_served_and_a_fifo_does_not_block() {
    let site = Fixture::new(&[]);
    assert!(Command::new("mkfifo").arg(site.root("fifo")).status().unwrap().success());
    let _socket = UnixListener::bind(site.root("socket")).unwrap();
    symlink("fifo", site.root("index.html")).unwrap();
    for uri in ["/fifo", "/socket", "/"] {
        assert!(site.get(uri).await.is_none(), "{uri}");
    }
}

#[tokio::test]
async fn a_folder_may_be_replaced_while_it_is_served() {
    let site = Fixture::without_cache(&[("f", b"old")]);
    fs::rename(site.root(""), site.place.path().join("former")).unwrap();
    assert!(site.get("/f").await.is_none());
    fs::create_dir(site.root("")).unwrap();
    fs::write(site.root("f"), "new").unwrap();
    assert_eq!(site.get("/f").await.unwrap().body, "new");
}

#[test]
fn a_root_that_is_no_directory_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("file"), "").unwrap();
    for name in ["missing", "file"] {
        let options = options();
        assert!(StaticFiles::open(&no_sources(), &place.path().join(name), options).is_err());
    }
}

#[test]
fn what_may_not_be_read_is_forbidden_and_what_cannot_be_read_is_an_error() {
    let status = |error: io::Error| failure(b"/", &error).status.as_u16();
    assert_eq!(status(rustix::io::Errno::ACCESS.into()), 403);
    assert_eq!(status(rustix::io::Errno::MFILE.into()), 500);
}
