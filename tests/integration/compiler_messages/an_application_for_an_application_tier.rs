//! A type of one's own where an application tier is wanted.
//~ `Site` is not an application tier
//~ an application goes to `Server::app`
//~ implement `foobar::tiers::Tier`, `MakeHandler` and `AppTier`
use std::sync::Arc;

use foobar::Server;

struct Site;

fn main() {
    let _server = Server::new().app_tier(|_database, _settings| Arc::new(Site));
}
