//! What `foobar new` makes of each input, and that it makes a package whole or not at all.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{Program, Trace, on_a_small_disk};

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

fn new(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    ended(&Program::foobar(folder).arg("new").args(arguments).output().unwrap())
}

fn ended(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Nothing is made, and the error has these words.
fn refused(folder: &Path, arguments: &[&str], code: i32, words: &str) {
    let before = names(folder);
    let (exit, output, error) = new(folder, arguments);
    assert_eq!((exit, output.as_str()), (code, ""), "{arguments:?}: {error}");
    assert!(error.starts_with("error: ") && error.contains(words), "{arguments:?}: {error}");
    assert_eq!(names(folder), before, "{arguments:?}");
}

#[test]
fn a_name_that_no_package_can_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, words) in [
        ("", "no name of a package"),
        ("7up", "no name of a package"),
        ("größe", "no name of a package"),
        ("Blog", "no name of a package"),
        ("--", "required arguments"),
        ("sites/blog", "is a path"),
        ("../blog", "is a path"),
        (".", "is a path"),
        ("match", "a word of the language"),
        ("std", "every Rust program has"),
        ("test", "every Rust program has"),
        ("foobar", "a package that the new one depends on"),
        ("foobar-web", "a package that the new one depends on"),
        ("diesel", "a package that the new one depends on"),
        (&"x".repeat(65), "longer than 64"),
        (&"x".repeat(100_000), "longer than 64"),
    ] {
        refused(folder.path(), &[name], 2, words);
    }
    let bytes = OsStr::from_bytes(b"bl\xffog");
    assert_eq!(Program::foobar(folder.path()).arg("new").arg(bytes).output().unwrap().status.code(), Some(2));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_name_is_required_and_options_that_exclude_each_other_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&[][..], &["blog", "--api", "--axum"], &["blog", "other"], &["blog", "--rails"], &["blog", "--foobar"]]
    {
        refused(folder.path(), arguments, 2, "");
    }
    let (code, help, _) = new(folder.path(), &["--help"]);
    assert!(code == 0 && help.contains("--api and --axum exclude each other"), "{help}");
    let before = Program::foobar(folder.path()).args(["--listen", "127.0.0.1:0", "new"]).output().unwrap();
    let (code, _, error) = ended(&before);
    assert!(code == 2 && error.contains("`new` takes no options before it"), "{error}");
}

#[test]
fn what_is_there_already_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = new(folder.path(), &["blog", "--api"]);
    assert_eq!(code, 0, "{error}");
    let main = fs::read(folder.path().join("blog/src/main.rs")).unwrap();
    refused(folder.path(), &["blog"], 1, "the folder blog is there already and not empty");
    assert_eq!(fs::read(folder.path().join("blog/src/main.rs")).unwrap(), main);

    fs::write(folder.path().join("file"), "mine").unwrap();
    symlink("nowhere", folder.path().join("dangling")).unwrap();
    symlink("blog", folder.path().join("link")).unwrap();
    for name in ["file", "dangling", "link"] {
        refused(folder.path(), &[name], 1, &format!("{name} is there already and no folder"));
    }
    fs::create_dir(folder.path().join("hidden")).unwrap();
    fs::write(folder.path().join("hidden/.git"), "").unwrap();
    refused(folder.path(), &["hidden"], 1, "not empty");
}

#[test]
fn an_empty_folder_becomes_the_package() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("blog")).unwrap();
    let (code, output, error) = new(folder.path(), &["blog", "--no-database"]);
    assert_eq!(code, 0, "{error}");
    assert!(output.starts_with("made blog: pages without a database, on\n    foobar = { path = \"/"), "{output}");
    assert_eq!(names(folder.path()), ["blog"]);
    assert!(folder.path().join("blog/src/main.rs").is_file() && !folder.path().join("blog/migrations").exists());
}

#[test]
fn of_several_that_make_the_same_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let start = |_| {
        let mut command = Program::foobar(folder.path());
        command.args(["new", "blog"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let all: Vec<_> = (0..8).map(start).collect();
    let outputs: Vec<_> = all.into_iter().map(|one| ended(&one.wait_with_output().unwrap())).collect();
    assert_eq!(outputs.iter().filter(|(code, ..)| *code == 0).count(), 1, "{outputs:?}");
    assert!(outputs.iter().all(|(code, _, error)| *code == 0 || error.contains("not empty")), "{outputs:?}");
    assert_eq!(names(folder.path()), ["blog"]);
    assert!(names(&folder.path().join("blog")).contains(&"templates".to_owned()));
}

#[test]
fn a_dependency_that_is_no_foobar_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/Cargo.toml"), "[package]\nname = \"other\"\n").unwrap();
    for (given, words) in [
        ("other", "is not the folder of Foobar's sources"),
        ("other/Cargo.toml", "is not the folder of Foobar's sources"),
        ("nowhere", "cannot be read"),
        ("", "cannot be read"),
        ("ftp://example.com/foobar", "no URL that cargo takes"),
        ("git@example.com:foobar.git", "write ssh://git@example.com/foobar.git"),
    ] {
        refused(folder.path(), &["blog", "--foobar", given], 2, words);
    }
}

