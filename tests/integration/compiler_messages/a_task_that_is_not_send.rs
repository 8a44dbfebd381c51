//! Work for the server's runtime that may not leave its thread.
//~ future cannot be sent between threads safely
//~ required by a bound in `foobar::Context::spawn`
fn work(context: &foobar::Context) {
    let counted = std::rc::Rc::new(1);
    context.spawn(async move { drop(counted) });
}

fn main() {}
