//! A folder of migrations that holds no migration: one of fewer folders is meant, or one of more.
//~ no migrations in `docs/theme`, looked for at
//~ that folder holds no migration
//~ `foobar migrate new NAME`

use foobar::{Migrations, embed_migrations};

fn main() {
    let _migrations = Migrations::new(embed_migrations!("docs/theme"));
}
