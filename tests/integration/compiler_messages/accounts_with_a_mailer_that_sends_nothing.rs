//! The address of a mail server where what sends mail is wanted.
//~ `&str` cannot send mail
//~ implement `foobar::Mailer`
//~ `foobar::FileMailer`
fn main() {
    let _options = foobar::AccountOptions::new("/sign-in").with_mailer("smtp.shop.test");
}
