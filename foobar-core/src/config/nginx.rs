//! What the words of an nginx.conf are here, for whoever writes one as a key: the table of the guide's page "Moving from
//! nginx", which a test holds against this one.

/// What is to be written instead of this directive, or why nothing is; `None` if nginx has none of the name.
pub(super) fn counterpart(word: &str) -> Option<&'static str> {
    let is_meant = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => word.starts_with(beginning),
        None => word == pattern,
    };
    let mut entries = DIRECTIVES.iter().chain(OTHERS);
    entries.find(|(words, _)| words.split(' ').any(is_meant)).map(|(_, counterpart)| *counterpart)
}

/// Directives by whole names.
const DIRECTIVES: &[(&str, &str)] = &[
    // The process.
    ("worker_processes", "write `web.workers`"),
    ("worker_connections", "write `web.worker_connections`"),
    ("error_log", "write `log.output` and `log.filter`"),
    ("worker_rlimit_nofile", "not needed, since the limit is raised to the hard one"),
    ("worker_shutdown_timeout", "write `server.shutdown_timeout`"),
    (
        "user pid daemon master_process working_directory env worker_priority worker_cpu_affinity worker_rlimit_core",
        "that of the service which starts the program",
    ),
    ("thread_pool aio aio_write", "write `web.file_threads`"),
    ("include", "there is one file, and the environment above it"),
    ("http", "its directives are keys of `web` and `sites.NAME`"),
    // Listening and names.
    ("listen", "write `web.listen`, for all sites together"),
    ("http2", "write `web.http2`"),
    ("server", "write a section [sites.NAME], where NAME is a label"),
    ("server_name", "write `sites.NAME.server_name`"),
    ("http2_max_concurrent_streams", "write `web.http2_max_concurrent_streams`"),
    // Routes.
    ("location", "write a section [sites.NAME.routes.\"/path/\"]"),
    ("root", "write `root` of a site, or `files` of a route"),
    ("alias", "write `files` of a route"),
    ("index", "write `sites.NAME.index`"),
    ("try_files", "write `sites.NAME.try_files`, with \"file\", \"index\" and as the last \"app\" or \"=404\""),
    ("internal", "write `internal` of a route"),
    ("return", "write `redirect` and `status` of a route, or `respond` and `body`"),
    ("rewrite", "write `redirect` of a route by pattern; requests are not rewritten inside"),
    ("error_page", "write `sites.NAME.error_page`"),
    ("absolute_redirect server_name_in_redirect port_in_redirect", "a redirect to a path stays relative"),
    ("merge_slashes etag if_modified_since gzip_vary real_ip_recursive reset_timedout_connection", "it is always on"),
    ("proxy_pass", "the application is in the program; write `app` of a route"),
    // Files.
    ("types", "write `sites.NAME.types`"),
    ("default_type", "write `sites.NAME.default_type`"),
    ("charset", "write `sites.NAME.charset`"),
    ("expires", "write `sites.NAME.cache_control`, such as [\"* 30d\"]"),
    ("add_header", "write `sites.NAME.add_header`"),
    ("autoindex autoindex_format", "write `sites.NAME.autoindex`"),
    ("disable_symlinks", "write `sites.NAME.links`"),
    ("gzip", "write `sites.NAME.compress`"),
    ("gzip_types", "write `sites.NAME.compress_types`"),
    ("gzip_min_length", "write `sites.NAME.compress_min_size`"),
    ("gzip_static", "write `sites.NAME.precompressed`"),
    ("open_file_cache", "write `web.file_cache_size`, `web.file_cache_max_file` and `web.file_cache_descriptors`"),
    ("open_file_cache_valid", "write `web.file_cache_valid`"),
    ("open_file_cache_errors open_file_cache_min_uses", "names without a file are remembered always"),
    ("limit_rate", "write `sites.NAME.limit_rate`"),
    ("limit_rate_after", "write `sites.NAME.limit_rate_after`"),
    ("max_ranges", "write `sites.NAME.max_ranges`"),
    // Clients.
    ("client_max_body_size", "write `client_max_body_size` of `web`, of a site or of a route"),
    ("client_header_timeout", "write `web.client_header_timeout`"),
    ("client_body_timeout", "write `web.client_body_timeout`"),
    ("send_timeout", "write `web.send_timeout`"),
    ("keepalive_timeout", "write `web.keepalive_timeout`"),
    ("keepalive_requests", "write `web.keepalive_requests`"),
    (
        "client_header_buffer_size large_client_header_buffers",
        "write `web.max_request_line`, `web.max_header_size` and `web.max_headers`",
    ),
    ("limit_conn limit_conn_*", "write `web.connections_per_address`"),
    ("deny", "write `respond = 403` of a route; by address, that is for the application to say"),
    ("set_real_ip_from real_ip_header", "write `web.trusted_proxies`"),
    ("server_tokens", "the version is never sent"),
    // TLS and logs.
    ("ssl", "write `web.listen = [\"0.0.0.0:443 ssl\"]`"),
    ("ssl_certificate", "write `sites.NAME.ssl_certificate`"),
    ("ssl_certificate_key", "write `sites.NAME.ssl_certificate_key`"),
    ("ssl_protocols", "write `web.ssl_protocols`"),
    ("ssl_session_tickets", "write `web.ssl_session_tickets`"),
    ("ssl_session_ticket_key", "write `web.ssl_session_ticket_key`"),
    ("ssl_session_cache ssl_session_timeout", "sessions are resumed by tickets, as `web.ssl_session_tickets` says"),
    ("ssl_reject_handshake", "write `web.ssl_reject_handshake`"),
    ("ssl_verify_client", "write `sites.NAME.ssl_verify_client`"),
    ("ssl_client_certificate", "write `sites.NAME.ssl_client_certificate`"),
    ("ssl_crl", "write `sites.NAME.ssl_crl`"),
    (
        "ssl_ciphers ssl_prefer_server_ciphers ssl_ecdh_curve ssl_dhparam ssl_conf_command",
        "not needed, since all that are offered are strong",
    ),
    ("access_log", "write `web.access_log`, for all sites together"),
    ("log_format", "write `web.log_format`"),
    ("stub_status", "the figures are at `/metrics` of `admin.listen`"),
    ("proxy_read_timeout", "write `app.request_timeout`"),
];

