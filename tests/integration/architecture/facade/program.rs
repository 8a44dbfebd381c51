//! A program that names each type of each public signature through the facade: it compiles.

#![expect(unused_imports, reason = "it does nothing but name them")]

use foobar::config::{
    AccessLogFormat, AcmeSettings, AdminSettings, AppSettings, Autoindex, Challenge, Coding, ConfigError,
    ControlSettings, CookieName, DatabaseSettings, DnsSettings, HeaderText, Hint, Http2, Https, Key, List, NoErrorPage,
    Period, RouteSettings, Secret, SectionSettings, ServerName, ServerSettings, SessionSettings, SiteSettings, Size,
    TrustedProxy, VerifyClient, WebSettings, Www, reference,
};
use foobar::files::{
    AssetError, Assets, Blocking, DirEntry, Embedded, FileContent, FileSource, FileSources, FileState, Folder, Links,
    Node, OpenedFile, Page, PublicFiles, SendFile, Version, rust_embed,
};
use foobar::query::{
    ExecuteOnMysql, ExecuteOnSqlite, IdColumn, Incoming, Locked, OnMysql, OnSqlite, Upsert, UpsertOn, UpsertSet,
};
use foobar::request::{
    ClientAbort, ClientCertificate, ConnectInfo, Deciding, EarlyHints, EarlyHintsError, HintsToSend, Io, OnClientAbort,
    RequestId, Scheme, Upgrade,
};
use foobar::sse::{Event, EventError, IntoEvent, LastEventId, Sse};
use foobar::test::{
    Client, Event as TestEvent, Message, Multipart, MysqlServer, ServerError, Site, TestClient, TestDb, TestHead,
    TestRequest, TestResponse, TestStream, TestWebSocket, Transport, client, client_on, site, site_on, totp_code,
};
use foobar::tiers::{
    Address, AppRoute, AppStartError, AppTier, Attempt, Body, BodyError, BoxFuture, CertificateCommand,
    CertificateOverview, Configured, ConnectError, Database, DatabaseInfo, DbHandle, DefaultFields, DnsAnswers,
    Drained, EndedPause, Ending, Gate, GateStatus, Handler, HandlerFn, Histogram, InProcess, LocalBoxFuture,
    LocalStream, MakeHandler, Metrics, Mysql, MysqlField, MysqlRow, Panic, PassedSocket, PauseStatus, PersistentStart,
    Presence, Present, Query, QueryKind, Readiness, Request, RequestBody, RequestInfo, Response, ResponseBody,
    Revocation, RouteOverview, RoutePattern, Runtime, SendStream, SessionChange, SessionKeyError, SessionRecord,
    SessionStore, SessionUpdate, SessionsError, SiteCertificate, SiteOverview, Sqlite, StartError as TierStartError,
    Supervisor, Tier, TowerApp, Turn, Warning, Web, WebBuilder, WebError, WebReload, WebTier, bytes, crypto_provider,
    handler_fn, http, http_body, rustls, tower_service,
};
use foobar::{
    AccountOptions, Accounts, ApiToken, ApiUser, App, BoxError, Chain, Conn, Context, CsrfToken, DateTime, Db, DbError,
    EmbeddedMigrations, Engine, EngineConnection, Error, FieldErrors, FileKind, FileMailer, Finding, Flash,
    FolderStorage, Form, FormFields, HoldError, Isolation, Json, LintRule, Mail, Mailer, MigrationLint,
    MigrationStatus, Migrations, MultiBackend, MysqlConnection, NoAccounts, Paused, Problem, QueryError, QueryResult,
    Refusal, Reloaded, Resumed, Routes, Running, Section, Server, Session, SessionError, Sessions, Settings,
    SourceFolder, StartError, Status, Stop, Stopping, Storage, TotpEnrolment, UndeclaredFolder, UndeclaredSettings,
    Upload, Uploads, User, Validated, actix_multipart, actix_web, asset, cancel_with_client, diesel, embed,
    embed_migrations, every, garde, incoming, insert_returning_id, local_path, locked, part_text, routes, run_to_end,
    send_file, settings, sse, tracing_subscriber, upsert, web,
};
