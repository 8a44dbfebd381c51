use std::fs;

use super::{folder, foobar, system};

const WHOLE: &str = r#"
    [dns]
    addresses = ["203.0.113.5", "2001:db8::5"]
    nameservers = ["ns1.foobar.com", "ns2.provider.net"]
    hostmaster = "first.last@foobar.com"
    caa = ["letsencrypt.org"]
    ttl = "2h"
    records = [
        "@ MX 10 mail",
        "mail A 203.0.113.25",
        "@ TXT \"v=spf1 mx -all; \\\"quoted\\\" ü\" \"second\"",
        "*.wild 60 A 192.0.2.7",
        "_sip._tcp SRV 0 5 5060 mail",
        "_443._tcp TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971",
        "@ HTTPS 1 . alpn=h2",
        "@ CAA 0 iodef \"mailto:admin@foobar.com\"",
        "_u NAPTR 100 10 \"S\" \"SIP+D2U\" \"\" _sip._udp.example.com.",
        "mail SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789",
    ]

    [sites.www]
    server_name = ["foobar.com", "www.foobar.com", "bücher.foobar.com", "*.foobar.com"]
    root = "public"
"#;

#[test]
fn the_zone_is_printed_as_other_name_servers_read_it() {
    let folder = folder(WHOLE);
    let printed = foobar(folder.path(), &["zone"]);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.status.success() && printed.stderr.is_empty(), "{}", String::from_utf8_lossy(&printed.stderr));
    let file = folder.path().join("foobar.com.zone");
    fs::write(&file, &text).unwrap();
    let strict = ["-i", "local", "-k", "fail", "-m", "fail", "-M", "fail", "-n", "fail", "-r", "fail", "-S", "fail"];
    let checked = system("named-checkzone").args(strict).args(["-D", "foobar.com"]).arg(&file).output().unwrap();
    let read = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{read}\n{text}");
    for record in [
        ["foobar.com.", "7200", "A", "203.0.113.5"],
        ["foobar.com.", "7200", "AAAA", "2001:db8::5"],
        ["www.foobar.com.", "7200", "CNAME", "foobar.com."],
        ["*.foobar.com.", "7200", "CNAME", "foobar.com."],
        ["xn--bcher-kva.foobar.com.", "7200", "CNAME", "foobar.com."],
        ["*.wild.foobar.com.", "60", "A", "192.0.2.7"],
        ["foobar.com.", "7200", "MX", "10 mail.foobar.com."],
        ["foobar.com.", "7200", "CAA", r#"0 issue "letsencrypt.org""#],
        ["foobar.com.", "7200", "TXT", r#""v=spf1 mx -all; \"quoted\" \195\188" "second""#],
        ["foobar.com.", "7200", "HTTPS", "1 . alpn=\"h2\""],
        ["_sip._tcp.foobar.com.", "7200", "SRV", "0 5 5060 mail.foobar.com."],
    ] {
        let is_record = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.len() > 4 && [words[0], words[1], words[3], words[4..].join(" ").as_str()] == record
        };
        assert!(read.lines().any(is_record), "{record:?} is not in\n{read}");
    }
}

#[test]
fn the_zone_is_the_same_each_time_and_is_printed_without_what_the_settings_name() {
    let folder = folder(WHOLE);
    fs::remove_dir(folder.path().join("public")).unwrap();
    let print = || foobar(folder.path(), &["zone"]).stdout;
    let first = print();
    assert!(!first.is_empty());
    assert_eq!(print(), first);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "it makes nothing");
}

#[test]
fn a_zone_that_is_wrong_is_an_error_of_the_start_with_its_line() {
    let folder = folder(
        "[dns]\nzone = \"foobar.com\"\naddresses = [\"203.0.113.5\"]\nnameservers = [\"ns1.provider.net\"]\n\
         records = [\"www TXT a\", \"www CNAME @\"]\n[sites.www]\nroot = \"public\"\n",
    );
    for command in ["zone", "check", "serve"] {
        let refused = foobar(folder.path(), &[command]);
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{command}: {error}");
        assert!(
            error.contains("foobar.toml:5: `dns.records`: www.foobar.com is an alias (CNAME)"),
            "{command}: {error}"
        );
    }
}

#[test]
fn settings_of_dns_that_describe_no_zone_are_no_error_of_the_start() {
    let folder = folder("[dns]\naddresses = [\"203.0.113.5\"]\n[sites.www]\nroot = \"public\"\n");
    assert!(foobar(folder.path(), &["check", "--listen", "127.0.0.1:0"]).status.success());
    let refused = foobar(folder.path(), &["zone"]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("`dns.zone`: the sites have no name"), "{error}");
}
