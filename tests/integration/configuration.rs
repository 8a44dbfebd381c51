//! Every configuration key stands in the code, in the reference and in the example file.

use std::path::Path;

use foobar::{Server, config::reference};

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The keys of the reference: section and field.
fn keys() -> Vec<(String, String)> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in reference().lines() {
        if let Some(heading) = line.strip_prefix("## `[") {
            section = heading.split("]`").next().unwrap().to_owned();
        } else if let Some(row) = line.strip_prefix("| `") {
            keys.push((section.clone(), row.split('`').next().unwrap().to_owned()));
        }
    }
    assert!(keys.len() > 30);
    keys
}

#[test]
fn the_reference_is_what_the_code_generates() {
    let same = file("CONFIGURATION.md") == reference();
    assert!(same, "run: cargo run --bin foobar -- config --reference > CONFIGURATION.md");
}

/// For each key the test that shows what it does.
const TESTED: &[(&str, &str)] = &[
    ("server.shutdown_timeout", "a_drain_that_takes_too_long_is_cut_off_with_3"),
    ("server.shutdown_delay", "during_shutdown_delay_readyz_says_503_and_new_connections_are_served"),
    ("server.stream_timeout", "a_stream_without_an_end_is_ended_by_a_stop_after_stream_timeout_with_0"),
    ("admin.listen", "the_admin_listener_answers_livez_readyz_and_metrics_and_nobody_elses_name"),
    ("admin.server_name", "the_admin_listener_answers_to_the_names_that_it_is_given_by_get_head_and_options"),
    ("admin.ssl_certificate", "the_admin_listener_speaks_tls"),
    ("admin.ssl_certificate_key", "the_admin_listener_speaks_tls"),
    ("control.socket", "the_socket_is_its_users_alone_and_goes_with_the_server"),
    ("control.upgrade_timeout", "a_program_that_hangs_is_ended_after_its_time"),
    ("log.filter", "the_log_is_filtered"),
    ("log.format", "with_the_log_in_json_all_that_goes_to_its_output_is_json_also_the_addresses"),
    ("log.output", "the_log_may_be_a_file_which_is_opened_anew_on_sigusr1"),
    ("web.listen", "the_binary_serves_a_folder_with_two_options"),
    ("web.workers", "as_many_workers_serve_as_web_workers_says"),
    ("web.worker_connections", "a_worker_holds_no_more_connections_than_allowed_and_serves_the_rest_later"),
    ("web.trusted_proxies", "a_trusted_proxy_names_the_client_in_the_log_of_the_fast_path_and_of_the_waiting_one"),
    ("web.connections_per_address", "one_address_has_no_more_connections_than_connections_per_address"),
    ("web.keepalive_timeout", "a_connection_that_sends_nothing_is_closed_without_a_word"),
    ("web.keepalive_requests", "the_last_request_of_a_connection_says_so_and_closes_it"),
    ("web.ssl_protocols", "tls_1_2_and_1_3_are_spoken_or_what_ssl_protocols_says"),
    (
        "web.ssl_handshake_timeout",
        "a_handshake_that_is_not_done_in_time_is_closed_and_one_that_has_not_begun_ends_with_a_drain",
    ),
    ("web.ssl_session_tickets", "sessions_are_resumed_by_ticket_on_any_worker_unless_tickets_are_off"),
    ("web.ssl_session_ticket_key", "a_session_is_resumed_on_another_server_with_the_same_ticket_key"),
    (
        "web.ssl_reject_handshake",
        "a_name_that_the_default_certificate_is_for_is_not_refused_and_none_is_without_ssl_reject_handshake",
    ),
    ("web.http2", "http2_is_spoken_to_whom_the_key_says"),
    ("web.http2_max_concurrent_streams", "a_client_is_told_how_many_streams_it_may_have"),
    ("web.client_header_timeout", "a_client_that_dribbles_its_second_request_gets_408_at_the_deadline"),
    ("web.client_body_timeout", "a_body_that_stops_or_dribbles_is_408"),
    ("web.send_timeout", "a_client_that_stops_reading_is_reset_and_others_are_served_meanwhile"),
    ("web.min_rate", "a_client_that_reads_too_slowly_is_reset"),
    ("web.min_rate_grace", "a_client_that_reads_too_slowly_is_reset"),
    ("web.client_max_body_size", "a_chunked_body_over_the_limit_gets_413"),
    ("web.max_request_line", "a_request_line_beyond_its_limit_is_414_however_long_it_is"),
    ("web.max_headers", "header_fields_beyond_their_number_or_size_are_431"),
    ("web.max_header_size", "header_fields_beyond_their_number_or_size_are_431"),
    ("web.pause_requests", "one_request_more_than_may_be_held_gets_503_and_when_to_come_again"),
    ("web.pause_wait", "a_request_that_is_held_for_too_long_gets_503"),
    ("web.pause_timeout", "a_pause_that_nobody_ends_ends_by_itself_and_the_log_says_so"),
    ("web.maintenance_allow", "who_is_allowed_is_served"),
    ("web.maintenance_retry_after", "everything_is_answered_503_with_a_page_and_when_to_come_again"),
    ("web.access_log", "the_access_log_has_nginxs_combined_format"),
    ("web.log_format", "a_json_line_has_the_duration_and_the_request_id"),
    ("web.access_log_hide", "the_values_of_parameters_that_are_secret_are_in_no_line"),
    ("web.file_cache_size", "the_cache_keeps_to_file_cache_size_and_file_cache_max_file"),
    ("web.file_cache_max_file", "the_cache_keeps_to_file_cache_size_and_file_cache_max_file"),
    ("web.file_cache_descriptors", "no_more_files_stay_open_than_file_cache_descriptors_says"),
    ("web.file_cache_valid", "without_file_cache_watch_a_change_is_seen_after_file_cache_valid"),
    ("web.file_cache_watch", "without_file_cache_watch_a_change_is_seen_after_file_cache_valid"),
    ("web.file_threads", "no_more_looks_wait_for_a_disk_at_a_time_than_file_threads"),
    ("web.state_dir", "a_site_has_a_certificate_by_the_local_authority_for_its_names_and_for_localhost"),
    ("acme.accept_terms_of_service", "what_an_order_needs_is_checked_at_the_start"),
    ("acme.challenge", "the_challenge_that_is_wanted_is_the_one_that_the_authority_is_asked_for"),
    ("acme.contact", "what_an_order_needs_is_checked_at_the_start"),
    ("acme.directory", "what_an_order_needs_is_checked_at_the_start"),
    ("acme.dns_hook", "names_with_a_star_are_proved_by_a_hook_which_sees_nothing_of_the_servers_environment"),
    ("acme.dns_hook_timeout", "a_hook_that_hangs_is_killed_and_http_is_served"),
    ("acme.eab_key_id", "an_account_that_the_user_has_before_is_named_to_an_authority_that_asks_for_it"),
    ("acme.eab_hmac_key", "an_account_that_the_user_has_before_is_named_to_an_authority_that_asks_for_it"),
    ("acme.profile", "a_profile_that_the_authority_offers_is_ordered_and_another_one_is_an_error_that_lists_them"),
    ("acme.preferred_chain", "the_chain_to_the_preferred_root_is_used_where_the_authority_offers_it"),
    ("acme.ssl_trusted_certificate", "what_an_order_needs_is_checked_at_the_start"),
    ("dns.listen", "the_zone_is_served_over_udp_and_tcp"),
    ("dns.zone", "every_name_of_the_sites_that_lies_in_the_zone_leads_here"),
    ("dns.addresses", "the_zone_is_printed_as_other_name_servers_read_it"),
    ("dns.nameservers", "the_zone_of_the_example_has_an_address_and_www_is_an_alias_of_it"),
    ("dns.hostmaster", "the_zone_of_the_example_has_an_address_and_www_is_an_alias_of_it"),
    ("dns.records", "further_records_are_lines_of_a_zone_file_and_a_name_that_has_some_is_no_alias"),
    ("dns.caa", "who_may_issue_certificates_is_said_where_it_is_known"),
    ("dns.ttl", "the_zone_is_printed_as_other_name_servers_read_it"),
    ("dns.transfer", "the_whole_zone_is_for_named_addresses_alone"),
    ("dns.rate_limit", "a_network_that_asks_too_often_is_told_to_come_by_tcp_or_nothing"),
    ("sites.NAME.server_name", "a_host_chooses_its_site_and_an_unknown_one_gets_421"),
    ("sites.NAME.default", "the_default_site_answers_to_unknown_names_and_a_sole_site_is_the_default"),
    ("sites.NAME.ssl_certificate", "each_name_gets_its_certificate_and_a_name_without_one_an_alert"),
    ("sites.NAME.ssl_certificate_key", "each_name_gets_its_certificate_and_a_name_without_one_an_alert"),
    (
        "sites.NAME.ssl_verify_client",
        "a_site_that_wants_certificates_refuses_who_has_none_or_a_strangers_and_tells_the_application_of_others",
    ),
    (
        "sites.NAME.ssl_client_certificate",
        "a_changed_list_or_authority_counts_without_a_restart_and_a_bad_one_does_not",
    ),
    ("sites.NAME.ssl_crl", "a_certificate_that_has_expired_or_was_revoked_is_refused_and_lists_may_be_in_pem_or_der"),
    ("sites.NAME.ssl_on_demand", "a_name_that_no_site_has_gets_a_certificate_where_the_application_allows_it"),
    ("sites.NAME.https", "a_site_with_a_certificate_redirects_to_https_unless_it_keeps_http"),
    ("sites.NAME.hsts", "hsts_is_said_over_tls_alone_and_by_each_way_of_answering"),
    ("sites.NAME.www", "the_www_name_is_redirected_with_path_query_and_port"),
    ("sites.NAME.root", "the_binary_serves_a_folder_with_two_options"),
    ("sites.NAME.links", "links_are_followed_as_the_site_and_the_route_say"),
    ("sites.NAME.index", "files_are_served_as_index_charset_and_max_ranges_say"),
    ("sites.NAME.charset", "files_are_served_as_index_charset_and_max_ranges_say"),
    ("sites.NAME.max_ranges", "files_are_served_as_index_charset_and_max_ranges_say"),
    ("sites.NAME.try_files", "try_files_chooses_between_files_and_directories"),
    ("sites.NAME.autoindex", "a_folder_without_an_index_is_listed_as_autoindex_says"),
    ("sites.NAME.cache_control", "rules_of_the_site_announce_caching_and_disposition"),
    ("sites.NAME.content_disposition", "rules_of_the_site_announce_caching_and_disposition"),
    ("sites.NAME.add_header", "a_field_is_on_every_answer_of_the_servers_own_and_once"),
    ("sites.NAME.types", "types_and_default_type_name_what_is_not_known"),
    ("sites.NAME.default_type", "types_and_default_type_name_what_is_not_known"),
    ("sites.NAME.precompressed", "which_codings_are_sent_and_made_is_configured"),
    ("sites.NAME.compress", "which_codings_are_sent_and_made_is_configured"),
    ("sites.NAME.compress_min_size", "only_types_sizes_and_names_that_gain_by_it_are_compressed"),
    ("sites.NAME.compress_types", "only_types_sizes_and_names_that_gain_by_it_are_compressed"),
    ("sites.NAME.limit_rate", "a_route_has_its_own_limit_rate_and_limit_rate_after"),
    ("sites.NAME.limit_rate_after", "a_route_has_its_own_limit_rate_and_limit_rate_after"),
    ("sites.NAME.error_page", "files_come_before_the_application_and_errors_have_the_pages_of_the_site"),
    ("sites.NAME.maintenance_page", "a_site_has_a_page_of_its_own_or_that_of_503"),
    ("sites.NAME.client_max_body_size", "a_site_and_a_route_have_their_own_body_limits"),
    ("sites.NAME.routes.\"PATH\".files", "the_redirect_of_a_directory_keeps_the_prefix_of_its_route"),
    ("sites.NAME.routes.\"PATH\".links", "links_are_followed_as_the_site_and_the_route_say"),
    ("sites.NAME.routes.\"PATH\".try_files", "a_route_with_files_has_its_own_try_files"),
    ("sites.NAME.routes.\"PATH\".internal", "an_internal_route_is_not_there_for_clients"),
    ("sites.NAME.routes.\"PATH\".autoindex", "a_folder_without_an_index_is_listed_as_autoindex_says"),
    ("sites.NAME.routes.\"PATH\".cache_control", "rules_of_a_route_stand_instead_of_the_sites"),
    ("sites.NAME.routes.\"PATH\".content_disposition", "rules_of_a_route_stand_instead_of_the_sites"),
    (
        "sites.NAME.routes.\"PATH\".add_header",
        "the_rules_of_a_route_stand_instead_of_the_sites_and_an_application_says_its_own_fields",
    ),
    ("sites.NAME.routes.\"PATH\".types", "a_route_has_types_and_a_default_type_of_its_own"),
    ("sites.NAME.routes.\"PATH\".default_type", "a_route_has_types_and_a_default_type_of_its_own"),
    ("sites.NAME.routes.\"PATH\".limit_rate", "a_route_has_its_own_limit_rate_and_limit_rate_after"),
    ("sites.NAME.routes.\"PATH\".limit_rate_after", "a_route_has_its_own_limit_rate_and_limit_rate_after"),
    ("sites.NAME.routes.\"PATH\".app", "routes_redirect_respond_and_hand_over"),
    ("sites.NAME.routes.\"PATH\".redirect", "routes_redirect_respond_and_hand_over"),
    ("sites.NAME.routes.\"PATH\".respond", "routes_redirect_respond_and_hand_over"),
    ("sites.NAME.routes.\"PATH\".status", "routes_redirect_respond_and_hand_over"),
    ("sites.NAME.routes.\"PATH\".body", "routes_redirect_respond_and_hand_over"),
    ("sites.NAME.routes.\"PATH\".content_type", "routes_redirect_respond_and_hand_over"),
    ("sites.NAME.routes.\"PATH\".error_page", "a_route_may_do_without_the_error_pages_of_its_site"),
    ("sites.NAME.routes.\"PATH\".in_maintenance", "a_route_may_answer_in_maintenance_such_as_a_health_check"),
    ("sites.NAME.routes.\"PATH\".client_max_body_size", "a_site_and_a_route_have_their_own_body_limits"),
    ("app.start_timeout", "a_start_that_does_not_end_ends_the_program_and_names_its_setting"),
    ("app.request_timeout", "a_handler_that_never_ends_gets_504"),
    ("app.max_websocket_frame", "the_largest_websocket_frame_is_a_setting_and_zero_is_no_limit"),
    ("app.content_security_policy", "each_security_header_has_a_setting_and_an_empty_one_turns_it_off"),
    ("app.frame_options", "each_security_header_has_a_setting_and_an_empty_one_turns_it_off"),
    ("app.referrer_policy", "each_security_header_has_a_setting_and_an_empty_one_turns_it_off"),
    ("app.cross_origin_opener_policy", "each_security_header_has_a_setting_and_an_empty_one_turns_it_off"),
    ("session.cookie", "the_settings_of_sessions_count"),
    ("session.idle_timeout", "the_settings_of_sessions_count"),
    ("session.lifetime", "the_settings_of_sessions_count"),
    ("session.keys", "sessions_in_cookies_need_a_key_and_the_error_says_where_it_stands"),
    ("database.url", "the_start_prints_where_it_listens_and_which_database_and_configuration_it_uses"),
    ("database.readers", "a_call_that_finds_no_connection_is_refused_in_time_and_a_full_queue_at_once"),
    ("database.connections", "a_panic_is_an_error_that_rolls_back_and_the_threads_go_on"),
    ("database.password_file", "a_password_that_is_rotated_is_taken_from_its_file_without_a_restart"),
    ("database.queue", "a_call_that_finds_no_connection_is_refused_in_time_and_a_full_queue_at_once"),
    ("database.acquire_timeout", "a_call_that_finds_no_connection_is_refused_in_time_and_a_full_queue_at_once"),
    ("database.query_timeout", "a_statement_past_its_deadline_is_interrupted_and_the_connection_works_on"),
    ("database.slow_query_time", "a_slow_statement_is_logged_without_its_values_as_the_guide_shows_it"),
    ("database.query_comments", "with_query_comments_the_server_sees_the_route_and_the_request_of_each_statement"),
    ("database.lock_timeout", "a_session_waits_for_a_lock_as_long_as_it_is_told"),
    ("database.connect_timeout", "a_server_that_never_answers_holds_nobody_past_the_deadline"),
    ("database.migrate_on_start", "a_start_that_is_not_to_migrate_waits_for_the_schema_and_names_what_is_missing"),
    ("database.migration_url", "a_user_of_its_own_runs_the_migrations_of_one_that_may_change_rows_alone"),
    ("database.migration_timeout", "a_migration_that_does_not_end_is_interrupted_and_named"),
    (
        "database.migration_lock_timeout",
        "a_statement_that_changes_the_schema_is_tried_again_while_another_session_has_a_lock",
    ),
    ("database.max_lifetime", "a_connection_beyond_its_lifetime_is_replaced"),
    ("database.idle_timeout", "an_idle_connection_is_kept_as_long_as_the_pool_is_told"),
    ("database.tls_ca", "a_certificate_authority_that_cannot_be_used_is_refused"),
    ("database.tls_cert", "a_server_that_wants_a_certificate_gets_it_over_tls"),
    ("database.tls_key", "a_server_that_wants_a_certificate_gets_it_over_tls"),
];

