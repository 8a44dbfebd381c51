//! What a statement may do besides answering, as far as its text tells.
//!
//! Neither server tells all of it (no lock of `GET_LOCK`; the rest the driver does not ask for), so a statement is
//! harmless only where every word of it is known to be. What a trigger or a view does is not seen.

/// What a text of one statement or several may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    /// It may leave something in its session: a variable, a lock, a temporary table, the chosen database, a mode, or
    /// what is not known, such as what a procedure or a function of the user's own does.
    pub(super) changes_session: bool,
    /// It may change what is stored.
    pub(super) writes: bool,
    /// It asks for transactions that may write, whatever the session is set to.
    pub(super) asks_to_write: bool,
    /// It may leave something that a reset of the session does not undo: a role.
    pub(super) outlives_reset: bool,
    /// It does not wait for rows that are locked.
    pub(super) no_wait: bool,
}

impl Effects {
    pub(super) fn of(sql: &str) -> Self {
        let mut effects = Self::default();
        let mut tokens = Tokens { rest: sql };
        let mut first = ""; // of its statement
        let mut before = ""; // the word right before this one
        while let Some(token) = tokens.next() {
            if tokens.is_before_parenthesis() && token.may_be_called() && !is_in(before, BEFORE_NAMES) {
                effects.may_be_any();
            }
            effects.changes_session |= token.is(SETS_BY_ARGUMENT) && tokens.is_before_argument();
            match token {
                Token::Unknown | Token::Sequence => effects.may_be_any(),
                Token::Word(word) => {
                    if first.is_empty() {
                        first = word;
                        effects.begin(first);
                    }
                    effects.add(first, before, word);
                    before = word;
                    continue;
                }
                Token::Semicolon => first = "",
                Token::Quoted | Token::Other => {}
            }
            before = "";
        }
        effects.asks_to_write |= effects.changes_session && names_read_only_variable(sql);
        effects
    }

    const fn may_be_any(&mut self) {
        (self.changes_session, self.writes) = (true, true);
    }

    /// What a statement does because it begins with `first`.
    fn begin(&mut self, first: &str) {
        self.changes_session |= !is_in(first, STATEMENTS);
        self.writes |= !is_in(first, QUESTIONS);
    }

    /// What `word` adds in a statement that begins with `first`.
    fn add(&mut self, first: &str, before: &str, word: &str) {
        self.changes_session |= is_in(word, "TEMPORARY");
        self.writes |= is_in(first, "WITH") && is_in(word, "DELETE INSERT REPLACE UPDATE");
        if is_in(before, "NEXT PREVIOUS") && is_in(word, "VALUE") {
            self.may_be_any(); // of a sequence of MariaDB's; the first writes, and the second is what the session had
        }
        if is_in(first, "COMMIT ROLLBACK") && is_in(word, "CHAIN") {
            self.may_be_any(); // it begins a transaction
        }
        self.outlives_reset |= is_in(before, "SET") && is_in(word, "ROLE");
        self.asks_to_write |= is_in(before, "READ") && is_in(word, "WRITE");
        self.no_wait |= is_in(word, "NOWAIT");
    }
}

/// Whether the variable is named that makes transactions read-only; also in a text that a text prepares.
fn names_read_only_variable(sql: &str) -> bool {
    let sql = sql.to_ascii_lowercase();
    ["transaction_read_only", "tx_read_only"].iter().any(|name| sql.contains(name))
}

fn is_in(word: &str, words: &str) -> bool {
    words.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(word))
}

/// What begins a statement that leaves nothing behind. An open transaction is told by the server.
const STATEMENTS: &str = "ALTER ANALYZE BEGIN CHECK CHECKSUM COMMIT CREATE DELETE DESC DESCRIBE DROP EXPLAIN GRANT INSERT \
    KILL OPTIMIZE RELEASE RENAME REPLACE REVOKE ROLLBACK SAVEPOINT SELECT SHOW START TABLE TRUNCATE UPDATE VALUES WITH";

/// What begins a statement that only asks.
const QUESTIONS: &str = "COMMIT DESC DESCRIBE EXPLAIN KILL RELEASE ROLLBACK SAVEPOINT SELECT SHOW TABLE VALUES WITH";

/// What asks alone, and sets something in the session where it is given a value.
const SETS_BY_ARGUMENT: &str = "LAST_INSERT_ID";

/// What stands right before the name of a table or an index, which a list of columns may follow. `ON` is not among
/// them: a condition may follow it.
const BEFORE_NAMES: &str =
    "AS CONSTRAINT EXISTS IGNORE INDEX INSERT INTO KEY RECURSIVE REFERENCES REPLACE TABLE UNIQUE WITH";

