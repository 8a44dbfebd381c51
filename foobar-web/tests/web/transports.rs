//! The tests of files, limits and errors over TLS and over HTTP/2, where the same has to come.

use std::path::PathBuf;
use std::process::Command;

use crate::support::gateway::VARIABLE;

/// The modules whose tests speak of requests and answers, and run over each transport.
const MODULES: &[&str] = &[
    "accel",
    "add_header",
    "assets",
    "autoindex",
    "both_ways",
    "embedded",
    "encodings",
    "file_cache",
    "file_rules",
    "limits",
    "links",
    "maintenance",
    "names",
    "pause",
    "private_files",
    "redirects",
    "responses",
    "sites",
    "try_files",
];

/// The others, and why.
const OTHER_MODULES: &[Exception] = &[
    ("client_certificates", "it speaks TLS itself, and HTTP/1.1 and HTTP/2 over that"),
    ("departures", "it speaks TLS and HTTP/2 itself, and ends connections in each way that there is"),
    ("drain", "it is about connections; http2.rs has the drain of streams"),
    ("early_hints", "it speaks HTTP/1.1 and HTTP/2 itself, and the gateway takes no interim responses"),
    ("framing", "it is about the framing of HTTP/1.1; tests/integration/http2 has that of HTTP/2"),
    ("http2", "it speaks HTTP/2 itself, over TLS and without"),
    ("listening", "it is about sockets"),
    ("logging", "half of what it sends is malformed, and a line says the version; http2.rs has such a line"),
    ("preface", "it is about the first bytes of a connection"),
    ("priorities", "it speaks HTTP/2 itself"),
    ("proxies", "its proxies and strangers speak HTTP without TLS; https.rs has the scheme that one names"),
    ("proxy_protocol", "it is about what comes before TLS and HTTP, over both"),
    ("reload", "it is about connections that stay, those of TLS and HTTP/2 too; reloads.rs has more of them"),
    ("slow_clients", "a gateway takes what its client does not; http2.rs has streams that nobody reads"),
    ("support", "it has no tests"),
    ("tls", "it speaks TLS itself"),
    ("tls_hostile", "it speaks TLS itself"),
    ("transports", "it is this one"),
    ("upgrade", "it is about connections that leave HTTP/1.1; http2.rs has WebSockets"),
    ("wire", "it counts what the fast path of HTTP/1.1 answers, with malformed requests between"),
];

/// A test or a module that does not run over a transport: its name, and why.
type Exception = (&'static str, &'static str);

const NO_CONNECTION: &[Exception] = &[
    ("in_process_takes_the_same_way_without_a_socket", "it has no connection"),
    ("settings_that_mean_nothing_are_errors_that_name_their_key", "it has no connection"),
    ("a_port_that_the_system_chooses_may_be_asked_for_twice", "it has no connection"),
];

const NOT_OVER_TLS: &[Exception] = &[
    ("a_redirect_has_the_variables_of_nginx_and_the_captures_of_its_route", "its URLs begin with http:"),
    ("a_redirect_that_depends_on_the_path_is_given_by_the_fast_path", "its URLs begin with http:"),
    ("the_www_name_is_redirected_with_path_query_and_port", "its URLs begin with http:"),
    ("a_host_chooses_its_site_and_an_unknown_one_gets_421", "no site is the default, whose certificate there could be"),
    ("a_site_allows_what_it_can_do_as_a_whole", "no site is the default"),
    ("a_body_limit_of_zero_is_none", "no site is the default"),
    ("a_client_that_goes_leaves_the_queue_whatever_it_asked_for", "the gateway stays"),
    ("a_worker_holds_no_more_connections_than_allowed_and_serves_the_rest_later", "the same"),
    ("a_client_that_has_gone_while_its_answer_streams_is_given_up", "the same; departures.rs has it"),
    ("a_client_that_stops_reading_is_reset_and_others_are_served_meanwhile", "its socket is the gateway's"),
    ("a_client_that_reads_too_slowly_is_reset", "the same"),
    ("where_one_waits_and_none_is_idle_the_first_answer_is_the_last_of_its_connection", "the same"),
    ("a_body_that_is_shorter_or_longer_than_was_announced_never_looks_whole", "the gateway ends what was cut off"),
    ("a_body_that_fails_or_panics_cuts_the_connection", "the same"),
];

