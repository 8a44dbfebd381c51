use hickory_proto::rr::rdata::CAA;
use hickory_proto::rr::{Name, RData, RecordType};

use super::finding::Finding;
use super::host::{Host, list};
use crate::dns::name::shown;
use crate::dns::resolver::{Failure, Resolver};

/// The records that count for a name.
struct Relevant {
    /// The name that they are of: that one, what it is an alias of, or one above.
    owner: Name,
    records: Vec<CAA>,
}

/// Whether the CAA records that count for a name (RFC 8659) let the authorities issue a certificate for it.
pub(super) async fn examine(
    resolver: &Resolver,
    host: &Host,
    issuers: &[String],
    zone: Option<&Name>,
) -> Result<Vec<Finding>, Failure> {
    if issuers.is_empty() {
        return Ok(Vec::new()); // any may be meant
    }
    let Some(found) = relevant(resolver, host).await? else { return Ok(Vec::new()) };
    let is_wild = host.name.is_wildcard();
    let forbidden = issuers.iter().filter(|issuer| !permits(&found.records, issuer, is_wild));
    Ok(forbidden.map(|issuer| Finding::Wrong(sentence(host, &found, issuer, zone))).collect())
}

/// Those of the name, or of the nearest name above it that has some.
async fn relevant(resolver: &Resolver, host: &Host) -> Result<Option<Relevant>, Failure> {
    let mut name = if host.name.is_wildcard() { host.name.base_name() } else { host.name.clone() };
    while !name.is_root() {
        let answer = resolver.ask(&name, RecordType::CAA).await?;
        let records = answer.records.into_iter().filter_map(|record| match record.data {
            RData::CAA(caa) => Some((record.name, caa)),
            _ => None,
        });
        let (mut owners, records): (Vec<Name>, Vec<CAA>) = records.unzip();
        if let Some(owner) = owners.pop() {
            return Ok(Some(Relevant { owner, records }));
        }
        name = name.base_name();
    }
    Ok(None)
}

fn permits(records: &[CAA], issuer: &str, is_wild: bool) -> bool {
    if records.iter().any(|caa| caa.issuer_critical && !KNOWN.contains(&caa.tag.to_ascii_lowercase().as_str())) {
        return false; // an authority that does not know it must not issue
    }
    let mut tagged = tagged(records, is_wild).peekable();
    tagged.peek().is_none() || tagged.any(|caa| authority(caa).eq_ignore_ascii_case(issuer))
}

/// Those that count: a name with a star has some of its own, if there are any.
fn tagged(records: &[CAA], is_wild: bool) -> impl Iterator<Item = &CAA> {
    let has_tag = |tag: &str| records.iter().any(|caa| caa.tag.eq_ignore_ascii_case(tag));
    let tag = if is_wild && has_tag("issuewild") { "issuewild" } else { "issue" };
    records.iter().filter(move |caa| caa.tag.eq_ignore_ascii_case(tag))
}

/// The authority that a record names, without its parameters; `""` is none.
fn authority(caa: &CAA) -> String {
    let value = String::from_utf8_lossy(&caa.value);
    value.split(';').next().unwrap_or_default().trim().trim_end_matches('.').to_owned() // there is one, maybe empty
}

fn sentence(host: &Host, found: &Relevant, issuer: &str, zone: Option<&Name>) -> String {
    let named = tagged(&found.records, host.name.is_wildcard()).map(authority).filter(|name| !name.is_empty());
    let named: Vec<String> = named.collect();
    let who = if named.is_empty() { "nobody".to_owned() } else { format!("{} alone", list(named)) };
    format!(
        "{} may not have a certificate from {issuer}: CAA of {} allows {who}; add the record {} CAA 0 issue \"{issuer}\"",
        host.shown(),
        shown(&found.owner),
        place(host, found, zone).to_ascii()
    )
}

/// Where a record helps that the site's owner can set: what lies above the zone is somebody else's, and beside an alias no
/// record may be.
fn place(host: &Host, found: &Relevant, zone: Option<&Name>) -> Name {
    let own = if host.name.is_wildcard() { host.name.base_name() } else { host.name.clone() };
    let is_above = found.owner.zone_of(&own) && found.owner != own;
    match zone.filter(|zone| zone.zone_of(&own)) {
        Some(zone) if is_above && !zone.zone_of(&found.owner) => zone.clone(),
        None if is_above && found.owner.num_labels() < 2 => own, // a whole country's
        _ => found.owner.clone(),
    }
}

/// What authorities understand (RFC 8659, RFC 9495).
const KNOWN: [&str; 5] = ["issue", "issuewild", "iodef", "issuemail", "issuevmc"];

#[cfg(test)]
mod tests {
    use super::*;

    fn caa(critical: bool, tag: &str, value: &str) -> CAA {
        let mut caa = CAA::new_issue(critical, None, Vec::new());
        (caa.tag, caa.value) = (tag.to_owned(), value.as_bytes().to_vec());
        caa
    }

    #[test]
    fn an_authority_may_issue_if_it_is_named_or_nobody_is() {
        let ours = "letsencrypt.org";
        for (records, plain, wild) in [
            (vec![caa(false, "issue", "letsencrypt.org")], true, true),
            (vec![caa(false, "Issue", " LetsEncrypt.org. ; validationmethods=dns-01")], true, true),
            (vec![caa(false, "issue", "digicert.com")], false, false),
            (vec![caa(false, "issue", "digicert.com"), caa(false, "issue", "letsencrypt.org")], true, true),
            (vec![caa(false, "issue", ";")], false, false),
            (vec![caa(false, "iodef", "mailto:a@b.c")], true, true),
            (vec![caa(false, "issue", "letsencrypt.org"), caa(false, "issuewild", ";")], true, false),
            (vec![caa(false, "issuewild", "letsencrypt.org")], true, true),
            (vec![caa(true, "new", ""), caa(false, "issue", "letsencrypt.org")], false, false),
            (vec![caa(true, "issue", "letsencrypt.org")], true, true),
            (vec![caa(false, "new", "")], true, true),
        ] {
            assert_eq!((permits(&records, ours, false), permits(&records, ours, true)), (plain, wild), "{records:?}");
        }
    }
}