/// What may stand before a parenthesis and leaves nothing behind: words of the language, types, functions of both
/// servers.
const CALLS: &str = "\
    ALL AND ANY AS ASC BETWEEN BY CASE CHECK COLUMNS DISTINCT DIV DUPLICATE ELSE END ESCAPE EXCEPT EXISTS EXTRACT FILTER FOREIGN \
    FROM FULLTEXT GROUP HAVING IF IGNORE IN INDEX INTERSECT INTERVAL INTO IS JOIN KEY LATERAL LEFT LIKE LIMIT MATCH AGAINST \
    MOD NOT NULL OF OFFSET ON OR ORDER OVER PARTITION PRIMARY RANGE RECURSIVE REFERENCES REGEXP RETURNING RIGHT RLIKE ROW \
    ROWS SELECT SET SOME SPATIAL THEN UNION UNIQUE UPDATE USING VALUE VALUES WHEN WHERE WINDOW WITH WITHIN XOR \
    BIGINT BINARY BIT BLOB BOOL BOOLEAN CHAR CHARACTER DATE DATETIME DEC DECIMAL DOUBLE ENUM FLOAT INT INTEGER JSON LONGBLOB \
    LONGTEXT MEDIUMBLOB MEDIUMINT MEDIUMTEXT NUMERIC REAL SIGNED SMALLINT TEXT TIME TIMESTAMP TINYBLOB TINYINT TINYTEXT \
    UNSIGNED VARBINARY VARCHAR VECTOR YEAR \
    AVG BIT_AND BIT_OR BIT_XOR COUNT GROUP_CONCAT JSON_ARRAYAGG JSON_OBJECTAGG MAX MIN STD STDDEV STDDEV_POP STDDEV_SAMP \
    SUM VARIANCE VAR_POP VAR_SAMP CUME_DIST DENSE_RANK FIRST_VALUE LAG LAST_VALUE LEAD NTH_VALUE NTILE PERCENT_RANK RANK \
    ROW_NUMBER GROUPING ANY_VALUE \
    COALESCE GREATEST IFNULL ISNULL LEAST NULLIF NVL NVL2 CAST CONVERT DEFAULT \
    ABS ACOS ASIN ATAN ATAN2 CEIL CEILING CONV COS COT CRC32 DEGREES EXP FLOOR FORMAT LN LOG LOG10 LOG2 PI POW POWER RADIANS \
    RAND ROUND SIGN SIN SQRT TAN \
    ASCII BIT_COUNT BIT_LENGTH CHARACTER_LENGTH CHAR_LENGTH CHARSET COERCIBILITY COLLATION CONCAT CONCAT_WS ELT EXPORT_SET \
    FIELD FIND_IN_SET FROM_BASE64 HEX INSERT INSTR LCASE LENGTH LOCATE LOWER LPAD LTRIM MAKE_SET MID OCT OCTET_LENGTH ORD \
    POSITION QUOTE REGEXP_INSTR REGEXP_LIKE REGEXP_REPLACE REGEXP_SUBSTR REPEAT REPLACE REVERSE RPAD RTRIM SOUNDEX SPACE \
    STRCMP SUBSTR SUBSTRING SUBSTRING_INDEX TO_BASE64 TRIM UCASE UNHEX UPPER WEIGHT_STRING \
    ADDDATE ADDTIME CONVERT_TZ CURDATE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURTIME DATEDIFF DATE_ADD DATE_FORMAT \
    DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR FROM_DAYS FROM_UNIXTIME GET_FORMAT HOUR LAST_DAY LOCALTIME \
    LOCALTIMESTAMP MAKEDATE MAKETIME MICROSECOND MINUTE MONTH MONTHNAME NOW PERIOD_ADD PERIOD_DIFF QUARTER SECOND \
    SEC_TO_TIME STR_TO_DATE SUBDATE SUBTIME SYSDATE TIMEDIFF TIMESTAMPADD TIMESTAMPDIFF TIME_FORMAT TIME_TO_SEC TO_DAYS \
    TO_SECONDS TRUNCATE UNIX_TIMESTAMP UTC_DATE UTC_TIME UTC_TIMESTAMP WEEK WEEKDAY WEEKOFYEAR YEARWEEK \
    JSON_ARRAY JSON_ARRAY_APPEND JSON_ARRAY_INSERT JSON_CONTAINS JSON_CONTAINS_PATH JSON_DEPTH JSON_EXTRACT JSON_INSERT \
    JSON_KEYS JSON_LENGTH JSON_MERGE_PATCH JSON_MERGE_PRESERVE JSON_OBJECT JSON_OVERLAPS JSON_PRETTY JSON_QUERY JSON_QUOTE \
    JSON_REMOVE JSON_REPLACE JSON_SCHEMA_VALID JSON_SEARCH JSON_SET JSON_TABLE JSON_TYPE JSON_UNQUOTE JSON_VALID JSON_VALUE \
    AES_DECRYPT AES_ENCRYPT COMPRESS MD5 RANDOM_BYTES SHA SHA1 SHA2 UNCOMPRESS UNCOMPRESSED_LENGTH \
    BENCHMARK BIN BIN_TO_UUID CONNECTION_ID CURRENT_ROLE CURRENT_USER DATABASE FOUND_ROWS INET6_ATON INET6_NTOA INET_ATON \
    INET_NTOA IS_IPV4 IS_IPV6 IS_UUID LAST_INSERT_ID ROW_COUNT SCHEMA SESSION_USER SLEEP SYSTEM_USER USER UUID UUID_SHORT \
    UUID_TO_BIN VERSION";

