//! A query of `start` that borrows the application's state: it runs on a thread of the database.
//~ borrowed data escapes outside of method
//~ `self` is a reference that is only valid in the method body
use foobar::diesel::{RunQueryDsl, sql_query};
use foobar::{App, BoxError, Context, web};

struct Shop(String);

impl App for Shop {
    fn routes(&self, _: &mut web::ServiceConfig) {}

    async fn start(&self, context: &Context) -> Result<(), BoxError> {
        context.db()?.write(|conn| sql_query(self.0.as_str()).execute(conn)).await?;
        Ok(())
    }
}

fn main() {}
