use std::error::Error;
use std::fmt;

/// Any error that may move between threads.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Displays an error with all its causes in one line: `a: b: c`. A cause whose text the error before it ends with
/// already is not said twice.
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl Chain<'_> {
    /// The same behind a text that says something of the error.
    pub fn after(&self, text: &str) -> String {
        line(text.to_owned(), Some(self.0))
    }
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line(self.0.to_string(), self.0.source()))
    }
}

fn line(text: String, cause: Option<&(dyn Error + 'static)>) -> String {
    let (mut line, mut said) = (text.clone(), text);
    for cause in std::iter::successors(cause, |error| (*error).source()) {
        let cause = cause.to_string();
        if !ends_with(&said, &cause) {
            line = format!("{line}: {cause}");
            said = cause;
        }
    }
    line
}

/// Whether `text` is this cause, or ends with it as a line of this kind does.
fn ends_with(text: &str, cause: &str) -> bool {
    text.strip_suffix(cause).is_some_and(|before| before.is_empty() || before.ends_with(": ") || cause.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, and what it was caused by.
    #[derive(Debug)]
    struct Said(&'static str, Option<Box<Self>>);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Said {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    fn chain(texts: &[&'static str]) -> String {
        let error = texts.iter().rev().fold(None, |cause, text| Some(Box::new(Said(text, cause))));
        Chain(&*error.expect("there is a text")).to_string()
    }

    #[test]
    fn all_causes_are_shown_in_one_line() {
        assert_eq!(chain(&["cannot open a", "no such file"]), "cannot open a: no such file");
        assert_eq!(chain(&["a", "b", "a"]), "a: b: a");
    }

    #[test]
    fn a_cause_is_not_said_twice() {
        assert_eq!(chain(&["the disk is full", "the disk is full"]), "the disk is full");
        assert_eq!(chain(&["a", "b", "b", "b", "c"]), "a: b: c");
        assert_eq!(chain(&["cannot write: full", "full", "why"]), "cannot write: full: why");
        assert_eq!(chain(&["cannot write: disk: full", "disk: full", "full"]), "cannot write: disk: full");
        assert_eq!(chain(&["a", ""]), "a");
        assert_eq!(chain(&["it is not full", "full"]), "it is not full: full");
        let full = Said("full", Some(Box::new(Said("why", None))));
        assert_eq!(Chain(&full).after("full"), "full: why");
        assert_eq!(Chain(&full).after("cannot write"), "cannot write: full: why");
    }
}
