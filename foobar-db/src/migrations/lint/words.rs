/// A word of SQL, a quoted name, a text or a sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'sql> {
    pub(super) text: &'sql str,
    pub(super) kind: Kind,
    pub(super) line: usize,
    /// Where it begins.
    pub(super) at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Name,
    Text,
    Sign,
}

/// Words that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'sql>(pub(super) &'sql [Word<'sql>]);

impl<'sql> Words<'sql> {
    /// Whether it begins with these keywords.
    pub(super) fn is(self, keywords: &[&str]) -> bool {
        self.0.len() >= keywords.len() && self.0.iter().zip(keywords).all(|(word, keyword)| word.is(keyword))
    }

    /// What follows these keywords, if it begins with them.
    pub(super) fn after(self, keywords: &[&str]) -> Option<Self> {
        self.is(keywords).then(|| Self(&self.0[keywords.len()..]))
    }

    /// The same; all where it does not begin with them.
    pub(super) fn skip(self, keywords: &[&str]) -> Self {
        self.after(keywords).unwrap_or(self)
    }

    /// What follows the first such keyword that stands in no parentheses.
    pub(super) fn behind(self, keyword: &str) -> Option<Self> {
        let (at, _) = self.outside().find(|(_, word)| word.is(keyword))?;
        Some(Self(&self.0[at + 1..]))
    }

    /// What follows the tables of `WITH`, each of which stands in parentheses: what is done with them.
    pub(super) fn behind_with(self) -> Self {
        let verbs = ["SELECT", "INSERT", "REPLACE", "VALUES", "TABLE", "UPDATE", "DELETE"];
        let is_verb = |word: &Word<'_>| verbs.iter().any(|verb| word.is(verb));
        let main = self.outside().find(|(_, word)| is_verb(word)).map_or(self.0.len(), |(at, _)| at);
        Self(&self.0[main..])
    }

    /// Whether these keywords follow each other somewhere in no parentheses.
    pub(super) fn has(self, keywords: &[&str]) -> bool {
        self.outside().any(|(at, _)| Self(&self.0[at..]).is(keywords))
    }

    /// All but the first.
    pub(super) fn rest(self) -> Self {
        Self(self.0.get(1..).unwrap_or_default()) // there is none
    }

    /// The name that it begins with, in lower case and without quotes; that of a table without its database.
    pub(super) fn name(self) -> String {
        let is_dot = |word: Option<&Word<'_>>| word.is_some_and(|word| word.text == ".");
        let name = self.0.first().filter(|_| !is_dot(self.0.get(1))).or_else(|| self.0.get(2));
        let quotes = ['"', '`', '[', ']', '\''];
        let text = name.map_or("", |word| word.text.trim_matches(quotes));
        let text = if name.is_some_and(|word| word.kind == Kind::Word) {
            text.rsplit('.').next().unwrap_or(text)
        } else {
            text
        };
        text.to_lowercase()
    }

    /// The parts between commas that stand in no parentheses.
    pub(super) fn divided(self) -> Vec<Self> {
        let (mut parts, mut start) = (Vec::new(), 0);
        for (at, _) in self.outside().filter(|(_, word)| word.is_sign(",")) {
            parts.push(Self(&self.0[start..at]));
            start = at + 1;
        }
        parts.push(Self(&self.0[start..]));
        parts
    }

    /// The words that stand in no parentheses, and where.
    fn outside(self) -> impl Iterator<Item = (usize, &'sql Word<'sql>)> {
        let mut depth = 0_usize;
        self.0.iter().enumerate().filter(move |(_, word)| {
            if word.is_sign("(") {
                depth += 1;
            } else if word.is_sign(")") {
                depth = depth.saturating_sub(1);
            }
            depth == 0
        })
    }

    /// The line of its first word.
    pub(super) fn line(self) -> usize {
        self.0.first().map_or(1, |word| word.line)
    }

    /// What it is in `sql`, on one line and shortened.
    pub(super) fn text(self, sql: &str) -> String {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return String::new() };
        let text: Vec<_> = sql[first.at..last.at + last.text.len()].split_whitespace().collect();
        let text = text.join(" ");
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

/// What of a statement is shown, in characters.
const LONGEST: usize = 79;

impl Word<'_> {
    fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }
}

impl<'sql> Words<'sql> {
    /// Whether a dot follows: another part of a name.
    pub(super) fn is_of_name(self) -> bool {
        self.0.first().is_some_and(|word| word.kind == Kind::Word && word.text == ".")
    }

    /// The same without a sign that it begins with.
    pub(super) fn skip_sign(self, sign: &str) -> Self {
        if self.0.first().is_some_and(|word| word.text == sign) { self.rest() } else { self }
    }

    /// The columns of `ADD`, which may stand in parentheses.
    pub(super) fn columns(self) -> Vec<Self> {
        let is_list =
            self.0.first().is_some_and(|word| word.text == "(") && self.0.last().is_some_and(|word| word.text == ")");
        if is_list { Self(&self.0[1..self.0.len() - 1]).divided() } else { vec![self] }
    }
}
