//! Every flow of the example site in Chromium, at the width of a phone and at that of a desk.

mod book; // the guide
mod webdriver;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use foobar::test::{TestDb, totp_code};
use serde_json::Value;

use crate::support::{Program, until};
use webdriver::Browser;

/// The site, and a browser that looks at it.
struct Visit {
    browser: Browser,
    program: Program,
    folder: tempfile::TempDir,
    /// What tells violations of accessibility, where it is installed.
    axe: Option<String>,
    /// What is read on each page that it has been asked about.
    judged: RefCell<BTreeSet<String>>,
}

impl Visit {
    fn start(database: &str, (width, scheme): (u32, &str), axe: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(Program::example("site", folder.path()).args(["--database", database]));
        Self { browser: Browser::start([width, 900], scheme), program, folder, axe, judged: RefCell::default() }
    }

    fn open(&self, path: &str) {
        self.browser.open(&format!("http://{}{path}", self.program.address));
        self.look();
    }

    /// Fills in the fields of a form and sends it.
    fn send(&self, form: &str, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            self.browser.fill(&format!("form[action='{form}'] [name='{name}']"), value);
        }
        self.click(&format!("form[action='{form}'] button"));
    }

    fn click(&self, selector: &str) {
        self.browser.click(selector);
        self.look();
    }

    /// Holds the page to what every page keeps: nothing is wider than the window, the console is silent, everybody can use it.
    fn look(&self) {
        let path = self.browser.path();
        let is_narrow = self.browser.run("return document.documentElement.scrollWidth <= window.innerWidth", &[]);
        assert_eq!(is_narrow, true, "{path} is wider than the window");
        if let Some(axe) = &self.axe
            && self.judged.borrow_mut().insert(self.browser.run(READ_ALL, &[]).to_string())
        {
            self.browser.run(axe, &[]);
            let violations = self.browser.run_async(ASK_AXE);
            assert_eq!(violations, Value::Array(Vec::new()), "{path}");
        }
        let expected = if path == "/nothing" { "a status of 404" } else { "a status of 422" }; // the console tells it
        let mut complaints = self.browser.complaints();
        complaints.retain(|complaint| !complaint.contains(expected));
        assert_eq!(complaints, [""; 0], "{path}");
    }

    fn at(&self, path: &str) {
        assert_eq!(self.browser.path(), path, "{}", self.browser.text("main"));
    }

    fn says(&self, words: &str) {
        let text = self.browser.text("body");
        assert!(text.contains(words), "{words:?} is not at {}: {text}", self.browser.path());
    }

    /// The path of the newest link that was sent to this address.
    fn mail(&self, to: &str, path: &str) -> String {
        until(&format!("a mail with {path}"), || {
            let text = std::fs::read_to_string(self.folder.path().join("mail.txt")).ok()?;
            let mail = text.split("To: ").filter(|mail| mail.starts_with(to)).last()?;
            let link = mail.lines().find(|line| line.contains(&format!("{path}?token=")))?;
            Some(link[link.find(path)?..].to_owned())
        })
    }

    /// The password of an account that the first start has made.
    fn password(&self, address: &str) -> String {
        let line = self.program.banner.iter().find(|line| line.contains(address)).expect("it is printed");
        let mut words = line.split_whitespace().skip_while(|word| *word != "password");
        words.nth(1).unwrap().to_owned()
    }
}

const READ_ALL: &str = "return document.title + document.body.innerText";
const ASK_AXE: &str = "const done = arguments[arguments.length - 1];
    axe.run().then(found => done(found.violations.map(violation =>
        violation.id + ': ' + violation.help + ' ' + violation.nodes.map(node => node.html).join(' '))));";

/// The script of axe-core, which `tests/run` fetches; half a megabyte that is not Foobar's. Whoever runs this test alone
/// may do without it, and `FOOBAR_AXE`, which `tests/run` sets, says that it has to be there.
fn axe() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe/axe.min.js");
    match std::fs::read_to_string(&script) {
        Ok(text) => Some(text),
        Err(error) if std::env::var_os("FOOBAR_AXE").is_some() => panic!("{}: {error}", script.display()),
        Err(_missing) => {
            eprintln!(
                "axe-core is not there, so nothing says whether everybody can use the pages: tests/run fetches it"
            );
            None
        }
    }
}

/// Somebody registers, confirms the address, forgets the password, changes it, and leaves.
fn lives_with_an_account(visit: &Visit) {
    visit.open("/account");
    visit.at("/sign-in?next=%2Faccount");
    visit.click("a[href^='/register']");
    visit.send("/register", &[("address", "ann@shop"), ("password", "short")]);
    visit.says("Email is not an address that a mail can be sent to.");
    visit.send("/register", &[("address", "ann@shop.test"), ("password", "correct horse")]);
    visit.at("/account");
    visit.says("Not confirmed yet");
    visit.send("/account/confirmation", &[]);
    visit.says("A link is on its way to ann@shop.test.");
    visit.open(&visit.mail("ann@shop.test", "/confirm"));
    visit.send("/confirm", &[]);
    visit.at("/account");
    visit.says("ann@shop.test is confirmed.");
    visit.send("/sign-out", &[]);
    visit.at("/");
    visit.click("a[href='/sign-in']");
    visit.send("/sign-in", &[("address", "ann@shop.test"), ("password", "wrong horse")]);
    visit.says("Password or address is wrong.");
    visit.click("a[href='/forgot-password']");
    visit.send("/forgot-password", &[("address", "ann@shop.test")]);
    visit.says("a link is on its way");
    visit.open(&visit.mail("ann@shop.test", "/reset-password"));
    visit.send("/reset-password", &[("password", "battery staple")]);
    visit.at("/sign-in");
    visit.says("Your password has changed.");
    visit.send("/sign-in", &[("address", "ann@shop.test"), ("password", "battery staple")]);
    visit.at("/account");
    visit.send("/account/password", &[("old_password", "wrong horse"), ("password", "third password")]);
    visit.says("Old password is wrong.");
    visit.send("/account/password", &[("old_password", "battery staple"), ("password", "third password")]);
    visit.says("Your password has changed");
    lets_a_program_act(visit);
    has_a_second_factor(visit);
    visit.open("/account");
    visit.send("/account/sign-out-everywhere", &[]);
    visit.at("/sign-in");
}

