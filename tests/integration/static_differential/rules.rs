use std::ffi::OsStr;
use std::path::PathBuf;

use super::comparison::{Aspect, parts};
use super::folder::Folder;
use super::model::{Found, Representation, Specs, date, sibling, specs, usable};
use super::requests::{Request, TAG_OF_GZIP};
use crate::support::Response;

/// A difference that is meant: what it is called, why it is there, which one it is.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
    accepts: fn(&Case) -> bool,
}

/// One difference between two answers.
pub(super) struct Case<'a> {
    pub(super) request: &'a Request,
    pub(super) nginx: &'a Response,
    pub(super) foobar: &'a Response,
    pub(super) folder: &'a Folder,
    pub(super) aspect: Aspect,
}

impl Rule {
    pub(super) fn accepts(&self, case: &Case) -> bool {
        (self.accepts)(case)
    }
}

impl Case<'_> {
    fn is(&self, aspect: Aspect) -> bool {
        self.aspect == aspect
    }

    /// Whether only Foobar's status is in question, and is this one.
    fn answers(&self, status: u16) -> bool {
        self.is(Aspect::Status) && self.foobar.status == status
    }

    fn found(&self) -> Found {
        Found::of(self.request, self.folder)
    }

    fn reads(&self) -> bool {
        matches!(self.request.method, "GET" | "HEAD")
    }

    fn file(&self) -> Option<PathBuf> {
        if let Found::File(file) = self.found() { Some(file) } else { None }
    }

    /// What is to be sent of the file that is asked for.
    fn chosen(&self) -> Option<Representation> {
        let file = self.file().filter(|_| self.reads())?;
        let place = Found::place(self.request, self.folder);
        let asked =
            matches!(place, Found::File(place) if place.canonicalize().unwrap() == file.canonicalize().unwrap());
        Some(Representation::chosen(self.request, &file, asked))
    }

    /// Whether Foobar's status is the one that RFC 9110 gives.
    fn is_right(&self) -> bool {
        let expected = self.chosen().map(|chosen| chosen.status(self.request));
        self.is(Aspect::Status) && expected == Some(self.foobar.status)
    }

    /// Whether Foobar's answer is right by itself, whatever nginx's is: status, coding and content.
    fn is_right_alone(&self) -> bool {
        let Some(chosen) = self.chosen() else { return false };
        let coded = self.foobar.header("content-encoding") == chosen.coding;
        let content = std::fs::read(&chosen.file).unwrap();
        let sent = || {
            parts(self.foobar)
                .iter()
                .all(|part| part.size == content.len() && part.content == content[part.range.clone()])
        };
        self.foobar.status == chosen.status(self.request)
            && match (self.request.method, self.foobar.status) {
                ("GET", 200 | 206) => coded && sent(),
                ("HEAD", 200) => coded && self.foobar.header("content-length") == Some(&content.len().to_string()),
                _ => true,
            }
    }

    /// Whether no file is asked for, and Foobar says so.
    fn is_refused(&self) -> bool {
        let expected = match self.found() {
            Found::File(_) | Found::DirectoryWithIndex => return false,
            Found::Malformed => 400,
            _ => 404,
        };
        self.answers(expected)
    }

    /// The compressed sibling of the file that is asked for, and whether it may be sent.
    fn sibling(&self) -> Option<bool> {
        let file = self.file()?;
        let sibling = sibling(&file);
        sibling.symlink_metadata().is_ok().then(|| usable(&sibling, &file))
    }

    fn has(&self, fields: &[&str]) -> bool {
        fields.iter().all(|field| self.request.field(field).is_some())
    }

    fn range(&self) -> Option<Specs> {
        Some(specs(self.request.field("Range")?, self.file()?.metadata().unwrap().len()))
    }
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "an unknown expectation is refused",
        reason: "RFC 9110 §10.1.1: a server that cannot meet an expectation answers 417",
        accepts: |case| case.answers(417) && case.request.field("Expect") == Some("something-else"),
    },
    Rule {
        name: "content that came unasked beside an expectation ends the connection where nobody reads it",
        reason: "RFC 9110 §10.1.1: who answers without reading it may close the connection",
        accepts: |case| {
            let expects = case.request.field("Expect") == Some("100-continue");
            case.is(Aspect::Persistence) && expects && !case.foobar.persists()
        },
    },
    Rule {
        name: "a target that is no path is malformed",
        reason: "RFC 3986 §3.3: a path has neither control characters, escaped or as they are, nor bytes that are not UTF-8 \
                 without an escape, nor escapes that are none; §3.5: a fragment is not sent",
        accepts: |case| case.answers(400) && case.found() == Found::Malformed,
    },
    Rule {
        name: "an encoded slash does not separate",
        reason: "RFC 3986 §2.2: %2F is data, not the delimiter; nginx takes it for one",
        accepts: |case| {
            let raw = case.request.raw_path().to_ascii_lowercase();
            raw.windows(3).any(|three| three == b"%2f") && (case.is_refused() || case.is_right_alone())
        },
    },
    Rule {
        name: "names that begin with a dot are not served",
        reason: "README, static files: dotfiles never, but for /.well-known/ (RFC 8615)",
        accepts: |case| case.answers(404) && case.found() == Found::Hidden,
    },
    Rule {
        name: "links out of the root are not followed",
        reason: "README, static files: symlinks never out of the root; an absolute one leaves it",
        accepts: |case| case.answers(404) && case.found() == Found::Outside,
    },
    Rule {
        name: "a method in lower case is another method",
        reason: "RFC 9110 §9.1: methods are tokens, case-sensitive, so `get` is unknown and not malformed",
        accepts: |case| case.is(Aspect::Status) && case.request.method == "get" && case.nginx.status == 400,
    },
    Rule {
        name: "what is not there is 404 whatever is to be done with it",
        reason: "RFC 9110 §15.5.6: 405 is for a method that the target resource does not support; here is none",
        accepts: |case| case.answers(404) && case.nginx.status == 405,
    },
    Rule {
        name: "OPTIONS tells what may be done",
        reason: "RFC 9110 §9.3.7",
        accepts: |case| case.answers(204) && case.request.method == "OPTIONS",
    },
    Rule {
        name: "a directory without an index is not there",
        reason: "403 tells that there is a directory, and its redirect would lead to 404",
        accepts: |case| {
            let nginx = matches!(case.nginx.status, 403 | 301);
            case.answers(404) && nginx && case.found() == Found::DirectoryWithoutIndex
        },
    },
    Rule {
        name: "what is no file is not there",
        reason: "a socket is 500 and a circle of links 403 in nginx, neither tells a client anything",
        accepts: |case| case.answers(404) && matches!(case.nginx.status, 403 | 500) && case.found() == Found::Special,
    },
    Rule {
        name: "a directory takes no POST",
        reason: "RFC 9110 §15.4.2: after 301 a client may ask again with GET, and lose what it sent",
        accepts: |case| case.answers(405) && case.nginx.status == 301 && case.found() == Found::DirectoryWithIndex,
    },
    Rule {
        name: "a compressed sibling without its file is not there",
        reason: "its name is another; nginx serves it to whom accepts gzip, and 404 to the others",
        accepts: |case| {
            let orphan = matches!(case.found(), Found::Nothing(path) if sibling(&path).is_file());
            case.answers(404) && orphan && case.nginx.header("vary").is_some()
        },
    },
    Rule {
        name: "a compressed sibling must be smaller, not older, in the root, and of a type that compresses",
        reason: "CONFIGURATION.md, precompressed: else it is not what it stands for, or of no use",
        accepts: |case| case.sibling() == Some(false) && case.is_right_alone(),
    },
    Rule {
        name: "ranges of a compressed sibling",
        reason: "RFC 9110 §14.2: a range is one of the representation that is chosen; nginx sends all of it",
        accepts: |case| {
            let gzip = case.chosen().is_some_and(|chosen| chosen.coding.is_some());
            let ranges = case.has(&["Range"]) || case.is(Aspect::Field("accept-ranges"));
            gzip && ranges && case.is_right_alone()
        },
    },
    Rule {
        name: "weights and `*` choose a compressed sibling or none",
        reason: "RFC 9110 §12.5.3, §8.4.1.3 (x-gzip); nginx looks only whether gzip is named, not with q=0",
        accepts: |case| {
            let weighed = |accepted: &str| [";q=", "*", "x-gzip"].iter().any(|sign| accepted.contains(sign));
            let weighs = case.request.field("Accept-Encoding").is_some_and(weighed);
            weighs && case.sibling() == Some(true) && case.is_right_alone()
        },
    },
    Rule {
        name: "a file that is compressed and the compressed answer for another have two tags",
        reason: "RFC 9110 §8.8.3.3: they are two resources' representations; nginx gives both the same",
        accepts: |case| {
            let compressed = case.file().is_some_and(|file| file.extension() == Some(OsStr::new("gz")));
            compressed && case.request.fields.iter().any(|(_, value)| value.contains(TAG_OF_GZIP)) && case.is_right()
        },
    },
    Rule {
        name: "a part tells that there are ranges",
        reason: "RFC 9110 §14.3: a server may say so in any answer; nginx does in whole ones",
        accepts: |case| {
            let says = case.foobar.header("accept-ranges") == Some("bytes");
            case.is(Aspect::Field("accept-ranges")) && case.foobar.status == 206 && says
        },
    },
    Rule {
        name: "If-None-Match makes If-Modified-Since void",
        reason: "RFC 9110 §13.2.2; nginx wants both to hold",
        accepts: |case| case.has(&["If-None-Match", "If-Modified-Since"]) && case.is_right(),
    },
    Rule {
        name: "If-Match makes If-Unmodified-Since void",
        reason: "RFC 9110 §13.2.2; nginx wants both to hold",
        accepts: |case| case.has(&["If-Match", "If-Unmodified-Since"]) && case.is_right(),
    },
    Rule {
        name: "If-Unmodified-Since without a date is ignored",
        reason: "RFC 9110 §13.1.4: a recipient must ignore it if it is no date",
        accepts: |case| {
            let date = case.request.field("If-Unmodified-Since").map(date);
            case.nginx.status == 412 && date == Some(None) && case.is_right()
        },
    },
    Rule {
        name: "If-Modified-Since may be later than the change",
        reason: "RFC 9110 §13.1.3: 304 if the last change is not later than the date; nginx wants the same second",
        accepts: |case| case.foobar.status == 304 && case.has(&["If-Modified-Since"]) && case.is_right(),
    },
    Rule {
        name: "HEAD has no ranges",
        reason: "RFC 9110 §14.2: a range is ignored where the method has none, and only GET has",
        accepts: |case| case.request.method == "HEAD" && case.has(&["Range"]) && case.is_right(),
    },
    Rule {
        name: "ranges that are malformed are ignored",
        reason: "RFC 9110 §14.2: a server may ignore them; the whole file is an answer that every client understands",
        accepts: |case| case.range() == Some(Specs::Malformed) && case.is_right(),
    },
    Rule {
        name: "a range of an empty file is ignored",
        reason: "RFC 9110 §14.2: a server may ignore Range; nginx does so where the range begins at 0",
        accepts: |case| {
            let empty = case.file().is_some_and(|file| file.metadata().unwrap().len() == 0);
            empty && case.has(&["Range"]) && case.is_right()
        },
    },
    Rule {
        name: "ranges may have numbers of any length, empty elements and tabs",
        reason: "RFC 9110 §14.1.2 (1*DIGIT) and §5.6.1 (lists); nginx calls them malformed",
        accepts: |case| case.nginx.status == 416 && case.range() != Some(Specs::Malformed) && case.is_right(),
    },
    Rule {
        name: "too many ranges are counted as they stand",
        reason: "RFC 9110 §14.2; nginx does not count those beyond the end",
        accepts: |case| {
            let many = case.request.field("Range").is_some_and(|range| range.split(',').count() > 256);
            many && case.foobar.status == 200 && case.is_right()
        },
    },
    Rule {
        name: "ranges that overlap or touch are sent as one",
        reason: "RFC 9110 §15.3.7.2: a server may coalesce them",
        accepts: |case| {
            let parted = matches!(
                case.aspect,
                Aspect::Parts | Aspect::Field("content-type" | "content-length" | "content-range")
            );
            parted && case.foobar.status == 206 && coalesced(case)
        },
    },
    Rule {
        name: "405 tells what is allowed",
        reason: "RFC 9110 §15.5.6: it must have Allow",
        accepts: |case| {
            case.is(Aspect::Field("allow"))
                && case.foobar.header("allow").is_some_and(|allow| allow.starts_with("GET, HEAD"))
        },
    },
    Rule {
        name: "TRACE is refused before its target is read",
        reason: "RFC 9110 §9.3.8: it is for no resource here, well-formed or not",
        accepts: |case| case.answers(405) && case.request.method == "TRACE" && case.nginx.status == 400,
    },
    Rule {
        name: "TRACE leaves the connection open",
        reason: "RFC 9112 §9.3; nginx closes it",
        accepts: |case| case.is(Aspect::Persistence) && case.request.method == "TRACE" && case.foobar.persists(),
    },
    Rule {
        name: "a time in the future is now",
        reason: "RFC 9110 §8.8.2.1: Last-Modified must not be later than the answer",
        accepts: |case| {
            let future = case.file().is_some_and(|file| file.ends_with("future.txt"));
            future && (case.is(Aspect::Field("last-modified")) || case.is_right())
        },
    },
    Rule {
        name: "a time that says nothing of a change is no validator",
        reason: "RFC 9110 §8.8.2: builds without times have 1970 or 1980 for every content; nginx says it, and answers 304",
        accepts: |case| {
            let untold = |file: PathBuf| file.ends_with("epoch.txt") || file.ends_with("ancient.txt");
            let unsaid = case.is(Aspect::Field("last-modified")) && case.foobar.header("last-modified").is_none();
            case.file().is_some_and(untold) && (unsaid || case.is_right())
        },
    },
    Rule {
        name: "files have the types that IANA knows",
        reason: "RFC 9239 (text/javascript), RFC 6713 (application/gzip)",
        accepts: has_better_type,
    },
];

