use super::*;
use crate::static_files::Validators;

#[derive(RustEmbed)]
#[folder = "src/file_source"]
struct Sources;

fn file(path: &str) -> OpenedFile {
    match Embedded::<Sources>::new().open(path, Wait::Allowed).unwrap() {
        Some(Opened::File(file)) => file,
        other => panic!("{path} is {other:?}"),
    }
}

#[test]
fn a_path_leads_to_a_file_a_directory_or_nothing() {
    let FileContent::Bytes(bytes) = file("embedded/tests.rs").content else { panic!("it is in memory") };
    assert_eq!(bytes, include_bytes!("tests.rs").as_slice());
    let embedded = Embedded::<Sources>::new();
    for directory in ["", "embedded", "watch"] {
        assert!(matches!(embedded.open(directory, Wait::Allowed).unwrap(), Some(Opened::Directory)), "{directory}");
    }
    for nothing in ["missing", "embed", "embedded/", "embedded/missing", "../file_source.rs", "/embedded.rs"] {
        assert!(embedded.open(nothing, Wait::Allowed).unwrap().is_none(), "{nothing}");
    }
}

#[test]
fn the_tag_is_made_of_the_content_alone() {
    let OpenedFile { mut state, .. } = file("embedded.rs");
    let tag = Validators::new(&state).etag;
    assert_eq!(tag.len(), 34);
    state.modified += Duration::from_secs(1);
    assert_eq!(Validators::new(&state).etag, tag);
    assert_ne!(Validators::new(&file("folder.rs").state).etag, tag);
}

#[test]
fn a_directory_lists_what_is_in_it_once() {
    let list = |path, most| Embedded::<Sources>::new().list(path, most).unwrap();
    let top = list("", usize::MAX).unwrap();
    let of = |name: &str| top.iter().filter(|entry| entry.name == name).collect::<Vec<_>>();
    assert_eq!((of("watch").len(), of("watch")[0].directory), (1, true));
    assert_eq!((of("embedded.rs")[0].directory, of("embedded.rs")[0].size), (false, file("embedded.rs").state.size));
    assert_eq!(list("embedded", 10).unwrap().len(), 1);
    assert_eq!(list("", 2).unwrap().len(), 2);
    assert!(list("missing", 10).is_none());
}
