use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// Something mounted on another place, as long as it lives.
struct Mount(PathBuf);

impl Mount {
    /// `None` where this test may not mount anything.
    fn bind(what: &Path, on: PathBuf) -> Option<Self> {
        let mounted = Command::new("mount").arg("--bind").args([what, &on]).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(on));
        }
        skipped("whoever runs this test may not mount");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || thread::panicking());
    }
}

#[test]
fn a_file_or_folder_that_was_mounted_before_is_looked_at_after_file_cache_valid() {
    let site = Fixture::quick();
    for name in ["f", "d/g"] {
        site.write(name, "under");
    }
    let outside = site.place.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("f"), "one").unwrap();
    fs::write(outside.join("g"), "one").unwrap();
    let Some(_file) = Mount::bind(&outside.join("f"), site.path("f")) else { return };
    let folder = Mount::bind(&outside, site.path("d")).unwrap();
    assert_eq!((site.find("f"), site.find("d/g")), ("one".into(), "one".into()));
    fs::write(outside.join("f"), "two").unwrap();
    fs::write(outside.join("g"), "two").unwrap();
    site.wait_for("f", "two");
    site.wait_for("d/g", "two");
    drop(folder);
    site.wait_for("d/g", "under");
}

#[test]
fn what_is_mounted_and_unmounted_is_seen_at_once() {
    // A look that a mount has overtaken is good for this long, and one that the system would tell of for a minute.
    let site = Fixture::new(|web| web.file_cache_valid = Period::new(Duration::from_millis(100)));
    let outside = site.place.path().join("outside");
    fs::create_dir(&outside).unwrap();
    for name in ["f", "g"] {
        fs::write(outside.join(name), "mounted").unwrap();
    }
    site.write("f", "under");
    site.write("d/g", "under");
    assert_eq!((site.find("f"), site.find("d/g")), ("under".into(), "under".into()));
    let Some(file) = Mount::bind(&outside.join("f"), site.path("f")) else { return };
    site.wait_for("f", "mounted");
    let folder = Mount::bind(&outside, site.path("d")).unwrap();
    site.wait_for("d/g", "mounted");
    drop((file, folder));
    site.wait_for("f", "under");
    site.wait_for("d/g", "under");
}
