//! The settings of each part as the program sees them, and the types of their values. What they mean and what their
//! defaults are is in CONFIGURATION.md, which [`reference()`] writes.

pub use foobar_app::{AppSettings, CookieName, HeaderText, SessionSettings};
pub use foobar_core::config::{ConfigError, Hint, Key, Settings as SectionSettings};
pub use foobar_core::{List, Period, Secret, Size, TrustedProxy};
pub use foobar_db::DatabaseSettings;
pub use foobar_web::{
    AcmeSettings, Autoindex, Challenge, Coding, DnsSettings, Http2, Https, LogFormat as AccessLogFormat, NoErrorPage,
    RouteSettings, ServerName, SiteSettings, VerifyClient, WebSettings, Www,
};

pub use crate::reference::reference;
pub use crate::settings::{AdminSettings, ControlSettings, ServerSettings};
