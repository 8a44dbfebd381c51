//! What the parameters of other clients mean here: those of the driver, JDBC, Go, Python, Ruby, PHP, Prisma and Node.

use crate::url_parameter::{NO_FLAG, UrlParameter, is_in};

/// What a parameter asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// What is the case anyway, or what means nothing here.
    Nothing,
    /// This, in the driver's words.
    Driver(String),
    /// TLS where the server has it, for which the driver has no word.
    PreferTls,
}

/// What `parameter` asks for, or why that cannot be.
pub(super) fn understand(parameter: UrlParameter<'_>) -> Result<Wish, &'static str> {
    let (key, word) = (parameter.key(), parameter.word());
    match key.as_str() {
        "socket" | "unixsocket" | "socketpath" | "localsocket" => socket(parameter.value),
        "charset" | "characterset" | "characterencoding" | "encoding" => charset(&word),
        "sslmode" | "ssl" | "usessl" | "tls" => ssl_mode(&word),
        "sslaccept" if word == "strict" => Ok(driver("require_ssl=true")),
        "sslaccept" => Err(UNVERIFIED),
        "compression" | "compress" | "usecompression" => compression(parameter),
        "timezone" | "servertimezone" | "connectiontimezone" | "loc" => time_zone(&word),
        key if is_in(HARMLESS, key) => Ok(Wish::Nothing),
        key => match FLAGS.iter().find(|flag| is_in(flag.names, key)) {
            Some(flag) => flag.understand(parameter),
            None => Err(REFUSED.iter().find(|(names, _)| is_in(names, key)).map_or(UNKNOWN, |(_, why)| why)),
        },
    }
}

fn driver(words: &str) -> Wish {
    if words.is_empty() { Wish::Nothing } else { Wish::Driver(words.to_owned()) }
}

/// A parameter that is switched on or off.
struct Flag {
    names: &'static str,
    /// In the driver's words, or why it cannot be.
    on: Result<&'static str, &'static str>,
    off: Result<&'static str, &'static str>,
}

impl Flag {
    fn understand(&self, parameter: UrlParameter<'_>) -> Result<Wish, &'static str> {
        match parameter.flag() {
            Some(true) => self.on.map(driver),
            Some(false) => self.off.map(driver),
            None => Err(NO_FLAG),
        }
    }
}

const fn flag(
    names: &'static str,
    on: Result<&'static str, &'static str>,
    off: Result<&'static str, &'static str>,
) -> Flag {
    Flag { names, on, off }
}

const FLAGS: &[Flag] = &[
    flag("requiressl", Ok("require_ssl=true"), Ok("")),
    flag("verifyca", Ok("require_ssl=true&verify_ca=true"), Ok("verify_ca=false")),
    flag(
        "verifyidentity sslverifyidentity sslcheckhostname",
        Ok("require_ssl=true&verify_identity=true"),
        Ok("verify_identity=false"),
    ),
    flag("builtinroots", Ok("built_in_roots=true"), Ok("built_in_roots=false")),
    flag(
        "sslverifycert verifyservercertificate rejectunauthorized sslrejectunauthorized",
        Ok("require_ssl=true"),
        Err(UNVERIFIED),
    ),
    flag("ssldisabled", Ok(""), Err(ENCRYPTED)),
    flag("trustservercertificate", Err(UNVERIFIED), Ok("")),
    flag("enablecleartextplugin allowcleartextpasswords", Err(CLEAR), Ok("")),
    flag("secureauth", Ok(""), Err(OLD)),
    flag("allowoldpasswords insecureauth", Err(OLD), Ok("")),
    flag("allowpublickeyretrieval", Ok(""), Err(NO_KEY)),
    flag("clientfoundrows", Ok(""), Err(ROWS)),
    flag("useaffectedrows", Err(ROWS), Ok("")),
    flag("localinfile allowlocalinfile allowloadlocalinfile allowallfiles", Err(FILES), Ok("")),
    flag("strict jdbccompliant", Ok(""), Err(SESSION)),
];

const UNVERIFIED: &str = "which asks for TLS with whatever certificate; write `ssl-mode=verify_ca` with \
    `database.tls_ca`, or `ssl-mode=preferred`, which looks at none either";
const ENCRYPTED: &str = "which asks for TLS; write `ssl-mode=preferred`, or `ssl-mode=verify_identity` to be sure of \
    the server";
const CLEAR: &str = "which sends the password in clear, and Foobar never does; leave it out, and give the user a \
    password of another kind";
const OLD: &str = "which sends the password as servers before MySQL 4.1 want it, and anybody can compute it from \
    that; leave it out";
const NO_KEY: &str = "and without TLS the server is asked for its key where a password needs it; leave it out, and \
    write `ssl-mode=required`";
const ROWS: &str = "which counts the rows that an UPDATE has changed, and here it counts those that it matches, as \
    on SQLite; leave it out";
const FILES: &str = "which gives files of this machine to the server, and Foobar never does; leave it out";
const SESSION: &str = "a rule for sessions, which all have those of Foobar; leave it out";
const UNKNOWN: &str = "which Foobar does not know; leave it out: there are `socket`, `ssl-mode`, `charset` and \
    `compression`, and what else is to be set is in the section `[database]`";

/// What is the case anyway, and what says how another client keeps or shows what it reads.
const HARMLESS: &str = "parsetime allownativepasswords checkconnliveness columnswithalias interpolateparams \
    multistatements rejectreadonly maxallowedpacket connectionattributes useunicode autoreconnect allowmultiqueries \
    cacheprepstmts prepstmtcachesize prepstmtcachesqllimit useserverprepstmts rewritebatchedstatements \
    usecursorfetch defaultfetchsize zerodatetimebehavior tinyint1isbit yearisdatetype uselegacydatetimecode \
    usejdbccomplianttimezoneshift usetimezone forceconnectiontimezonetosession noaccesstoprocedurebodies \
    nulldatabasemeanscurrent uselocalsessionstate useinformationschema maintaintimestats cacheresultsetmetadata \
    cacheserverconfiguration elidesetautocommits tcpkeepalive tcpnodelay autocommit usepure buffered \
    bufferedresults programname reconnect preparedstatements advisorylocks serverversion statementcachesize \
    stmtcachesize multiplestatements datestrings supportbignumbers bignumberstrings decimalnumbers \
    namedplaceholders waitforconnections enablekeepalive keepaliveinitialdelay prefersocket resetconnection \
    ttlcheckinterval absconnttljitter";

/// What is set elsewhere, and where.
const REFUSED: &[(&str, &str)] = &[
    (
        "sslca sslrootcert tlsca servercertificate serversslcert serversslcertificate trustcertificatekeystoreurl \
            truststore",
        "a certificate authority; set `database.tls_ca` to its file",
    ),
    (
        "sslcert sslkey tlscert tlskey sslidentity sslpassword clientcertificatekeystoreurl keystore",
        "a client certificate or its key; set `database.tls_cert` and `database.tls_key` to their files",
    ),
    ("collation connectioncollation", "a collation; leave it out and give the tables theirs, which comparisons follow"),
    ("timeout connecttimeout connectiontimeout", "a timeout for connecting; set `database.connect_timeout` instead"),
    (
        "readtimeout writetimeout sockettimeout statementtimeout querytimeout maxstatementtime maxexecutiontime",
        "a timeout for reading or writing; set `database.query_timeout` instead",
    ),
    (
        "pooltimeout checkouttimeout acquiretimeout",
        "how long a call waits for a connection; set `database.acquire_timeout` instead",
    ),
    (
        "connectionlimit pool poolsize maxpoolsize minpoolsize maximumpoolsize poolmax poolmin maxconnections \
         maxopenconns maxidleconns maxidle minimumidle",
        "the size of a pool; set `database.connections` instead",
    ),
    ("queuelimit", "how many calls may wait; set `database.queue` instead"),
    (
        "maxlifetime maxconnectionlifetime connmaxlifetime connmaxage poolrecycle connttl absconnttl",
        "how long a connection is used; set `database.max_lifetime` instead",
    ),
    (
        "idletimeout waittimeout maxidletime maxidleconnectionlifetime connmaxidletime inactiveconnectionttl",
        "how long a connection may be idle; set `database.idle_timeout` instead",
    ),
    ("sqlmode initcommand sessionvariables variables engine isolationlevel", SESSION),
    (
        "user username passwd password host port database dbname db name",
        "which is no parameter but a part of the URL itself: `mysql://USER:PASSWORD@HOST:PORT/NAME`",
    ),
];

fn socket(path: &str) -> Result<Wish, &'static str> {
    match path {
        "" => Err("without the path of a socket"),
        path => Ok(Wish::Driver(format!("socket={path}"))),
    }
}

/// One character set, or a list by preference.
fn charset(charset: &str) -> Result<Wish, &'static str> {
    match charset.split(',').next() {
        Some("utf8" | "utf8mb3" | "utf8mb4") => Ok(Wish::Nothing),
        _ => Err("a character set other than `utf8mb4`, which every session has; leave it out"),
    }
}

