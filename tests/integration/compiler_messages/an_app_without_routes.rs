//! An application that declares no routes.
//~ not all trait items implemented, missing: `routes`
struct Shop;

impl foobar::App for Shop {}

fn main() {}
