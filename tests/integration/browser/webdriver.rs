//! A browser, driven over WebDriver, which is JSON over HTTP.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Client, PATIENCE, until};

/// One headless Chromium with a profile of its own. It ends when dropped.
pub(super) struct Browser {
    driver: Driver,
    /// The path of its session.
    session: String,
    _profile: tempfile::TempDir,
}

struct Driver {
    child: Child,
    address: String,
}

/// Without a window; without a sandbox, which root has none of; and without asking anybody but the site.
const ARGUMENTS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
];

/// How WebDriver names an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    /// With a window of this width and height, in CSS pixels, for somebody who likes pages `light` or `dark`.
    pub(super) fn start([width, height]: [u32; 2], scheme: &str) -> Self {
        let (driver, profile) = (Driver::start(), tempfile::tempdir().unwrap());
        let args = ARGUMENTS.iter().map(|argument| (*argument).to_owned());
        let options = json!({
            "args": args.chain([format!("--user-data-dir={}", profile.path().display())]).collect::<Vec<_>>(),
            // What is typed as a password would be asked about at a server of the browser's maker.
            "prefs": {"credentials_enable_service": false, "profile.password_manager_leak_detection": false},
            "mobileEmulation": {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 1, "touch": false}},
        });
        let capabilities = json!({
            "browserName": "chrome",
            "timeouts": {"script": PATIENCE.as_millis() as u64},
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let session = driver.call("POST", "/session", &json!({"capabilities": {"alwaysMatch": capabilities}}));
        let session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        let browser = Self { driver, session, _profile: profile };
        let preferred = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.command("Emulation.setEmulatedMedia", &preferred);
        browser
    }

    /// Pages have no scripts from now on; `run` still has its own.
    pub(super) fn forbid_scripts(&self) {
        self.command("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    }

    /// A command of the browser's own protocol.
    fn command(&self, name: &str, parameters: &Value) {
        self.post("/goog/cdp/execute", &json!({"cmd": name, "params": parameters}));
    }

    pub(super) fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// The path and the query of the page.
    pub(super) fn path(&self) -> String {
        let url = self.driver.call("GET", &format!("{}/url", self.session), &Value::Null);
        let (_, rest) = url.as_str().unwrap().split_once("://").unwrap();
        rest[rest.find('/').unwrap()..].to_owned()
    }

    /// What a visitor reads in the first element of this selector.
    pub(super) fn text(&self, selector: &str) -> String {
        let text = self.driver.call("GET", &format!("{}/text", self.element(selector)), &Value::Null);
        text.as_str().unwrap().to_owned()
    }

    /// Types into a field, in place of what it holds.
    pub(super) fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.driver.call("POST", &format!("{element}/clear"), &json!({}));
        self.driver.call("POST", &format!("{element}/value"), &json!({"text": text}));
    }

    /// Clicks, and waits until another page is there.
    pub(super) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.run("window.isLeft = true", &[]);
        self.driver.call("POST", &format!("{element}/click"), &json!({}));
        let script = json!({"script": "return !window.isLeft && document.readyState === 'complete'", "args": []});
        until(&format!("{selector} leads somewhere"), || {
            // Refused where a page is about to go.
            let is_there = self.driver.ask("POST", &format!("{}/execute/sync", self.session), &script).ok()?;
            (is_there == true).then_some(())
        });
    }

    /// Runs a script in the page; what it returns.
    pub(super) fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// Runs a script that calls its last argument with what it finds.
    pub(super) fn run_async(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// What the console has said since the last time, but for recommendations: errors of scripts, what the content security policy
    /// has stopped, files that are missing.
    pub(super) fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"}));
        let is_complaint = |entry: &&Value| !matches!(entry["level"].as_str(), Some("DEBUG" | "INFO"));
        let message = |entry: &Value| entry["message"].as_str().unwrap().to_owned();
        entries.as_array().unwrap().iter().filter(is_complaint).map(message).collect()
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        format!("{}/element/{}", self.session, found[ELEMENT].as_str().unwrap())
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.driver.call("POST", &format!("{}{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let mut client = Client::connect(&self.driver.address);
        if client.try_send(format!("DELETE {} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.session)) {
            drop(client.try_answer("DELETE")); // it ends the browser in any case
        }
    }
}

impl Driver {
    fn start() -> Self {
        let child = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("chromedriver: {error}; `tests/run` installs it"));
        let output = BufReader::new(child.stdout.take().unwrap());
        let port = output.lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        Self { child, address: format!("127.0.0.1:{}", port.expect("it says where it listens")) }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, path, body).unwrap_or_else(|refusal| panic!("{method} {path}: {refusal}"))
    }

    /// The value, or what is wrong.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = Client::connect(&self.address).request(method, path, "Content-Type: application/json\r\n", &body);
        let mut value: Value = serde_json::from_slice(&answer.body).unwrap();
        let value = value["value"].take();
        if answer.status == 200 { Ok(value) } else { Err(value) }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.kill()); // it may have ended
        drop(self.child.wait());
    }
}