const NOT_OVER_HTTP2: &[Exception] = &[
    ("a_list_of_ten_thousand_codings_is_answered", "h2 refuses a head beyond 16 KiB with a bare 431"),
    ("more_header_fields_than_usual_may_be_allowed", "the same: a field counts for 32 bytes more than it has"),
    ("header_fields_beyond_their_number_or_size_are_431", "the same; and it counts Connection"),
    ("a_field_is_on_every_answer_of_the_servers_own_and_once", "one of its heads is malformed, which no library sends"),
    ("no_request_is_led_to_another_host_or_adds_a_field", "its targets are malformed"),
    ("metrics_count_requests_connections_and_refusals", "it counts what is malformed"),
    ("errors_of_the_web_tier_tell_browsers_to_be_careful_as_the_applications_do", "its heads are malformed"),
    ("what_comes_to_no_site_and_a_route_that_answers_an_error", "its heads are malformed"),
    ("a_route_may_do_without_the_error_pages_of_its_site", "its content does not come, for which the gateway waits"),
    ("a_content_length_beyond_the_limit_is_413_without_reading_the_body", "the same"),
    ("an_answer_with_added_fields_is_given_by_the_fast_path", "errors are answered by the pipeline over HTTP/2"),
    ("a_status_of_try_files_is_an_answer_like_any_other_on_both_ways", "the same, which it counts"),
    ("a_body_is_held_with_its_request_and_comes_whole", "the same"),
    ("a_pause_does_not_wait_for_event_streams", "the gateway waits for the whole answer"),
    ("a_client_that_goes_leaves_the_queue_whatever_it_asked_for", "the gateway stays"),
    ("a_file_that_becomes_shorter_while_it_is_sent_cuts_the_connection", "what is cut is the stream"),
    ("a_request_line_beyond_its_limit_is_414_however_long_it_is", "it closes its connection; http2.rs has the 414"),
    ("a_head_of_the_largest_size_that_may_be_allowed_is_taken", "h2 refuses a head beyond 16 KiB with a bare 431"),
    ("without_a_time_to_be_idle_every_answer_closes_its_connection", "only HTTP/1 says `connection: close`"),
    ("the_last_request_of_a_connection_says_so_and_closes_it", "the same; http2.rs has it"),
    ("where_one_waits_and_none_is_idle_the_first_answer_is_the_last_of_its_connection", "the same"),
    ("a_head_that_dribbles_is_408_on_the_first_request_and_on_the_second", "the gateway waits for the whole head"),
    ("a_connection_that_sends_nothing_is_closed_without_a_word", "the gateway greets; preface.rs has who does not"),
    ("a_body_that_stops_or_dribbles_is_408", "the gateway waits for the whole body; http2.rs has it"),
    ("a_body_that_nobody_reads_and_that_stops_or_dribbles_ends_the_connection", "the same"),
    ("small_pieces_of_a_body_hold_little_memory_whoever_gathers_them", "the same"),
    ("a_connection_with_a_body_that_nobody_reads_makes_room_for_a_new_one", "the same"),
    ("a_client_that_stops_reading_is_reset_and_others_are_served_meanwhile", "the gateway reads; http2.rs has it"),
    ("a_client_that_reads_too_slowly_is_reset", "the same"),
    ("a_worker_holds_no_more_connections_than_allowed_and_serves_the_rest_later", "the gateway's connections stay"),
    ("the_connection_that_has_been_idle_longest_makes_room_for_a_new_one_and_all_others_are_kept", "the same"),
    ("a_connection_that_becomes_idle_later_makes_room_for_one_that_waits", "the same"),
    ("a_client_that_has_gone_while_its_answer_streams_is_given_up", "the same; departures.rs has it"),
    ("a_client_that_has_closed_its_side_still_reads_an_answer_that_goes_on", "HTTP/2 has no chunks"),
    ("a_body_of_unknown_length_comes_in_chunks_and_the_connection_stays_open", "the same"),
    ("a_client_of_http_1_0_gets_a_body_of_unknown_length_up_to_the_end_of_the_connection", "the same"),
    (
        "a_body_that_is_shorter_or_longer_than_was_announced_never_looks_whole",
        "what is cut is the stream; http2.rs has it",
    ),
    ("a_body_that_fails_or_panics_cuts_the_connection", "the same"),
    ("a_response_that_asks_for_an_upgrade_says_so_of_its_connection", "HTTP/2 has no `Connection`"),
];

#[test]
fn files_limits_and_errors_are_the_same_over_tls() {
    run("tls", NOT_OVER_TLS);
}

#[test]
fn files_limits_and_errors_are_the_same_over_http2() {
    run("http2", NOT_OVER_HTTP2);
}

#[test]
fn each_module_runs_over_the_transports_or_says_why_it_does_not() {
    let declared = include_str!("main.rs").lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let mut listed: Vec<&str> = MODULES.iter().copied().chain(OTHER_MODULES.iter().map(|(name, _)| *name)).collect();
    listed.sort_unstable();
    assert_eq!(declared.collect::<Vec<_>>(), listed, "each is in MODULES or in OTHER_MODULES, once");
}

#[test]
fn each_exception_is_a_test_that_would_run_otherwise() {
    let tests = tests();
    for (exception, _) in [NO_CONNECTION, NOT_OVER_TLS, NOT_OVER_HTTP2].concat() {
        let mut excepted = tests.iter().filter(|test| test.contains(exception));
        let first = excepted.next().unwrap_or_else(|| panic!("no test of MODULES is called {exception}"));
        assert!(excepted.next().is_none(), "{exception}: {first} is not the only one");
    }
}

/// The tests of MODULES, as libtest names them.
fn tests() -> Vec<String> {
    let output = Command::new(program()).arg("--list").output().expect("it starts");
    let listed = String::from_utf8(output.stdout).expect("names of tests are text");
    let names = listed.lines().filter_map(|line| line.strip_suffix(": test"));
    let is_of_modules = |name: &&str| name.split_once("::").is_some_and(|(module, _)| MODULES.contains(&module));
    names.filter(is_of_modules).map(ToOwned::to_owned).collect()
}

/// This very test program.
fn program() -> PathBuf {
    std::env::current_exe().expect("it has a path")
}

/// Runs the tests again in another process. Each is named whole: a filter of libtest finds modules in other ones too.
fn run(transport: &str, exceptions: &[Exception]) {
    let is_excepted = |test: &String| NO_CONNECTION.iter().chain(exceptions).any(|(name, _)| test.contains(name));
    let tests = tests().into_iter().filter(|test| !is_excepted(test));
    let output = Command::new(program()).arg("--exact").args(tests).env(VARIABLE, transport).output();
    let output = output.expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{transport}: {told}");
    assert!(!told.contains("running 0 tests"), "{transport}: {told}");
}
