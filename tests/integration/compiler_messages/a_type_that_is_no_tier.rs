//! A type that is no tier where one is wanted.
//~ `Clock` is not a tier
//~ implement `foobar::tiers::Tier` for a type of your own
//~ `Server::tier_with(foobar::every("10m", work))`
use std::sync::Arc;

use foobar::Server;

struct Clock;

fn main() {
    let _server = Server::new().tier(Arc::new(Clock));
}
