//! The folder that holds one of migrations for each engine, in the place of one of these.
//~ no migrations in `docs/migrations`, looked for at
//~ its migration `mysql` has no `up.sql`

use foobar::{Migrations, embed_migrations};

fn main() {
    let _migrations = Migrations::new(embed_migrations!("docs/migrations"));
}
