use crate::Engine;

/// `sql` with a `?` for each literal, and without comments. Where it depends on the settings of the server or the
/// session what is a literal, the rest is left out: no reading of it may show a value.
pub(super) fn without_literals(sql: &str, engine: Engine) -> String {
    let mut shown = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match piece(rest, first, engine) {
            Piece::Shown(length) => {
                shown.push_str(&rest[..length]);
                length
            }
            Piece::Literal(length) => {
                shown.push('?');
                length
            }
            Piece::Comment(length) => {
                let is_apart = shown.is_empty() || shown.ends_with(char::is_whitespace);
                shown.push_str(if is_apart { "" } else { " " });
                rest = rest[length..].trim_start();
                continue;
            }
            Piece::Code(length) => {
                let inside = without_literals(&rest["/*".len()..length - "*/".len()], engine);
                shown.extend(["/*", inside.as_str(), "*/"]);
                length
            }
            Piece::Unclear => {
                shown.push('?');
                rest.len()
            }
        };
        rest = &rest[length..];
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// What a text begins with, and how many bytes of it that is.
enum Piece {
    /// A word, a name, a sign.
    Shown(usize),
    Literal(usize),
    Comment(usize),
    /// A comment that is code for some servers.
    Code(usize),
    /// It has no end, or its end depends on the settings.
    Unclear,
}

fn piece(text: &str, first: char, engine: Engine) -> Piece {
    let is_mysql = engine == Engine::Mysql;
    match first {
        '\'' => literal(text, is_mysql),
        '"' => literal(text, is_mysql), // a name with ANSI_QUOTES; on SQLite a text where nothing has this name
        '`' => name(text),
        '[' if !is_mysql => text.find(']').map_or(Piece::Unclear, |end| Piece::Shown(end + 1)),
        '#' if is_mysql => line(text),
        '-' if is_line_comment(text, is_mysql) => line(text),
        '/' if text.starts_with("/*") => comment(text, is_mysql),
        '?' => Piece::Shown(1 + length(&text[1..], |letter| letter.is_ascii_digit())), // SQLite's `?1` too
        _ if first.is_ascii_digit() => Piece::Literal(length(text, |letter| is_of_word(letter) || letter == '.')),
        _ if is_of_word(first) => word(text, is_mysql),
        _ => Piece::Shown(first.len_utf8()),
    }
}

/// A text in quotes. MySQL takes a backslash for an escape, but with NO_BACKSLASH_ESCAPES or in a name: where its end
/// hangs on that, it is unclear.
fn literal(text: &str, has_escapes: bool) -> Piece {
    let bytes = text.as_bytes();
    let quote = bytes[0];
    let mut position = 1;
    loop {
        let next = bytes.get(position + 1).copied();
        position += match bytes.get(position) {
            None => return Piece::Unclear,
            Some(b'\\') if has_escapes && next == Some(quote) => return Piece::Unclear,
            Some(b'\\') if has_escapes => 2,
            Some(byte) if *byte != quote => 1,
            Some(_) if next == Some(quote) => 2, // a doubled one stands for itself
            Some(_) => return Piece::Literal(position + 1),
        };
    }
}

/// A name in quotes, of which a doubled one stands for itself.
fn name(text: &str) -> Piece {
    match literal(text, false) {
        Piece::Literal(length) => Piece::Shown(length),
        other => other,
    }
}

/// A word, or a literal behind its letter: `x'1f'`, `b'01'`, `N'text'`.
fn word(text: &str, is_mysql: bool) -> Piece {
    let length = length(text, is_of_word);
    let is_mark = length == 1 && text.starts_with(['b', 'B', 'n', 'N', 'x', 'X']);
    match text[length..].starts_with('\'') && is_mark {
        true => match literal(&text[length..], is_mysql) {
            Piece::Literal(more) => Piece::Literal(length + more),
            other => other,
        },
        false => Piece::Shown(length),
    }
}

/// MySQL wants a space behind the dashes.
fn is_line_comment(text: &str, is_mysql: bool) -> bool {
    let is_space = |letter: char| letter.is_ascii_whitespace() || letter.is_ascii_control();
    let after = text.strip_prefix("--");
    after.is_some_and(|after| !is_mysql || after.chars().next().is_none_or(is_space))
}

/// A comment to the end of its line.
fn line(text: &str) -> Piece {
    Piece::Comment(text.find('\n').unwrap_or(text.len()))
}

/// MySQL runs what is in some comments, and MariaDB in others. Where a quote or a comment in one would begin or end
/// another thing for whoever does not, what follows is unclear.
fn comment(text: &str, is_mysql: bool) -> Piece {
    let inside = &text["/*".len()..];
    let Some(end) = inside.find("*/") else { return Piece::Unclear };
    let (inside, length) = (&inside[..end], end + "/**/".len());
    let is_code = is_mysql && (inside.starts_with('!') || inside.starts_with("M!"));
    let is_clear = !["'", "\"", "`", "/*", "--", "#"].iter().any(|mark| inside.contains(mark));
    match (is_code, is_clear) {
        (false, _) => Piece::Comment(length),
        (true, true) => Piece::Code(length),
        (true, false) => Piece::Unclear,
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$') || !letter.is_ascii()
}

fn length(text: &str, is_of_it: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !is_of_it(letter)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Engine; 2] = [Engine::Sqlite, Engine::Mysql];
    const MYSQL: [Engine; 1] = [Engine::Mysql];
    const SQLITE: [Engine; 1] = [Engine::Sqlite];

    fn assert_shown(engines: &[Engine], cases: &[(&str, &str)]) {
        for engine in engines {
            for (sql, shown) in cases {
                assert_eq!(without_literals(sql, *engine), *shown, "{sql} on {engine}");
            }
        }
    }

    #[test]
    fn each_literal_is_a_placeholder_and_what_is_none_stays() {
        assert_shown(
            &BOTH,
            &[
                ("SELECT 'a', 'it''s', '', '''', 'ä☂' FROM t1", "SELECT ?, ?, ?, ?, ? FROM t1"),
                ("SELECT 1, -2.5, 1e10, 0x1F, 0b01, 1_000 FROM t", "SELECT ?, -?, ?, ?, ?, ? FROM t"),
                ("SELECT x'1f', X'1F', b'01', N'text', _utf8mb4'text'", "SELECT ?, ?, ?, ?, _utf8mb4?"),
                ("WHERE a=7AND b>1.OR c IN(1,2) LIMIT 10", "WHERE a=? b>? c IN(?,?) LIMIT ?"),
                ("SELECT t1.c2, `t 1`.`it's 1`, größe FROM t$1", "SELECT t1.c2, `t 1`.`it's 1`, größe FROM t$1"),
                ("SELECT NULL, TRUE, DATE '2026-11-30'", "SELECT NULL, TRUE, DATE ?"),
                ("SELECT ? FROM t WHERE a = ? AND b = '?'", "SELECT ? FROM t WHERE a = ? AND b = ?"),
                ("SELECT 'a' 'b'", "SELECT ? ?"),
                ("SELECT 'a; -- b /* c', 'd'", "SELECT ?, ?"),
                ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (?, ?), (?, ?)"),
                ("", ""),
            ],
        );
    }

    #[test]
    fn comments_are_left_out_and_no_quote_in_one_begins_a_literal() {
        assert_shown(
            &BOTH,
            &[
                ("SELECT/* it's */'hunter2'", "SELECT ?"),
                ("SELECT 1 -- it's\n, 'hunter2'", "SELECT ? , ?"),
                ("/* route='hunter2' */ SELECT 1", "SELECT ?"),
                ("SELECT 1 -- hunter2", "SELECT ?"),
                ("SELECT /**/ /*/ it's */ 'hunter2'", "SELECT ?"),
            ],
        );
        assert_shown(&MYSQL, &[("SELECT 1 # it's\n, 'hunter2'", "SELECT ? , ?")]);
        assert_shown(&MYSQL, &[("SELECT 1--'hunter2'", "SELECT ?--?")]);
        assert_shown(&SQLITE, &[("SELECT 1--it's\n,'hunter2'", "SELECT ? ,?")]);
    }

    #[test]
    fn what_has_no_end_is_hidden_to_the_end_of_the_text() {
        let cases = [
            ("SELECT 'hunter2", "SELECT ?"),
            ("SELECT 'it''s hunter2''", "SELECT ?"),
            ("SELECT \"hunter2", "SELECT ?"),
            ("SELECT `hunter2", "SELECT ?"),
            ("SELECT /* hunter2", "SELECT ?"),
            ("SELECT x'hunter2", "SELECT ?"),
        ];
        assert_shown(&BOTH, &cases);
        assert_shown(&SQLITE, &[("SELECT [hunter2", "SELECT ?")]);
    }

    #[test]
    fn what_stands_in_double_quotes_may_be_a_literal() {
        let sql = "SELECT \"a \"\"b\"\"\" FROM t WHERE c = 'hunter2'";
        assert_shown(&SQLITE, &[(sql, "SELECT ? FROM t WHERE c = ?")]);
        assert_shown(&MYSQL, &[(sql, "SELECT ? FROM t WHERE c = ?")]);
        assert_shown(&SQLITE, &[("SELECT [a 1] FROM t WHERE b = ?1", "SELECT [a 1] FROM t WHERE b = ?1")]);
    }

    #[test]
    fn a_backslash_escapes_on_mysql_alone() {
        assert_shown(&SQLITE, &[(r"SELECT 'a\', 'hunter2'", "SELECT ?, ?"), (r"SELECT 'a\\', b", "SELECT ?, b")]);
        assert_shown(&MYSQL, &[(r"SELECT 'a\\', 'b\n☂\\☂' FROM t", "SELECT ?, ? FROM t")]);
    }

    /// NO_BACKSLASH_ESCAPES, ANSI_QUOTES, the version of the server, and whether it is MariaDB.
    #[test]
    fn what_depends_on_the_settings_of_mysql_is_hidden_to_the_end() {
        let cases = [
            (r"SELECT 'it\'s', hunter2", "SELECT ?"),
            (r"SELECT 'a\', 'hunter2'", "SELECT ?"),
            (r#"SELECT "a\", 'hunter2'"#, "SELECT ?"),
            (r"SELECT 'a\\\', 'hunter2'", "SELECT ?"),
            ("SELECT /*!99999 it's */ 'hunter2'", "SELECT ?"),
            ("SELECT /*M! it's */ 'hunter2'", "SELECT ?"),
            ("SELECT /*! -- x */ it's \n 'hunter2'", "SELECT ?"),
            ("SELECT /*!99999 /* x */ it's */ 'hunter2'", "SELECT ?"),
        ];
        assert_shown(&MYSQL, &cases);
        assert_shown(&MYSQL, &[("SELECT /*!50708 MAX(1), */ 'hunter2'", "SELECT /*!? MAX(?),*/ ?")]);
    }
}
