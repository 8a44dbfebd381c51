use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::*;

#[derive(RustEmbed)]
#[folder = "src/file_source"]
struct Sources;

fn file(path: &str) -> OpenedFile {
    match Embedded::<Sources>::new().open(Path::new(path), Blocking::Allowed).unwrap() {
        Some(Node::File(file)) => file,
        other => panic!("{path} is {other:?}"),
    }
}

#[test]
fn a_path_leads_to_a_file_a_directory_or_nothing() {
    let FileContent::Bytes(bytes) = file("embedded/tests.rs").content else { panic!("it is in memory") };
    assert_eq!(bytes, include_bytes!("tests.rs").as_slice());
    let embedded = Embedded::<Sources>::new();
    for directory in ["", "embedded", "watch"] {
        assert!(
            matches!(embedded.open(Path::new(directory), Blocking::Allowed).unwrap(), Some(Node::Directory)),
            "{directory}"
        );
    }
    for nothing in ["missing", "embed", "embedded/", "embedded/missing", "../file_source.rs", "/embedded.rs"] {
        assert!(embedded.open(Path::new(nothing), Blocking::Allowed).unwrap().is_none(), "{nothing}");
    }
}

#[test]
fn a_path_that_is_not_utf_8_leads_to_nothing() {
    let path = Path::new(OsStr::from_bytes(b"caf\xe9"));
    let embedded = Embedded::<Sources>::new();
    assert!(embedded.open(path, Blocking::Allowed).unwrap().is_none());
    assert!(embedded.list(path, &Page { first: 0, most: 1, shows: &|_| true }).unwrap().is_none());
}

#[test]
fn a_file_is_told_from_another_by_its_content() {
    let version = |path| file(path).state.version;
    assert_eq!(version("embedded.rs"), version("embedded.rs"));
    assert_ne!(version("embedded.rs"), version("folder.rs"));
    assert!(matches!(version("embedded.rs"), Version::Hash(_)));
}

#[test]
fn a_directory_lists_what_is_in_it_once() {
    let list = |path: &str, most| {
        Embedded::<Sources>::new().list(Path::new(path), &Page { first: 0, most, shows: &|_| true }).unwrap()
    };
    let top = list("", usize::MAX).unwrap();
    let of = |name: &str| top.iter().filter(|entry| entry.name == name).collect::<Vec<_>>();
    assert_eq!((of("watch").len(), of("watch")[0].directory), (1, true));
    assert_eq!((of("embedded.rs")[0].directory, of("embedded.rs")[0].size), (false, file("embedded.rs").state.size));
    assert_eq!(list("embedded", 10).unwrap().len(), 1);
    assert_eq!(list("", 2).unwrap().len(), 2);
    assert!(list("missing", 10).is_none());
}