/// Whoever is signed in makes a token, and revokes it.
fn lets_a_program_act(visit: &Visit) {
    visit.click("a[href='/account/tokens']");
    visit.says("You have none.");
    visit.send("/account/tokens", &[("name", "")]);
    visit.says("Name is required.");
    visit.send("/account/tokens", &[("name", "Backup <of> the old laptop, with a name that is long")]);
    visit.says("nobody can show it again");
    let token = visit.browser.text(".secret code");
    let fields = format!("Authorization: Bearer {token}\r\n");
    let ask = || visit.program.client().request("GET", "/api/account", &fields, b"").status;
    assert_eq!(ask(), 200);
    visit.click("form[action$='/revoke'] button");
    visit.at("/account/tokens");
    visit.says("The token is revoked");
    assert_eq!(ask(), 401);
    visit.send("/account/tokens", &[("name", "Another")]);
    visit.click("form[action='/account/tokens/revoke'] button");
    visit.at("/account/tokens");
    visit.says("All your tokens are revoked");
    visit.says("You have none.");
}

/// Whoever is signed in turns it on, signs in by it, gets other recovery codes, and turns it off.
fn has_a_second_factor(visit: &Visit) {
    visit.open("/account");
    visit.click("a[href='/account/second-factor']");
    visit.send("/account/second-factor", &[("password", "wrong horse")]);
    visit.says("Password is wrong.");
    visit.send("/account/second-factor", &[("password", "third password")]);
    let secret = visit.browser.text("main code");
    visit.send("/account/second-factor/on", &[("code", "12345")]);
    visit.says("Code is wrong");
    visit.send("/account/second-factor/on", &[("code", &totp_code(&secret, 0))]);
    visit.says("Each of these recovery codes signs you in once");
    let code = visit.browser.text("main li code");
    visit.open("/account");
    visit.send("/sign-out", &[]);
    visit.open("/sign-in?next=%2Faccount%2Fsecond-factor");
    visit.send("/sign-in", &[("address", "ann@shop.test"), ("password", "third password")]);
    visit.at("/code?next=%2Faccount%2Fsecond-factor");
    visit.send("/code", &[("code", "12345")]);
    visit.says("Code is wrong");
    visit.send("/code", &[("code", &code)]);
    visit.at("/account/second-factor");
    visit.says("You have 9 recovery codes left.");
    let renew = "form[action='/account/second-factor/off'] [formaction='/account/second-factor/codes']";
    visit.browser.fill("[name='code']", "third password");
    visit.click(renew);
    visit.says("Each of these recovery codes signs you in once");
    visit.open("/account/second-factor");
    visit.browser.fill("[name='code']", "wrong horse");
    visit.click("form[action='/account/second-factor/off'] .button.plain");
    visit.says("Code or password is wrong.");
    visit.browser.fill("[name='code']", "third password");
    visit.click("form[action='/account/second-factor/off'] .button.plain");
    visit.at("/account");
    visit.says("by your password alone");
}

/// A visitor writes, and an administrator reads it and edits a page.
fn writes_and_edits(visit: &Visit) {
    visit.open("/contact");
    visit.send("/contact", &[("name", "Ann <b>"), ("address", "ann"), ("body", "Is the lamp in stock?")]);
    visit.says("Email is not an address");
    visit.send("/contact", &[("address", "ann@shop.test")]);
    visit.at("/contact");
    visit.says("Thank you.");
    visit.open("/sign-in?next=%2Fadmin");
    visit.send("/sign-in", &[("address", "admin@foobar.com"), ("password", &visit.password("admin@foobar.com"))]);
    visit.at("/admin");
    visit.says("Ann <b>");
    visit.click("a[href='/admin/pages/about']");
    visit.send("/admin/pages/about", &[("title", ""), ("body", "One <i>.\n\n# Two\n\nThree.")]);
    visit.says("Title is required.");
    visit.send("/admin/pages/about", &[("title", "About <us>")]);
    visit.at("/about");
    visit.says("The page is changed.");
    assert_eq!(visit.browser.text("h1"), "About <us>");
    assert_eq!(visit.browser.text("h2"), "Two");
    for path in ["/", "/products?q=lamp", "/products/3", "/privacy", "/nothing"] {
        visit.open(path);
    }
}

/// The width of a phone and of a desk, and what is looked at there.
const WINDOWS: [(u32, &str); 2] = [(390, "light"), (1280, "dark")];

#[test]
fn every_flow_goes_on_sqlite_on_a_phone_and_on_a_desk() {
    for window in WINDOWS {
        let visit = Visit::start("sqlite:site.db", window, axe());
        lives_with_an_account(&visit);
        writes_and_edits(&visit);
    }
}

#[tokio::test]
async fn every_flow_goes_on_mysql_on_a_phone_and_on_a_desk() {
    for window in WINDOWS {
        let database = TestDb::mysql().await;
        let visit = Visit::start(database.url(), window, axe());
        lives_with_an_account(&visit);
        writes_and_edits(&visit);
    }
}
