//! `/metrics` of real programs, read by a strict parser of the text format.

use std::collections::BTreeSet;
use std::fs;

use foobar::test::MysqlServer;

use crate::support::{Exposition, Program, Sample, until};

const DURATION: &str = "foobar_web_request_duration_seconds";

fn scrape(program: &Program) -> Exposition {
    let answer = program.admin("/metrics");
    Exposition::parse(answer.text()).unwrap_or_else(|error| panic!("{error}\n{}", answer.text()))
}

/// The site, route and class of all requests that were measured.
fn measured(scrape: &Exposition) -> BTreeSet<(String, String, String)> {
    let label = |sample: &Sample, name: &str| sample.labels[name].clone();
    let all = scrape.families.get(DURATION).map_or(&[][..], |family| &family.samples);
    all.iter().map(|sample| (label(sample, "site"), label(sample, "route"), label(sample, "class"))).collect()
}

fn requests(scrape: &Exposition, site: &str, route: &str, class: &str) -> Option<f64> {
    scrape.value(&format!("{DURATION}_count"), &[("site", site), ("route", route), ("class", class)])
}

#[test]
fn a_strict_parser_takes_all_figures_of_a_site_that_is_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "a").unwrap();
    let program = Program::start(Program::example("proving", folder.path()).args(["--root", "."]));
    for path in ["/", "/a.txt", "/nothing", "/panic", "/ledger/1", "/ledger", "/broken/1"] {
        program.get(path);
    }
    program.client().send("GET  / HTTP/1.1\r\n\r\n");
    let scrape = until("the refusal is counted", || {
        let scrape = scrape(&program);
        let refused = scrape.value("foobar_web_requests_refused_total", &[("reason", "malformed")])?;
        (refused == 1.0).then_some(scrape)
    });
    for (family, kind) in [
        (DURATION, "histogram"),
        ("foobar_web_requests_total", "counter"),
        ("foobar_web_connections", "gauge"),
        ("foobar_web_connections_max", "gauge"),
        ("foobar_web_connections_per_address_max", "gauge"),
        ("foobar_web_http2_streams_max", "gauge"),
        ("foobar_web_workers", "gauge"),
        ("foobar_web_file_cache_max_bytes", "gauge"),
        ("foobar_database_queue_duration_seconds", "histogram"),
        ("foobar_database_acquire_duration_seconds", "histogram"),
        ("foobar_database_query_duration_seconds", "histogram"),
        ("foobar_database_connections", "gauge"),
        ("foobar_database_connections_max", "gauge"),
        ("foobar_database_waiting_max", "gauge"),
        ("foobar_database_connect_duration_seconds", "histogram"),
        ("foobar_database_retries_total", "counter"),
        ("foobar_database_info", "gauge"),
        ("foobar_app_responses_total", "counter"),
        ("foobar_app_requests_refused_total", "counter"),
        ("foobar_before_draining_seconds", "gauge"),
        ("foobar_build_info", "gauge"),
        ("process_cpu_seconds_total", "counter"),
        ("process_resident_memory_bytes", "gauge"),
        ("process_virtual_memory_bytes", "gauge"),
        ("process_start_time_seconds", "gauge"),
        ("process_open_fds", "gauge"),
        ("process_max_fds", "gauge"),
        ("process_threads", "gauge"),
    ] {
        assert_eq!(scrape.families.get(family).map(|family| family.kind.as_str()), Some(kind), "{family}");
    }
}

#[test]
fn limits_of_addresses_and_streams_are_gauges() {
    let folder = tempfile::tempdir().unwrap();
    for (limits, values) in [(None, (f64::INFINITY, 128.0)), (Some(("7", "9")), (7.0, 9.0))] {
        let mut command = Program::example("proving", folder.path());
        if let Some((address, streams)) = limits {
            command.env("FOOBAR__WEB__CONNECTIONS_PER_ADDRESS", address);
            command.env("FOOBAR__WEB__HTTP2_MAX_CONCURRENT_STREAMS", streams);
        }
        let scrape = scrape(&Program::start(&mut command));
        let value = |name: &str| scrape.value(name, &[]).unwrap();
        let shown = (value("foobar_web_connections_per_address_max"), value("foobar_web_http2_streams_max"));
        assert_eq!(shown, values);
    }
}