/// The types that nginx and Foobar give.
pub(super) const TYPES: &[[&str; 2]] = &[
    ["application/javascript; charset=utf-8", "text/javascript; charset=utf-8"],
    ["application/octet-stream", "application/gzip"],
];

fn has_better_type(case: &Case) -> bool {
    let better = |nginx: &str, foobar: &str| TYPES.contains(&[nginx, foobar]);
    match case.aspect {
        Aspect::Field("content-type") => {
            better(case.nginx.header("content-type").unwrap(), case.foobar.header("content-type").unwrap())
        }
        Aspect::Parts => parts(case.nginx).into_iter().zip(parts(case.foobar)).all(|(mut nginx, foobar)| {
            let same_type = better(&nginx.content_type, &foobar.content_type);
            nginx.content_type.clone_from(&foobar.content_type);
            same_type && nginx == foobar
        }),
        _ => false,
    }
}

/// Whether the parts of Foobar are those of nginx, put together.
fn coalesced(case: &Case) -> bool {
    let (nginx, foobar) = (parts(case.nginx), parts(case.foobar));
    let inside = nginx.iter().all(|part| {
        foobar.iter().any(|whole| {
            let at = part.range.start.wrapping_sub(whole.range.start);
            whole.range.start <= part.range.start
                && whole.content.get(at..at + part.range.len()) == Some(&part.content[..])
        })
    });
    let asked = |at: usize| nginx.iter().any(|part| part.range.contains(&at));
    let apart = foobar.iter().enumerate().all(|(number, one)| {
        foobar[number + 1..].iter().all(|two| one.range.end < two.range.start || two.range.end < one.range.start)
    });
    inside && apart && foobar.len() < nginx.len() && foobar.iter().all(|part| part.range.clone().all(asked))
}