#[test]
fn a_secret_in_a_url_is_neither_taken_nor_shown() {
    let folder = tempfile::tempdir().unwrap();
    for given in [
        "https://me:hunter2@example.com/foobar",
        "https://me:hun/hunter2@example.com/foobar",
        "https://hunter2@example.com/me/foobar",
        "http://hunter2@example.com/me/foobar",
        "HTTPS://hunter2@example.com/me/foobar",
        "ftp://me:hunter2@example.com/foobar",
        "https://example.com/foobar?token=hunter2",
        "ssh://git:hunter2@example.com/foobar",
        "https:/me:hunter2@example.com/foobar",
        "me:hunter2@example.com:foobar.git",
    ] {
        refused(folder.path(), &["blog", "--foobar", given], 2, "give them to Git");
        assert!(!new(folder.path(), &["blog", "--foobar", given]).2.contains("hunter2"), "{given}");
    }
}

#[test]
fn a_path_that_would_be_several_lines_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (link, name) in [("one", "a\nRUN id"), ("two", "a\rb"), ("three", "a\u{1b}[31mb")] {
        let sources = folder.path().join(name);
        fs::create_dir_all(sources.join("foobar-core")).unwrap();
        fs::write(sources.join("Cargo.toml"), "[package]\nname = \"foobar\"\n").unwrap();
        fs::write(sources.join("foobar-core/Cargo.toml"), "").unwrap();
        symlink(name, folder.path().join(link)).unwrap();
        refused(folder.path(), &["blog", "--foobar", link], 2, "holds a control character");
        refused(folder.path(), &["blog", "--foobar", name], 2, "holds a control character");
    }
}

#[test]
fn a_path_is_made_absolute_and_a_url_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    symlink(env!("CARGO_MANIFEST_DIR"), folder.path().join("foobar sources")).unwrap();
    for (name, given) in [("one", "foobar sources"), ("two", "file:///srv/git/foobar")] {
        let (code, _, error) = new(folder.path(), &[name, "--foobar", given]);
        assert_eq!(code, 0, "{error}");
    }
    let manifest = |name: &str| -> toml::Table {
        fs::read_to_string(folder.path().join(name).join("Cargo.toml")).unwrap().parse().unwrap()
    };
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
    assert_eq!(manifest("one")["dependencies"]["foobar"]["path"].as_str(), sources.to_str());
    assert_eq!(manifest("two")["dependencies"]["foobar"]["git"].as_str(), Some("file:///srv/git/foobar"));
}

/// With nothing in `PATH` but programs of these names, which end well and print nothing.
fn new_where_there_are(programs: &[&str], folder: &Path) -> (i32, String, String) {
    let path = tempfile::tempdir().unwrap();
    programs.iter().for_each(|program| symlink("/bin/true", path.path().join(program)).unwrap());
    ended(&Program::foobar(folder).args(["new", "blog"]).env("PATH", path.path()).output().unwrap())
}

#[test]
fn without_cargo_nothing_is_made_and_how_to_install_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (code, output, error) = new_where_there_are(&["cc"], folder.path());
    assert_eq!((code, output.as_str()), (1, ""), "{error}");
    assert!(
        error.starts_with("error: no `cargo` that runs is in PATH") && error.contains("https://rustup.rs"),
        "{error}"
    );
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn without_a_c_compiler_the_package_is_made_and_what_to_install_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = new_where_there_are(&["cargo"], folder.path());
    assert_eq!(code, 0, "{error}");
    assert!(error.starts_with("warning: there is no `cc` in PATH"), "{error}");
    assert!(folder.path().join("blog/Cargo.toml").is_file());
}

/// A signal that comes while the third of its folders is made, and the exit code after it.
#[test]
fn who_interrupts_it_leaves_nothing() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129), ("QUIT", 131)] {
        let (folder, log) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut command = Program::foobar(folder.path());
        command.args(["new", "blog"]);
        let inject = format!("inject=/^mkdir:signal={signal}:when=3");
        let (mut command, _) = Trace::of(&command, &["-e", "trace=/^mkdir", "-e", &inject], log.path());
        let (exit, output, error) = ended(&command.output().unwrap());
        assert_eq!((exit, output.as_str()), (code, ""), "{error}");
        assert_eq!(error, format!("error: SIG{signal} has come; nothing was made\n"));
        assert_eq!(names(folder.path()), [""; 0], "{signal}");
    }
}

#[test]
fn a_file_that_cannot_be_written_whole_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh"); // a file has 512 bytes or 1024 at most, by the shell
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" new blog"])
        .arg(Program::foobar(folder.path()).get_program());
    let (code, output, error) = ended(&shell.current_dir(folder.path()).output().unwrap());
    assert_eq!((code, output.as_str()), (1, ""), "{error}");
    assert!(error.starts_with("error: cannot write blog/") && error.contains("File too large"), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn on_a_full_disk_nothing_is_left() {
    let script = "dd if=/dev/zero of=mine bs=1k count=32 2>/dev/null; \"$0\" new blog; echo $?; ls -A";
    let (_, output, error) = ended(&on_a_small_disk(script));
    assert_eq!(output, "1\nmine\n", "{error}");
    assert!(error.contains("cannot write blog/") && error.contains("No space left on device"), "{error}");
}

#[test]
fn where_nothing_may_be_written_the_error_says_so() {
    let script = "mount -o remount,ro . && \"$0\" new blog; echo $?; ls -A";
    let (_, output, error) = ended(&on_a_small_disk(script));
    assert_eq!(output, "1\n", "{error}");
    assert!(error.contains("cannot write blog; nothing was made: Read-only file system"), "{error}");
}
