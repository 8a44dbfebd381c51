//! What the fast path knows: whoever adds a setting has to say here whether that is among it.
//!
//! The patterns have no `..`: a new setting does not compile until it is on one of the lists. It belongs on the first
//! only where `Target::try_reply` does all that it asks for; until then a route with it goes through the pipeline.

use crate::{RouteSettings, SiteSettings};

/// Whether the fast path does all that a site asks for.
pub(super) const fn knows_site(site: &SiteSettings) -> bool {
    let SiteSettings {
        server_name: _,
        default: _,
        ssl_certificate: _,
        ssl_certificate_key: _,
        ssl_verify_client: _,
        ssl_client_certificate: _,
        ssl_crl: _,
        ssl_on_demand: _,
        https: _,
        hsts: _,
        www: _,
        root: _,
        links: _,
        index: _,
        charset: _,
        max_ranges: _,
        try_files: _,
        autoindex: _,
        cache_control: _,
        content_disposition: _,
        add_header: _,
        types: _,
        default_type: _,
        precompressed: _,
        compress: _,
        compress_min_size: _,
        compress_types: _,
        limit_rate: _,
        limit_rate_after: _,
        error_page: _,
        maintenance_page: _,
        client_max_body_size: _,
        routes: _,
        // What it does not know, none so far: `setting`, to be given back as `setting.is_none()`.
    } = site;
    true
}

/// Whether the fast path does all that a route asks for.
pub(super) const fn knows_route(route: &RouteSettings) -> bool {
    let RouteSettings {
        files: _,
        links: _,
        try_files: _,
        internal: _,
        autoindex: _,
        cache_control: _,
        content_disposition: _,
        add_header: _,
        types: _,
        default_type: _,
        limit_rate: _,
        limit_rate_after: _,
        redirect: _,
        respond: _,
        status: _,
        body: _,
        error_page: _,
        in_maintenance: _,
        content_type: _,
        client_max_body_size: _,
        // What it does not know.
        app,
    } = route;
    !*app
}
