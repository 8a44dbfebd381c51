//! Work that outlives a `start`, with a borrow of the application.
//~ borrowed data escapes outside of method
use foobar::{App, BoxError, Context, actix_web::web::ServiceConfig};

struct Shop(String);

impl App for Shop {
    fn routes(&self, _: &mut ServiceConfig) {}

    async fn start(&self, context: &Context) -> Result<(), BoxError> {
        context.spawn(async { drop(self.0.as_str()) });
        Ok(())
    }
}

fn main() {}