/// What MySQL's own programs call `ssl-mode`. Whoever requires TLS gets it with a certificate that is verified, and its
/// name too unless that is left out by a word of its own.
fn ssl_mode(mode: &str) -> Result<Wish, &'static str> {
    match mode {
        "disabled" | "disable" | "false" | "0" | "skip" => Ok(Wish::Nothing),
        "required" | "require" | "verifyidentity" | "verifyfull" | "true" | "1" => Ok(driver("require_ssl=true")),
        "preferred" | "prefer" => Ok(Wish::PreferTls),
        "verifyca" => Ok(driver("require_ssl=true&verify_identity=false")),
        "skipverify" | "trust" => Err(UNVERIFIED),
        _ => Err("whose value is no mode of TLS; write `ssl-mode=` and `required`, `verify_identity`, `verify_ca`, \
             `preferred` or `disabled`"),
    }
}

fn compression(parameter: UrlParameter<'_>) -> Result<Wish, &'static str> {
    match (parameter.flag(), parameter.word().as_str()) {
        (Some(false), _) => Ok(Wish::Nothing),
        (Some(true), _) => Ok(driver("compression=on")),
        (None, level @ ("fast" | "best" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9")) => {
            Ok(Wish::Driver(format!("compression={level}")))
        }
        (None, _) => Err("whose value is none of `true`, `false`, `fast`, `best` and the levels to 9"),
    }
}

fn time_zone(zone: &str) -> Result<Wish, &'static str> {
    match zone.replace("%27", "").replace('\'', "").replace("%2b", "+").replace("%3a", ":").replace("%2f", "/").as_str()
    {
        "utc" | "etc/utc" | "gmt" | "z" | "+00:00" | "+0:00" => Ok(Wish::Nothing),
        _ => Err("a time zone other than UTC, which every session has; leave it out"),
    }
}
