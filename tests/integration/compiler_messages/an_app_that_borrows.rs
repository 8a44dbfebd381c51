//! An application with a borrowed state and a `start`: it has to own what it serves with.
//~ the type `Shop<'_>` does not fulfill the required lifetime
//~ type must satisfy the static lifetime
use foobar::{App, BoxError, Context, web};

struct Shop<'a>(&'a str);

impl App for Shop<'_> {
    fn routes(&self, _: &mut web::ServiceConfig) {}

    async fn start(&self, _context: &Context) -> Result<(), BoxError> {
        drop(self.0.to_owned());
        Ok(())
    }
}

fn main() {}
