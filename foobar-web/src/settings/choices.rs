use foobar_core::config::choice;
use serde::Deserialize;

choice! {
    /// How a line of the access log looks.
    pub enum LogFormat {
        /// nginx's `combined`.
        Combined = "combined",
        /// The same with the request id at its end.
        CombinedId = "combined_id",
        /// One JSON object a line.
        Json = "json",
    }
}

/// That a route has none of its site's error pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NoErrorPage;

impl TryFrom<String> for NoErrorPage {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "off" { Ok(Self) } else { Err("write \"off\"; pages are the site's, in its `error_page`") }
    }
}

choice! {
    /// How the content of a folder is listed.
    pub enum Autoindex {
        /// Not at all.
        Off = "off",
        /// As a page.
        Html = "html",
        /// As nginx's `autoindex_format json`.
        Json = "json",
        /// As a page, or as JSON where `Accept` prefers it.
        On = "on",
    }
}

choice! {
    /// Whether a site's clients show certificates.
    pub enum VerifyClient {
        /// They are not asked for any.
        Off = "off",
        /// One that is shown has to be good.
        Optional = "optional",
        /// Each has to show a good one.
        On = "on",
    }
}

choice! {
    /// What a site with a certificate does with requests over HTTP.
    pub enum Https {
        /// They are answered as over HTTPS.
        Keep = "keep",
        /// They are redirected to HTTPS.
        Redirect = "redirect",
    }
}

choice! {
    /// How it is proved to an authority that names are this server's (RFC 8555).
    pub enum Challenge {
        /// In the DNS where a program sets records or a name has a star, else over the network.
        Auto = "auto",
        /// By HTTP at port 80.
        Http01 = "http-01",
        /// In a TLS handshake at port 443 (RFC 8737).
        TlsAlpn01 = "tls-alpn-01",
        /// In the DNS.
        Dns01 = "dns-01",
    }
}

choice! {
    /// To whom HTTP/2 is spoken.
    pub enum Http2 {
        /// To nobody.
        Off = "false",
        /// To clients that ask for it in the TLS handshake.
        Tls = "true",
        /// To these, and to those that begin with it without TLS.
        Cleartext = "cleartext",
    }
}

choice! {
    /// What happens to the `www.` in front of a site's names.
    pub enum Www {
        /// Names are as they are.
        Keep = "keep",
        /// `foobar.com` is redirected to `www.foobar.com`.
        Add = "add",
        /// `www.foobar.com` is redirected to `foobar.com`.
        Remove = "remove",
    }
}