#[test]
fn requests_are_measured_by_site_route_and_class_of_the_fast_path_as_of_the_application() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "a").unwrap();
    let toml = "[sites.shop]\nroot = \".\"\n[sites.shop.routes.\"/fixed/\"]\nrespond = 200\n";
    fs::write(folder.path().join("foobar.toml"), toml).unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    for path in ["/a.txt", "/fixed/1", "/fixed/2", "/broken/1", "/broken/2", "/unavailable", "/nothing"] {
        program.get(path);
    }
    program.client().send("GET  / HTTP/1.1\r\n\r\n");
    let scrape = until("all are counted", || {
        let scrape = scrape(&program);
        let all = ["2xx", "4xx", "5xx"].map(|class| scrape.value("foobar_web_requests_total", &[("class", class)]));
        (all == [Some(3.0), Some(2.0), Some(3.0)]).then_some(scrape)
    });
    for (route, class, count) in [
        ("*", "2xx", 1.0),
        ("/fixed/", "2xx", 2.0),
        ("/broken/{n}", "5xx", 2.0),
        ("/unavailable", "5xx", 1.0),
        ("*", "4xx", 1.0),
    ] {
        assert_eq!(requests(&scrape, "shop", route, class), Some(count), "{route} {class}: {:?}", measured(&scrape));
    }
}

#[test]
fn whoever_asks_for_whatever_makes_no_series() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    for round in 0..4 {
        let mut client = program.client();
        for n in 0..400 {
            assert_eq!(client.get(&format!("/wp-{round}-{n}.php")).status, 404);
            assert_eq!(client.get(&format!("/broken/{round}{n}")).status, 500);
        }
    }
    let mut client = program.client();
    for n in 0..100 {
        client.send(format!("METHOD{n} /x{n} HTTP/1.1\r\nHost: host{n}.example\r\n\r\n"));
        client.answer("GET");
    }
    let scrape = until("all are counted", || {
        let scrape = scrape(&program);
        (requests(&scrape, "default", "*", "4xx") == Some(1700.0)).then_some(scrape) // each once it has been sent
    });
    let expected = [("default", "*", "4xx"), ("default", "/broken/{n}", "5xx")];
    assert_eq!(measured(&scrape), expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())).into());
}

#[test]
fn labels_of_the_configuration_are_escaped_and_limited_in_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut toml = "[sites.'back\\slash']\ndefault = true\n".to_owned();
    toml += "[sites.'back\\slash'.routes.'~ ^/u/(\\d+)$']\nrespond = 200\n[sites.many]\nserver_name = [\"many\"]\n";
    (0..600).for_each(|n| toml += &format!("[sites.many.routes.\"/r{n}/\"]\nrespond = 200\n"));
    fs::write(folder.path().join("foobar.toml"), toml).unwrap();
    let program = Program::start(&mut Program::foobar(folder.path()));
    let mut client = program.client();
    assert_eq!(client.get("/u/7").status, 200);
    for n in 0..600 {
        client.send(format!("GET /r{n}/ HTTP/1.1\r\nHost: many\r\n\r\n"));
        assert_eq!(client.answer("GET").status, 200);
    }
    let scrape = until("the last is counted", || {
        let scrape = scrape(&program);
        let all = scrape.value("foobar_web_requests_total", &[("class", "2xx")]);
        (all == Some(601.0)).then_some(scrape)
    });
    assert_eq!(requests(&scrape, "back\\slash", "~ ^/u/(\\d+)$", "2xx"), Some(1.0), "{:?}", measured(&scrape));
    assert!(measured(&scrape).len() <= 512);
    let other = requests(&scrape, "many", "other", "2xx").unwrap();
    assert_eq!(other + measured(&scrape).len() as f64 - 2.0, 600.0, "none is lost");
}

/// Pools, states and causes are there from the start: what has not happened yet is 0 and not missing.
#[test]
fn each_pool_of_either_engine_has_its_role_its_connections_and_its_retries_in_a_scrape() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MysqlServer::start().unwrap());
    let of_mysql = server.create_database().unwrap();
    let sqlite = (None, "readers", "reader", "sqlite:");
    for (url, pool, role, endpoint) in [sqlite, (Some(&of_mysql), "server", "primary", "mysql://")] {
        let mut command = Program::example("proving", folder.path());
        if let Some(url) = url {
            command.env("FOOBAR__DATABASE__URL", url);
        }
        let program = Program::start(&mut command);
        assert_eq!(program.get("/ledger").status, 200);
        let scrape = scrape(&program);
        let infos = &scrape.families["foobar_database_info"].samples;
        let info = infos.iter().find(|info| info.labels["pool"] == pool).unwrap();
        assert_eq!(info.labels["role"], role);
        assert!(info.labels["endpoint"].starts_with(endpoint), "{:?}", info.labels);
        let value = |name: &str, label: &str, is: &str| scrape.value(name, &[("pool", pool), (label, is)]);
        for cause in ["deadlock", "lock_timeout", "no_wait", "conflict", "lost"] {
            assert_eq!(value("foobar_database_retries_total", "cause", cause), Some(0.0), "{cause}");
        }
        let open = ["active", "idle"].map(|state| value("foobar_database_connections", "state", state).unwrap());
        assert!(open[0] + open[1] >= 1.0, "{open:?}");
        let opened = scrape.value("foobar_database_connect_duration_seconds_count", &[("pool", pool)]).unwrap();
        assert!(opened >= 1.0, "{opened}");
    }
}