#[test]
fn every_key_has_a_test_of_what_it_does() {
    let keys: Vec<String> = keys().into_iter().map(|(section, key)| format!("{section}.{key}")).collect();
    let tested: Vec<&str> = TESTED.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, tested);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/integration", "foobar-db/src", "foobar-app/src", "foobar-web/src", "foobar-web/tests"];
    let files: Vec<_> = folders.iter().flat_map(|folder| crate::architecture::rust_files(&root.join(folder))).collect();
    let sources: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for (key, test) in TESTED {
        let function = format!("fn {test}(");
        let field = key.rsplit('.').next().unwrap();
        let shown = |text: &String| text.contains(&function) && text.to_lowercase().contains(field);
        assert!(sources.iter().any(shown), "there is no test {test} beside a word of {key}");
    }
}

#[test]
fn the_example_file_names_every_key() {
    let example = file("foobar.example.toml");
    for (section, key) in keys() {
        let named = example.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.split('=').next().unwrap().trim() == key
        });
        assert!(named, "{section}.{key} is not in foobar.example.toml");
    }
}

/// With its comments taken off the example still has only known keys and good values.
#[tokio::test]
async fn the_example_file_parses_with_and_without_its_comments() {
    let example = file("foobar.example.toml");
    let all: String = example.lines().map(|line| line.strip_prefix("#").unwrap_or(line).to_owned() + "\n").collect();
    let all: String = all.lines().filter(|line| !line.starts_with(' ')).map(|line| line.to_owned() + "\n").collect();
    for (name, text) in [("as it is", &example), ("with every key", &all)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foobar.toml");
        std::fs::write(&path, text).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_foobar"))
            .args(["config", "--config"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        for (_, key) in keys().iter().filter(|_| name == "with every key") {
            let shown = String::from_utf8_lossy(&output.stdout);
            assert!(
                shown.lines().any(|line| line.contains(&format!("{key} = ")) && !line.ends_with("# default")),
                "{key}"
            );
        }
    }
}

#[tokio::test]
async fn a_programs_presets_give_way_and_its_settings_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foobar.toml");
    std::fs::write(&path, format!("[sites.www]\nroot = {:?}\n[web]\naccess_log = \"off\"\n", folder.path())).unwrap();
    let server = Server::new().config_file(&path).preset("sites.*.root", "nowhere").preset("admin.listen", "off");
    let running = server.set("web.listen", "127.0.0.1:0").start().await.unwrap();
    assert_eq!((running.addresses().len(), running.admin_address()), (1, None));
    running.stop().await;
}

/// The pages of the guide, by their names.
fn guide() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

/// What looks like a key in the guide: files, and a mistake that a page shows.
const NO_KEYS: [&str; 3] = ["app.js", "app.css", "web.lisen"];

#[test]
fn every_key_that_the_guide_names_is_one() {
    let sections = ["server", "admin", "control", "log", "web", "app", "database"];
    let known = keys();
    let is_key =
        |section: &str, name: &str| known.iter().any(|key| (key.0.as_str(), key.1.as_str()) == (section, name));
    for (page, text) in guide() {
        for code in text.split('`').skip(1).step_by(2).filter(|code| !NO_KEYS.contains(code)) {
            let Some((section, name)) = code.split_once('.').filter(|(section, _)| sections.contains(section)) else {
                continue;
            };
            let is_name = name.chars().all(|letter| letter.is_ascii_lowercase() || "_0123456789".contains(letter));
            assert!(!is_name || is_key(section, name), "{page}: there is no key `{code}`");
        }
    }
}

#[test]
fn the_limits_of_the_guide_are_the_defaults() {
    let reference = reference();
    let defaults = |name: &str| {
        let row = format!("| `{}` | `", name.rsplit('.').next().unwrap());
        let section = format!("## `[{}]`", name.rsplit_once('.').unwrap().0);
        let section = reference.split(&section).nth(1).unwrap_or_else(|| panic!("there is no section of {name}"));
        let default = section.split(&row).nth(1).unwrap_or_else(|| panic!("{name} has no default"));
        default.split('`').next().unwrap().to_owned()
    };
    let limits = file("docs/src/limits.md");
    let rows = limits.lines().filter_map(|line| line.split_once(" | `")?.1.split_once("` | `"));
    let rows: Vec<_> = rows.map(|(key, rest)| (key, rest.split('`').next().unwrap())).collect();
    assert!(rows.len() > 35, "{rows:?}");
    for (key, default) in rows {
        assert_eq!(default, defaults(key), "{key}");
    }
}