/// What matters of a statement's text.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A word of the language or a name, the last part of `a.b.c`.
    Word(&'a str),
    /// A name in backquotes, or one of which parts are.
    Quoted,
    /// A value of a sequence, as Oracle writes it: `s.NEXTVAL`.
    Sequence,
    Semicolon,
    /// A user's variable, the beginning of code in a comment, or what has no end.
    Unknown,
    /// A literal, a sign.
    Other,
}

impl Token<'_> {
    /// Whether it may be a function of the user's own, or one that leaves something behind, where a parenthesis
    /// follows.
    fn may_be_called(&self) -> bool {
        match self {
            Self::Word(word) => !is_in(word, CALLS),
            Self::Quoted => true,
            Self::Semicolon | Self::Sequence | Self::Unknown | Self::Other => false,
        }
    }

    /// Whether it is one of these words.
    fn is(&self, words: &str) -> bool {
        matches!(self, Self::Word(word) if is_in(word, words))
    }
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_to_token();
        let rest = self.rest;
        let first = rest.chars().next()?;
        let (token, length) = match first {
            ';' => (Token::Semicolon, Some(1)),
            '@' if rest.starts_with("@@") => (Token::Other, Some(2)),
            '@' => (Token::Unknown, Some(1)),
            '/' if rest.starts_with("/*") => (Token::Unknown, Some(code_mark(rest))), // or it has no end
            '\'' | '"' => (Token::Other, literal(rest)),
            '`' => qualified(rest),
            _ if is_of_name(first) => word(rest),
            _ => (Token::Other, Some(first.len_utf8())),
        };
        let Some(length) = length else {
            self.rest = "";
            return Some(Token::Unknown);
        };
        self.rest = &rest[length..];
        Some(token)
    }

    /// Skips spaces and comments; not those that hold code or have no end.
    fn skip_to_token(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches(SPACES);
            let Some(length) = comment(self.rest) else { return };
            self.rest = &self.rest[length..];
        }
    }

    fn is_before_parenthesis(&mut self) -> bool {
        self.skip_to_token();
        self.rest.starts_with('(')
    }

    /// Whether a parenthesis with something in it follows.
    fn is_before_argument(&mut self) -> bool {
        self.skip_to_token();
        let mut inside = Tokens { rest: self.rest.strip_prefix('(').unwrap_or(")") };
        inside.skip_to_token();
        !inside.rest.starts_with(')')
    }
}

/// What both servers take for a space.
const SPACES: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];

/// How long the comment is that `text` begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with('#') || is_dash_comment(text) {
        return Some(text.find('\n').unwrap_or(text.len())); // the last line has no end of its own
    }
    let inside = text.strip_prefix("/*").filter(|inside| !inside.starts_with('!') && !inside.starts_with("M!"))?;
    inside.find("*/").map(|end| end + "/**/".len())
}

/// How long the mark is that code in a comment begins with, such as `/*!50708`.
fn code_mark(text: &str) -> usize {
    text.len()
        - text.trim_start_matches(['/', '*', 'M', '!']).trim_start_matches(|mark: char| mark.is_ascii_digit()).len()
}

/// How long a quoted text is: its quote inside is doubled or stands behind a backslash.
fn literal(text: &str) -> Option<usize> {
    let quote = text.as_bytes()[0];
    let mut escaped = false;
    for (position, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == quote => return Some(position + 1), // a doubled one begins another literal
            _ => {}
        }
    }
    None
}

