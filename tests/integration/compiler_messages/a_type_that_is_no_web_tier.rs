//! A type of one's own where a web tier is wanted.
//~ `Listener` is not a web tier
//~ leave `Server::web_tier` out
//~ implement `foobar::tiers::Tier` and `WebTier`
use std::sync::Arc;

use foobar::Server;

struct Listener;

fn main() {
    let _server = Server::new().web_tier(|_settings, _sites, _application| Ok(Arc::new(Listener)));
}
