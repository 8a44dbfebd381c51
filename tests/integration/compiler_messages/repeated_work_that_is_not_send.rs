//! Work that is done again and again, with what may not leave its thread.
//~ future cannot be sent between threads safely
//~ has type `Rc<i32>` which is not `Send`
//~ required by a bound in `every`
use std::rc::Rc;

fn main() {
    let work = foobar::every("1m", |_context| async {
        let counted = Rc::new(1);
        std::future::ready(()).await;
        drop(counted);
        Ok(())
    });
    let _server = foobar::Server::new().tier_with(work);
}
