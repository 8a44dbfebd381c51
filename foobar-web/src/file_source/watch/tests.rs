use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::*;

const TREE: u32 = 1;

fn open(root: &Path) -> impl Fn(&[u8]) -> io::Result<Option<OwnedFd>> {
    move |path| match File::open(root.join(OsStr::from_bytes(path))) {
        Ok(directory) => Ok(Some(directory.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_known(watch: &Watch, path: &str) -> bool {
    matches!(watch.known(TREE, path.as_bytes()), Known::Directory(_))
}

#[test]
fn a_directory_is_followed_with_all_above_it_as_far_as_they_are_there() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("a/b")).unwrap();
    let watch = Watch::new().unwrap();
    let deep = watch.follow(TREE, b"a/b", open(root.path())).unwrap();
    assert!(["", "a", "a/b"].iter().all(|path| is_known(&watch, path)));
    let last = watch.follow(TREE, b"a/b/missing/c", open(root.path())).unwrap();
    assert!(Arc::ptr_eq(&deep, &last) && !is_known(&watch, "a/b/missing"));
    assert!(watch.follow(TREE, b"", open(&root.path().join("nowhere"))).is_some(), "the top is known by now");
    assert!(watch.follow(2, b"a", open(&root.path().join("nowhere"))).is_none());
}

#[test]
fn what_is_forgotten_has_changed_with_all_under_it_and_nothing_beside_it() {
    let root = tempfile::tempdir().unwrap();
    let watch = Watch::new().unwrap();
    let paths = ["a", "a/b", "a/b/c", "a-b", "ab"];
    for path in paths {
        fs::create_dir_all(root.path().join(path)).unwrap();
    }
    let followed = paths.map(|path| watch.follow(TREE, path.as_bytes(), open(root.path())).unwrap());
    let before = followed.each_ref().map(|directory| directory.generation());
    watch.forget(TREE, b"a");
    let changed = std::array::from_fn(|i| followed[i].generation() != before[i]);
    assert_eq!(changed, [true, true, true, false, false]);
    assert_eq!(paths.map(|path| is_known(&watch, path)), [false, false, false, true, true]);
    watch.forget(TREE, b"");
    assert!(!is_known(&watch, "ab") && !is_known(&watch, ""));
}

/// A worker may look a directory up just before it is forgotten, and at its generation just after.
#[test]
fn a_directory_that_was_forgotten_is_not_taken_for_unchanged_by_who_saw_its_last_generation() {
    let root = tempfile::tempdir().unwrap();
    let watch = Watch::new().unwrap();
    let directory = watch.follow(TREE, b"", open(root.path())).unwrap();
    assert!(directory.is_still(directory.generation()));
    watch.forget(TREE, b"");
    assert!(!directory.is_still(directory.generation()));
}

/// Else nobody would be told of what becomes of it when the one above is replaced.
#[test]
fn a_directory_is_not_watched_alone_when_the_one_above_it_is_forgotten_meanwhile() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("a/b")).unwrap();
    let watch = Watch::new().unwrap();
    let open = |path: &[u8]| {
        if path == b"a/b" {
            watch.forget(TREE, b"a");
        }
        open(root.path())(path)
    };
    assert!(watch.follow(TREE, b"a/b", open).is_none());
    assert!(is_known(&watch, "") && !is_known(&watch, "a") && !is_known(&watch, "a/b"));
}

#[test]
fn two_paths_to_one_directory_are_both_told() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("a")).unwrap();
    std::os::unix::fs::symlink("a", root.path().join("b")).unwrap();
    let watch = Watch::new().unwrap();
    let followed = ["a", "b"].map(|path| watch.follow(TREE, path.as_bytes(), open(root.path())).unwrap());
    let before = followed.each_ref().map(|directory| directory.generation());
    watch.forget(TREE, b"a");
    fs::write(root.path().join("b/f"), "").unwrap();
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut reader = Reader::new(&watch.inotify, &mut buffer);
    while followed[1].generation() == before[1] {
        watch.told(&reader.next().expect("the change is told of"));
    }
    assert_ne!(followed[0].generation(), before[0]);
}

/// It may be a log.
#[test]
fn a_file_that_is_written_to_without_end_is_told_of_now_and_then_and_does_not_keep_the_listener() {
    let root = tempfile::tempdir().unwrap();
    let watch = Watch::new().unwrap();
    watch.begin();
    let directory = watch.follow(TREE, b"", open(root.path())).unwrap();
    let before = directory.generation();
    let (until, ended) = io::pipe().unwrap();
    std::thread::scope(|scope| {
        let listening = scope.spawn(|| watch.listen(&until));
        let mut log = File::create(root.path().join("log")).unwrap();
        for _ in 0..WRITES {
            io::Write::write_all(&mut log, b"a line\n").unwrap();
        }
        while directory.generation() == before {
            std::thread::yield_now();
        }
        let told = directory.generation() - before;
        assert!(told < WRITES / 10, "{told}");
        drop(ended);
        while !listening.is_finished() {
            io::Write::write_all(&mut log, b"a line\n").unwrap();
        }
        listening.join().unwrap().unwrap();
    });
}

const WRITES: u64 = 50_000;

/// Others may change what lies on a network, and this system would not tell.
#[test]
fn only_on_file_systems_that_this_machine_alone_writes_to_is_relied_on_being_told_of_changes() {
    let (root, open) = (tempfile::tempdir().unwrap(), |path: &Path| open(path)(b"").unwrap().unwrap());
    assert!(is_local(&open(root.path())));
    assert!(!is_local(&open(Path::new("/proc"))));
}