/// The names and kinds in the tables of the guide.
fn in_the_guide() -> BTreeSet<(String, String)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/logs.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows = rows.filter_map(|(name, rest)| Some((name, rest.split_once(" | ")?.0)));
    let kinds = ["counter", "gauge", "histogram"];
    rows.filter(|(_, kind)| kinds.contains(kind)).map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

#[test]
fn the_guide_has_a_row_for_every_figure_and_for_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__DATABASE__QUERY_TIMEOUT", "10ms"));
    assert_eq!(program.get("/endless").status, 503); // an error of the database is a figure too
    let scraped = until("the requests are measured", || {
        let scrape = scrape(&program);
        let families = scrape.families.into_iter().map(|(name, family)| (name, family.kind));
        let families: BTreeSet<_> = families.collect();
        families.iter().any(|(name, _)| name == DURATION).then_some(families)
    });
    assert_eq!(in_the_guide(), scraped);
}

#[cfg(target_os = "linux")]
#[test]
fn the_figures_of_the_process_are_those_of_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(Program::foobar(folder.path()).args(["--root", "."]));
    let process = format!("/proc/{}", program.id());
    let scrape = scrape(&program);
    let value = |name: &str| scrape.value(name, &[]).unwrap();
    let limits = fs::read_to_string(format!("{process}/limits")).unwrap();
    let limit = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(limit.split_whitespace().nth(3), Some(value("process_max_fds").to_string().as_str()));
    until("both count as many threads, some of which end after the start", || {
        let status = fs::read_to_string(format!("{process}/status")).unwrap();
        let threads = self::scrape(&program).value("process_threads", &[]).unwrap();
        status.contains(&format!("Threads:\t{threads}\n")).then_some(())
    });
    assert!(value("process_open_fds") >= 5.0 && value("process_open_fds") < value("process_max_fds"));
    assert!(value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"));
    assert!(value("process_resident_memory_bytes") > 1e6 && value("process_cpu_seconds_total") > 0.0);
    let folder_of_process = fs::metadata(folder.path()).unwrap().modified().unwrap();
    let made = folder_of_process.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let started = value("process_start_time_seconds");
    assert!((started - made).abs() < 3600.0, "{started} is near {made}, in which it was made");
    assert_eq!(self::scrape(&program).value("process_start_time_seconds", &[]), Some(started), "it does not move");
}

#[test]
fn the_parser_refuses_what_a_scraper_may() {
    let head = "# HELP a_total A.\n# TYPE a_total counter\n";
    for (bad, why) in [
        ("a_total 1\n", "without a family"),
        (&format!("{head}a_total 1\na_total 1\n"), "twice"),
        (&format!("{head}a_total{{b=\"x\"y\"}} 1\n"), "separated"),
        (&format!("{head}a_total{{b=\"\\x\"}} 1\n"), "no escape"),
        (&format!("{head}a_total x\n"), "no number"),
        (&format!("{head}a_total 1"), "no end"),
        (&format!("{head}b 1\n"), "among those of"),
        ("# HELP a A.\n# TYPE a counter\na 1\n", "_total"),
        ("# HELP a_ms A.\n# TYPE a_ms gauge\na_ms 1\n", "base unit"),
        (
            "# HELP a_seconds A.\n# TYPE a_seconds histogram\na_seconds_bucket{le=\"1\"} 2\n\
             a_seconds_bucket{le=\"+Inf\"} 1\na_seconds_sum 1\na_seconds_count 1\n",
            "cumulative",
        ),
        (
            "# HELP a_seconds A.\n# TYPE a_seconds histogram\na_seconds_bucket{le=\"+Inf\"} 1\na_seconds_sum 1\n\
             a_seconds_count 2\n",
            "+Inf",
        ),
    ] {
        let error = Exposition::parse(bad).err();
        assert!(error.as_ref().is_some_and(|error| error.contains(why)), "{why} in {error:?} of {bad}");
    }
}