fn is_dash_comment(text: &str) -> bool {
    text.strip_prefix("--").is_some_and(|after| after.is_empty() || after.starts_with(SPACES))
}

/// A name of one part or several, of which the last one counts; a qualified name is never a function of the server's.
fn word(text: &str) -> (Token<'_>, Option<usize>) {
    let length = text.find(|character| !is_of_name(character)).unwrap_or(text.len());
    if text[length..].starts_with('.') { qualified(text) } else { (Token::Word(&text[..length]), Some(length)) }
}

/// A name that is quoted, or has several parts.
fn qualified(text: &str) -> (Token<'_>, Option<usize>) {
    let length = name(text);
    let last = length.and_then(|length| text[..length].rsplit_once('.'));
    let is_of_sequence = last.is_some_and(|(_, last)| is_in(last, "NEXTVAL CURRVAL"));
    (if is_of_sequence { Token::Sequence } else { Token::Quoted }, length)
}

/// How long a name of any parts is.
fn name(text: &str) -> Option<usize> {
    let mut length = 0;
    loop {
        let part = &text[length..];
        length += match part.strip_prefix('`') {
            Some(quoted) => quoted.find('`')? + "``".len(),
            None => part.find(|character| !is_of_name(character)).unwrap_or(part.len()),
        };
        if !text[length..].starts_with('.') {
            return Some(length);
        }
        length += 1;
    }
}

