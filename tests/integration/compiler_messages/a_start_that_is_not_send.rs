//! A `start` that holds across an `await` what may not leave its thread.
//~ future cannot be sent between threads safely
//~ has type `Rc<i32>` which is not `Send`
use std::rc::Rc;

use foobar::{App, BoxError, Context, actix_web::web::ServiceConfig};

struct Shop;

impl App for Shop {
    fn routes(&self, _: &mut ServiceConfig) {}

    async fn start(&self, _context: &Context) -> Result<(), BoxError> {
        let counted = Rc::new(1);
        std::future::ready(()).await;
        drop(counted);
        Ok(())
    }
}

fn main() {}
