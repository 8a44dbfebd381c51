use super::*;

#[tokio::test]
async fn one_range_is_sent_with_its_place() {
    for length in [1_000, 300_000] {
        let content = noise(length);
        let site = Fixture::new(&[("f.txt", &content)]);
        let full = site.get("/f.txt").await.unwrap();
        let answer = site.ask("GET", "/f.txt", &[("range", "bytes=10-899")]).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (206, &content[10..900]));
        assert_eq!(answer.header(CONTENT_RANGE), format!("bytes 10-899/{length}"));
        assert_eq!(answer.header(CONTENT_LENGTH), "890");
        assert_eq!(answer.headers[CONTENT_TYPE], full.headers[CONTENT_TYPE]);
        assert_eq!(answer.headers[ETAG], full.headers[ETAG]);
        let (status, body) = site.range("/f.txt", "bytes=1-").await;
        assert_eq!((status, &body[..]), (206, &content[1..]));
    }
}

#[tokio::test]
async fn several_ranges_are_sent_as_multipart() {
    for length in [1_000, 300_000] {
        let content = noise(length);
        let site = Fixture::new(&[("f.txt", &content)]);
        let answer = site.ask("GET", "/f.txt", &[("range", "bytes=5-6,0-0,-2")]).await.unwrap();
        let boundary = answer.header(CONTENT_TYPE).strip_prefix("multipart/byteranges; boundary=").unwrap();
        let mut expected = Vec::new();
        for range in [5..7, 0..1, length - 2..length] {
            let place = format!("{}-{}/{length}", range.start, range.end - 1);
            let head = format!("Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {place}");
            expected.extend_from_slice(format!("\r\n--{boundary}\r\n{head}\r\n\r\n").as_bytes());
            expected.extend_from_slice(&content[range]);
        }
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert_eq!((answer.status, &answer.body[..]), (206, &expected[..]));
        assert_eq!(answer.header(CONTENT_LENGTH), expected.len().to_string());
        assert!(!answer.headers.contains_key(CONTENT_RANGE));
        let again = site.ask("GET", "/f.txt", &[("range", "bytes=5-6,0-0,-2")]).await.unwrap();
        assert_ne!(again.header(CONTENT_TYPE), answer.header(CONTENT_TYPE));
    }
}

#[tokio::test]
async fn ranges_are_answered_by_get_alone_and_within_limits() {
    let site = Fixture::new(&[("f", b"0123456789"), ("empty", b"")]);
    let answer = site.ask("GET", "/f", &[("range", "bytes=10-")]).await.unwrap();
    assert_eq!((answer.status, answer.header(CONTENT_RANGE), answer.body.len()), (416, "bytes */10", 0));
    assert_eq!(site.range("/empty", "bytes=0-").await, (200, Bytes::new()));
    for ignored in ["bytes=x", "", "items=0-1", "bytes=0-,0-", "bytes=0-0,2-2,4-4,6-6,8-8"] {
        assert_eq!(site.range("/f", ignored).await, (200, Bytes::from_static(b"0123456789")), "{ignored}");
    }
    assert_eq!(site.ask("POST", "/f", &[("range", "bytes=0-0")]).await.unwrap().status, 405);
    let etag = site.get("/f").await.unwrap().header(ETAG).to_owned();
    let resumed = site.ask("GET", "/f", &[("range", "bytes=8-"), ("if-range", &etag)]).await.unwrap();
    assert_eq!((resumed.status, &resumed.body[..]), (206, &b"89"[..]));
    let changed = site.ask("GET", "/f", &[("range", "bytes=8-"), ("if-range", "\"x\"")]).await.unwrap();
    assert_eq!(changed.status, 200);

    let without = Fixture::with(&[("f", b"0123456789")], |options| {
        let site = SiteSettings { max_ranges: 0, ..SiteSettings::default() };
        options.announce = HeaderRules::compile("sites.a", &site, None).unwrap();
        options.max_ranges = 0;
    });
    let answer = without.ask("GET", "/f", &[("range", "bytes=0-0")]).await.unwrap();
    assert_eq!((answer.status, answer.header(ACCEPT_RANGES)), (200, ""));
}