/// Names may hold every character beyond ASCII.
fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || character == '$' || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_diesel_writes_and_plain_sql_leave_nothing_behind() {
        for sql in [
            "SELECT `things`.`id`, `things`.`name` FROM `things` WHERE (`things`.`id` = ?) LIMIT ?",
            "INSERT INTO `things` (`id`, `name`) VALUES (?, ?), (?, ?)",
            "INSERT INTO things(id) VALUES (1) ON DUPLICATE KEY UPDATE id = VALUES(id)",
            "UPDATE `things` SET `n` = (`things`.`n` + ?) WHERE (`things`.`id` IN (?, ?))",
            "DELETE FROM shop.things WHERE name = 'GET_LOCK(1) @x'",
            "SELECT COUNT(*), MAX(lower(`a`.`b`)) FROM a JOIN b USING (id) -- SET x",
            "(SELECT 1) UNION (SELECT 2) /* SET @a = 1 */ ORDER BY 1",
            "SELECT @@max_allowed_packet, 1e5, x'ff', 'it''s', \"a\\\"b\"",
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
            "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(100) NOT NULL DEFAULT (UUID()))",
            "BEGIN; COMMIT;",
            "INSERT INTO t (id) VALUES (1) AS new (id) ON DUPLICATE KEY UPDATE id = new.id, n = (new.n + 1)",
            "INSERT INTO t /* of ours */ (id) SELECT id FROM (SELECT 1) AS x (id)",
            "INSERT IGNORE t(id) VALUES (1)",
            "SELECT a.id FROM a JOIN b ON (a.id = b.id) LEFT JOIN c ON c.id IN (1, 2) WHERE NOT EXISTS (SELECT 1 FROM d)",
            "SELECT SUM(n) OVER (PARTITION BY id ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t WINDOW w AS (ORDER BY n)",
            "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (n INT PATH '$')) AS j",
            "SELECT id FROM t WHERE MATCH (title, body) AGAINST ('x' IN BOOLEAN MODE) AND d > NOW() - INTERVAL (1) DAY",
            "SELECT TRUNCATE(price, 2), IF(a, b, c), GROUP_CONCAT(DISTINCT a ORDER BY a SEPARATOR ',') FROM t GROUP BY a WITH ROLLUP",
            "SELECT größe, `größe`, naïve.`x y` FROM müller WHERE größe IN (1)",
            "CREATE TABLE t(id INT, area INT GENERATED ALWAYS AS (a * b) STORED, KEY k (id), UNIQUE KEY u (id), CONSTRAINT c FOREIGN KEY (id) REFERENCES o (id) ON DELETE CASCADE)",
            "VALUES ROW(1, 2), ROW(3, 4)",
            "SELECT 1 FOR UPDATE SKIP LOCKED",
            "SELECT LAST_INSERT_ID(), last_insert_id ( /* none */ )",
            "SAVEPOINT diesel_savepoint_1",
            "",
        ] {
            assert!(!Effects::of(sql).changes_session, "{sql}");
        }
    }

    #[test]
    fn what_sets_something_and_what_is_not_known_may_change_the_session() {
        for sql in [
            "SET autocommit = 0",
            "set @x = 1",
            "SELECT @x := 1",
            "SELECT 1 INTO @x",
            "SELECT GET_LOCK('a', 1)",
            "SELECT get_lock ('a', 1)",
            "SELECT GET_LOCK /* x */ ('a', 1)",
            "SELECT GET_LOCK -- x\n# y\n ('a', 1)",
            "SELECT 1 FROM a JOIN b ON GET_LOCK('a', 1)",
            "SELECT 1 FROM a JOIN b ON `a`.`id` = GET_LOCK('a', 1)",
            "SELECT EXISTS (TABLE `a`) = GET_LOCK('a', 1)",
            "SELECT f…(1)",
            "COMMIT AND CHAIN",
            "BEGIN NOT ATOMIC SET sql_mode = ''; END",
            "SELECT 1; USE mysql",
            "CREATE TEMPORARY TABLE t (id INT)",
            "LOCK TABLES t WRITE",
            "FLUSH TABLES WITH READ LOCK",
            "CALL something()",
            "SELECT LAST_INSERT_ID(5)",
            "UPDATE counters SET n = last_insert_id (n + 1)",
            "SELECT PREVIOUS VALUE FOR s",
            "SELECT s.currval",
            "SELECT my_function(1)",
            "SELECT shop.my_function(1)",
            "SELECT `my_function`(1)",
            "SELECT `shop`.`my_function` (1)",
            "/*! SET @x = 1 */",
            "/*M! SET @x = 1 */",
            "PREPARE s FROM 'SELECT 1'",
            "DO GET_LOCK('a', 1)",
            "SELECT 'no end",
            "/* no end",
            "HANDLER t OPEN",
            "nonsense",
        ] {
            assert!(Effects::of(sql).changes_session, "{sql}");
        }
    }

    #[test]
    fn what_asks_for_read_write_is_seen_behind_anything() {
        for sql in [
            "START TRANSACTION READ WRITE",
            "SELECT f(@x); SET SESSION TRANSACTION READ /* and */ write",
            "/*!50708 SET transaction_read_only = 0 */",
            "SET SESSION tx_read_only = 0",
            "SET @@session.transaction_read_only=0",
            "PREPARE s FROM 'SET SESSION Transaction_Read_Only = 0'",
            "EXECUTE IMMEDIATE 'SET tx_read_only = 0'",
        ] {
            assert!(Effects::of(sql).asks_to_write, "{sql}");
        }
        for sql in ["LOCK TABLES t READ, u WRITE", "SELECT @@tx_read_only", "SELECT 'READ WRITE'", "START TRANSACTION"]
        {
            assert!(!Effects::of(sql).asks_to_write, "{sql}");
        }
    }

    #[test]
    fn what_does_not_wait_for_locks_is_seen() {
        assert!(Effects::of("SELECT `t`.`id` FROM `t` FOR UPDATE NOWAIT").no_wait);
        for sql in ["SELECT id FROM t FOR UPDATE", "SELECT 'NOWAIT' FROM `nowait` -- NOWAIT"] {
            assert!(!Effects::of(sql).no_wait, "{sql}");
        }
    }

    #[test]
    fn a_name_of_endless_parts_is_read() {
        assert_eq!(Effects::of(&format!("SELECT {}a", "a.".repeat(1 << 20))), Effects::default());
    }

    #[test]
    fn only_what_asks_does_not_write() {
        for sql in [
            "SELECT * FROM t WHERE id = ? FOR UPDATE",
            "(SELECT 1)",
            "SHOW TABLES",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "SELECT REPLACE(name, 'a', 'b') FROM t",
            "SAVEPOINT a",
        ] {
            assert!(!Effects::of(sql).writes, "{sql}");
        }
        for sql in [
            "INSERT INTO t VALUES (1)",
            "WITH a AS (SELECT 1) UPDATE t SET id = 2",
            "ANALYZE UPDATE t SET id = 2",
            "SELECT 1; DELETE FROM t",
            "SELECT f(1)",
            "SELECT NEXT VALUE FOR s",
            "SELECT next /* x */ value for shop.s",
            "SELECT s.NEXTVAL",
            "SELECT `shop`.`s`.nextval",
            "SELECT NEXTVAL(s)",
            "SELECT SETVAL(s, 5)",
            "CALL p()",
            "BEGIN",
            "START TRANSACTION",
            "SET autocommit = 1",
            "CREATE TABLE t (id INT)",
        ] {
            assert!(Effects::of(sql).writes, "{sql}");
        }
    }
}
