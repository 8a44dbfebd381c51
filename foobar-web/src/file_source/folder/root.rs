use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, fstat, openat, openat2, readlink, readlinkat, statat};
use rustix::io::Errno;

use crate::file_source::{Blocking, Links, is_refused};

/// An open folder. Whatever changes meanwhile, what it opens lies in it, unless all links are followed.
#[derive(Debug)]
pub(super) struct Root {
    dir: Dir,
    device: u64,
    inode: u64,
}

/// Stays in the folder and passes no link.
const NO_LINKS: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);
/// Stays in the folder; an absolute link leaves it.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);
/// As many as Linux follows.
const MOST_LINKS: usize = 40;
/// How often a path is resolved again that changed between look and open.
const TRIES: usize = 3;

impl Root {
    pub(super) fn open(path: &Path, wait: Blocking) -> io::Result<Self> {
        let dir = match wait {
            Blocking::Forbidden => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let dir = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).map_err(or_wait)?;
                Dir::from_std_file(dir.into())
            }
            Blocking::Allowed => Dir::open_ambient_dir(path, ambient_authority())?,
        };
        let stat = fstat(&dir)?;
        Ok(Self { dir, device: stat.st_dev, inode: stat.st_ino })
    }

    /// What tells it from another folder at its path.
    pub(super) const fn place(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Opens what lies at a path. [`Errno::XDEV`] where that takes a link that is not followed.
    pub(super) fn open_at(&self, path: &Path, flags: OFlags, links: Links, wait: Blocking) -> io::Result<OwnedFd> {
        let path = relative(path);
        match wait {
            Blocking::Forbidden => self.open_cached(path, flags, links),
            Blocking::Allowed => match links {
                Links::Any => Ok(openat(&self.dir, path, flags | OFlags::CLOEXEC, Mode::empty())?),
                Links::Off => self.open_without_links(path, flags).map_err(refused_link),
                Links::Inside => self.open_inside(path, flags),
            },
        }
    }

    /// Opens what lies at a path on the root's own file system, if no link lies on the way and the way is in memory.
    pub(super) fn open_linkless(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        self.openat2(relative(path), OFlags::PATH, NO_LINKS | ResolveFlags::NO_XDEV | ResolveFlags::CACHED)
    }

    /// A refused link is looked at again where there is time to find out more, and to say so.
    fn open_cached(&self, path: &Path, flags: OFlags, links: Links) -> io::Result<OwnedFd> {
        let resolve = match links {
            Links::Any => ResolveFlags::empty(),
            Links::Inside => BENEATH,
            Links::Off => NO_LINKS,
        };
        self.openat2(path, flags, resolve | ResolveFlags::CACHED).map_err(|error| match error {
            Errno::XDEV => Errno::AGAIN.into(),
            Errno::LOOP if links == Links::Off => Errno::AGAIN.into(),
            error => or_wait(error),
        })
    }

    fn open_inside(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        match self.openat2(path, flags, BENEATH) {
            Err(Errno::XDEV) => self.open_by_links_that_return(path, flags),
            Err(error) if error == Errno::AGAIN || is_refused(error) => match self.open_by_cap_std(path, flags) {
                // It asks for `openat2` too, and takes some refusals of a sandbox for the file's own.
                Err(error) if is_escape(&error) || Errno::from_io_error(&error).is_some_and(is_refused) => {
                    self.open_by_links_that_return(path, flags)
                }
                opened => opened,
            },
            opened => Ok(opened?),
        }
    }

    /// Where there is no `openat2`, component by component.
    fn open_by_cap_std(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(flags.bits() as i32);
        Ok(self.dir.open_with(path, &options)?.into_std().into())
    }

    /// Links that leave the folder, as absolute ones do, are followed if they lead back into it. What is opened in the end
    /// is what lies, without any link, where they lead to: a change meanwhile leads nowhere else.
    fn open_by_links_that_return(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let mut opened = Err(Errno::LOOP);
        for _ in 0..TRIES {
            opened = self.open_without_links(&self.follow(path)?, flags);
            if !matches!(opened, Err(Errno::LOOP)) {
                break;
            }
        }
        Ok(opened?)
    }

    /// The path beneath the folder that links lead to, as they are now.
    fn follow(&self, path: &Path) -> rustix::io::Result<PathBuf> {
        let (mut followed, mut links) = (PathBuf::new(), 0);
        let mut rest = steps(path);
        while let Some(step) = rest.pop() {
            if step == ".." {
                if !followed.pop() {
                    rest.push(step);
                    let away: PathBuf = std::mem::take(&mut rest).into_iter().rev().collect();
                    rest = steps(&self.back(&away)?);
                }
                continue;
            }
            followed.push(step);
            let target = match readlinkat(&self.dir, &followed, Vec::new()) {
                Ok(target) => PathBuf::from(OsString::from_vec(target.into_bytes())),
                Err(Errno::INVAL) => continue, // no link
                Err(error) => return Err(error),
            };
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP);
            }
            followed.pop();
            if target.is_absolute() {
                followed.clear();
                rest.extend(steps(&self.back(&target)?));
            } else {
                rest.extend(steps(&target));
            }
        }
        Ok(if followed.as_os_str().is_empty() { ".".into() } else { followed })
    }

    /// The path beneath this folder of a path that has left it: behind its name there, or where all links end. An error
    /// if it does not come back.
    fn back(&self, path: &Path) -> rustix::io::Result<PathBuf> {
        if let Some(rest) = self.strip(path) {
            return Ok(rest.to_owned());
        }
        let name = readlink(format!("/proc/self/fd/{}", self.dir.as_raw_fd()), Vec::new()).map_err(|_| Errno::XDEV)?;
        let name = PathBuf::from(OsString::from_vec(name.into_bytes()));
        let place = name.join(path).canonicalize().map_err(|_| Errno::XDEV)?; // it opens nothing
        self.strip(&place).map(Path::to_owned).ok_or(Errno::XDEV)
    }

    /// The rest of a path behind this folder; `None` if it does not lead through it.
    fn strip<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let is_self = |above: &Path| {
            let stat = statat(&self.dir, above, AtFlags::empty());
            stat.is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (self.device, self.inode))
        };
        let mut aboves: Vec<&Path> = path.ancestors().collect();
        aboves.reverse();
        path.strip_prefix(aboves.into_iter().find(|above| is_self(above))?).ok() // it is above the path
    }

    fn open_without_links(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        match self.openat2(path, flags, NO_LINKS) {
            Err(error) if is_refused(error) => self.open_by_steps(path, flags),
            opened => opened,
        }
    }

    /// The same where there is no `openat2`.
    fn open_by_steps(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let open = |dir: Option<&OwnedFd>, name: &Path, flags| {
            let dir = dir.map_or(self.dir.as_fd(), AsFd::as_fd);
            openat(dir, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        };
        let mut dir = None;
        for above in path.parent().into_iter().flat_map(Path::components) {
            dir = Some(open(dir.as_ref(), above.as_ref(), OFlags::PATH | OFlags::DIRECTORY)?);
        }
        open(dir.as_ref(), path.file_name().map_or(path, Path::new), flags)
    }

    fn openat2(&self, path: &Path, flags: OFlags, resolve: ResolveFlags) -> rustix::io::Result<OwnedFd> {
        openat2(&self.dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
    }
}

/// The folder itself has no name in it; a slash in front would leave it.
fn relative(path: &Path) -> &Path {
    let path = path.strip_prefix("/").unwrap_or(path); // it is relative
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// The parts of a path that lead somewhere, the first at the end.
fn steps(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    parts.map(|part| part.as_os_str().to_owned()).rev().collect()
}

/// cap-std says it in words of its own, not in the system's.
fn is_escape(error: &io::Error) -> bool {
    match Errno::from_io_error(error) {
        Some(errno) => errno == Errno::XDEV,
        None => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

fn refused_link(error: Errno) -> io::Error {
    if error == Errno::LOOP { Errno::XDEV.into() } else { error.into() }
}

/// What the system does not know at once, or does not do in this way, is to be asked in another.
fn or_wait(error: Errno) -> io::Error {
    match error {
        Errno::AGAIN | Errno::TOOBIG | Errno::INTR => Errno::AGAIN.into(),
        refused if is_refused(refused) => Errno::AGAIN.into(),
        known => known.into(),
    }
}
