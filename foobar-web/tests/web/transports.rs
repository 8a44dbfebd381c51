//! The tests of files, limits and errors over TLS and over HTTP/2, where the same has to come.

use std::process::Command;

use crate::support::gateway::VARIABLE;

/// The tests that speak of requests and answers, and not of a connection, by parts of their names.
const TESTS: &[&str] = &[
    "accel::",
    "add_header::",
    "autoindex::",
    "embedded::",
    "encodings::",
    "file_cache::",
    "file_rules::",
    "links::",
    "maintenance::",
    "pause::",
    "private_files::",
    "redirects::",
    "sites::",
    "try_files::",
    "limits::header_fields_beyond_their_number_or_size_are_431",
    "limits::more_header_fields_than_usual_may_be_allowed",
    "limits::a_content_length_beyond_the_limit_is_413_without_reading_the_body",
    "limits::a_client_that_goes_on_sending_can_read_its_413",
    "limits::a_site_and_a_route_have_their_own_body_limits",
    "limits::a_body_limit_of_zero_is_none",
    "limits::a_panic_in_a_handler_is_500_and_the_worker_lives_on",
    "responses::a_body_as_long_as_was_announced_leaves_the_connection_open",
    "responses::content_that_comes_with_the_head_needs_no_100_continue",
    "responses::what_a_handler_says_of_the_connection_and_the_server_is_not_sent",
];

/// A test that does not run over a transport: its name, and why.
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
];

#[test]
fn files_limits_and_errors_are_the_same_over_tls() {
    run("tls", NOT_OVER_TLS);
}

#[test]
fn files_limits_and_errors_are_the_same_over_http2() {
    run("http2", NOT_OVER_HTTP2);
}

/// Runs this very test program again.
fn run(transport: &str, exceptions: &[Exception]) {
    let program = std::env::current_exe().expect("it has a path");
    let skip = NO_CONNECTION.iter().chain(exceptions).flat_map(|(name, _)| ["--skip", name]);
    let output = Command::new(program).args(TESTS).args(skip).env(VARIABLE, transport).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{transport}: {told}");
    assert!(!told.contains("running 0 tests"), "{transport}: {told}");
}
