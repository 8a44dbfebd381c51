//! The `start` of an application that does not take its context.
//~ expected signature `fn(&Shop, &foobar::Context) -> _`
use foobar::{App, BoxError, Db, actix_web::web::ServiceConfig};

struct Shop;

impl App for Shop {
    fn routes(&self, _: &mut ServiceConfig) {}

    async fn start(&self, _db: &Db) -> Result<(), BoxError> {
        Ok(())
    }
}

fn main() {}
