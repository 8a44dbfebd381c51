use foobar_core::config::settings;
use foobar_core::{List, Period};

settings! {
    /// `[dns]`: the names of the sites in the Domain Name System. The program needs the cargo feature `dns` for it.
    ///
    /// ```toml
    /// [dns]
    /// zone = "foobar.com"
    /// addresses = ["203.0.113.5", "2001:db8::5"]
    /// nameservers = ["ns1.foobar.com", "ns2.provider.net"]
    ///
    /// [sites.www]
    /// server_name = ["foobar.com", "www.foobar.com"]
    /// root = "public"
    /// ```
    pub struct DnsSettings in "dns" {
        /// Where the zone is served, over UDP and TCP: addresses with their ports, such as `"203.0.113.5:53"`. On a
        /// machine with several addresses write each: of `"0.0.0.0:53"` an answer may come from another than was asked.
        /// Without any, the zone is not served, and `foobar zone` prints it for another name server.
        pub listen: List<String> = "[]",
        /// The zone, such as `"foobar.com"`. If absent, the name that all names of the sites are or end in, without
        /// `www.`.
        pub zone: Option<String>,
        /// The addresses at which clients reach this server: those of the zone's own name. Every other name of the
        /// sites in the zone is an alias (CNAME) of it, and so is `www` where a site answers to any name.
        pub addresses: List<String> = "[]",
        /// The names of the zone's name servers, of which registries want two. The first is the primary one. One that
        /// lies in the zone has `addresses`, unless `records` say another.
        pub nameservers: List<String> = "[]",
        /// The mail address of whoever answers for the zone; `hostmaster@` and the zone if absent.
        pub hostmaster: Option<String>,
        /// Further records, each a line of a zone file: `"NAME [TTL] TYPE DATA"`, such as `"@ MX 10 mail"`. `@` is the
        /// zone, and names without a dot at their end lie in it. Types are A, AAAA, CAA, CNAME, HTTPS, MX, NAPTR, PTR,
        /// SRV, SSHFP, SVCB, TLSA and TXT. A name that has records here is no alias.
        pub records: List<String> = "[]",
        /// The authorities that may issue certificates for names of the zone (CAA), such as `"letsencrypt.org"`. If
        /// absent, that of `[acme]` if it is Let's Encrypt and a site has `ssl_certificate = "auto"`, and none another
        /// authority, else any. Besides, `records` may have CAA records.
        pub caa: Option<List<String>>,
        /// How long others may remember a record, at most seven days.
        pub ttl: Period = r#""1h""#,
        /// The secondary name servers: the addresses that may have the whole zone (AXFR) and are told when it changes
        /// (NOTIFY, at port 53 or the one that is written: `"192.0.2.53:5353"`). With any, the zone's serial is kept in
        /// `web.state_dir`.
        pub transfer: List<String> = "[]",
        /// Answers over UDP that one network (an IPv4 network of 24 bits, an IPv6 one of 56) gets in a second. Of what
        /// is beyond, every second question is answered with the request to come by TCP, the others not at all: answers
        /// are of no use to who asks in another's name. `0` for no bound.
        pub rate_limit: u32 = "100",
    }
}

impl DnsSettings {
    /// Whether they describe a zone.
    pub fn has_zone(&self) -> bool {
        !self.listen.is_empty() || self.zone.is_some() || !self.nameservers.is_empty() || !self.records.is_empty()
    }
}
