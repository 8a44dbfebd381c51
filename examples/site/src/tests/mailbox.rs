use foobar::test::{self, Site, TestDb};
use foobar::{AccountOptions, BoxError, Mail, Mailer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::accounts::SIGN_IN;
use crate::server_with;

pub(super) const ADMINISTRATOR: &str = "owner@shop.test";

/// The mail that a site sends.
pub(super) struct Mailbox(UnboundedReceiver<Mail>);

struct Sender(UnboundedSender<Mail>);

impl Mailer for Sender {
    fn send(&self, mail: Mail) -> std::pin::Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + '_>> {
        Box::pin(async { Ok(self.0.send(mail)?) })
    }
}

/// Sends nothing to anybody.
pub(super) struct Nowhere;

impl Mailer for Nowhere {
    fn send(&self, _mail: Mail) -> std::pin::Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + '_>> {
        Box::pin(async { Ok(()) })
    }
}

/// As while the server for mail is down.
pub(super) struct Down;

impl Mailer for Down {
    fn send(&self, _mail: Mail) -> std::pin::Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + '_>> {
        Box::pin(async { Err("there is no connection".into()) })
    }
}

impl Mailbox {
    /// The next message: to whom, and the link in it from its path on.
    pub(super) async fn next(&mut self) -> (String, String) {
        let mail = self.0.recv().await.expect("the site runs");
        let (_, path) = mail.text.split_once("http://127.0.0.1:8080").expect("the text has a link");
        (mail.to, path.trim().to_owned())
    }

    /// The token of the link in the next message.
    pub(super) async fn token(&mut self) -> String {
        let (_, link) = self.next().await;
        link.split_once("token=").expect("the link has a token").1.to_owned()
    }
}

pub(super) async fn on_both_with_mail() -> [(Site, Mailbox); 2] {
    let [(one, mail), (other, other_mail)] = [unbounded_channel(), unbounded_channel()];
    let server = |sender| {
        let options = AccountOptions::new(SIGN_IN).with_weak_hashes_for_tests().with_mailer(Sender(sender));
        server_with(options).set("shop.demo_accounts", "false").set("shop.administrator", ADMINISTRATOR)
    };
    let sites = [test::site(server(one)).await, test::site_on(TestDb::mysql().await, server(other)).await];
    let [sqlite, mysql] = sites;
    [(sqlite, Mailbox(mail)), (mysql, Mailbox(other_mail))]
}