/// The others, mostly by how they begin.
const OTHERS: &[(&str, &str)] = &[
    (
        "server_names_hash_* variables_hash_* map_hash_* types_hash_* referer_hash_* sendfile sendfile_max_chunk tcp_nopush \
         tcp_nodelay directio* read_ahead output_buffers postpone_output send_lowat",
        "not needed",
    ),
    (
        "allow satisfy auth_basic* auth_delay auth_request* auth_jwt* secure_link* valid_referers limit_except perl* js_*",
        "that is for the application to say",
    ),
    (
        "client_body_buffer_size client_body_temp_path client_body_in_*",
        "not needed, since a body goes to its handler as it comes",
    ),
    ("log_not_found", "a file that is not there is in the access log alone"),
    ("proxy_* upstream fastcgi_* uwsgi_* scgi_* grpc_* memcached_* mirror* resolver*", "this is no proxy"),
    (
        "events use multi_accept accept_mutex* worker_aio_requests load_module pcre_jit timer_resolution debug_* lock_file \
         http3 http2_* if set map geo split_clients break geoip_* ancient_browser* modern_browser* \
         uninitialized_variable_warn recursive_error_pages charset_map charset_types source_charset override_charset \
         autoindex_exact_size autoindex_localtime random_index gzip_* postpone_gzipping gunzip* ssi* sub_filter* \
         add_before_body add_after_body addition_types add_trailer image_filter* xslt_* xml_entities mp4* flv empty_gif slice \
         dav_* create_full_put_path min_delete_depth userid* keepalive_time keepalive_disable lingering_* limit_req* \
         ignore_invalid_headers underscores_in_headers msie_* connection_pool_size request_pool_size \
         chunked_transfer_encoding ssl_verify_depth ssl_trusted_certificate ssl_ocsp* ssl_stapling* ssl_password_file \
         ssl_engine ssl_early_data ssl_buffer_size open_log_file_cache log_subrequest rewrite_log \
         subrequest_output_buffer_size",
        "it has no counterpart; leave it out",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str) -> String {
        std::fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    /// What stands in backquotes.
    fn quoted(text: &str) -> impl Iterator<Item = &str> {
        text.split('`').skip(1).step_by(2)
    }

    /// Of `listen` and `rewrite`: no directives, though the guide has them in the same column.
    const PARAMETERS: [&str; 7] = ["reuseport", "deferred", "fastopen", "rcvbuf", "bind", "quic", "redirect"];

    #[test]
    fn each_directive_of_the_guide_has_an_answer() {
        let guide = page("docs/src/from-nginx.md");
        let (_, tables) = guide.split_once("## Every directive").unwrap();
        let cells = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
        let directives =
            cells.flat_map(|(cell, _)| cell.split('`').step_by(2)).map(|text| text.split(' ').next().unwrap());
        let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase()) && !word.ends_with(['=', ':']);
        let directives: Vec<_> = directives.filter(is_name).map(|word| word.replace('*', "x")).collect();
        assert!(directives.len() > 200, "{directives:?}");
        for directive in directives {
            assert!(PARAMETERS.contains(&&*directive) || counterpart(&directive).is_some(), "{directive}");
        }
    }

    #[test]
    fn what_is_to_be_written_are_keys_that_there_are() {
        let reference = page("CONFIGURATION.md");
        for (_, counterpart) in DIRECTIVES.iter().filter(|(_, counterpart)| counterpart.starts_with("write ")) {
            for name in quoted(counterpart) {
                let key = name.split(" = ").next().unwrap().rsplit('.').next().unwrap();
                assert!(["web"].contains(&key) || reference.contains(&format!("| `{key}` |")), "{name}");
            }
        }
    }

    #[test]
    fn a_word_that_nginx_does_not_have_has_none() {
        assert_eq!(counterpart("colour"), None);
        assert_eq!(counterpart("gzipped"), None);
    }
}
