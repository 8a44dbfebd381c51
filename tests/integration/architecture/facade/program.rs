//! A program that names each type of each public signature through the facade: it compiles.

#![expect(unused_imports, reason = "it does nothing but name them")]

use foobar::config::{
    AccessLogFormat, AdminSettings, AppSettings, Autoindex, Coding, ConfigError, DatabaseSettings, HeaderText, Hint,
    Http2, Https, Key, List, NoErrorPage, Period, RouteSettings, Secret, ServerName, ServerSettings, SiteSettings,
    Size, TrustedProxy, VerifyClient, WebSettings, Www, reference,
};
use foobar::files::{
    Blocking, DirEntry, Embedded, FileContent, FileSource, FileSources, FileState, Folder, Links, Node, OpenedFile,
    Page, Version, rust_embed,
};
use foobar::request::{
    ClientCertificate, ConnectInfo, EarlyHints, EarlyHintsError, HintsToSend, Io, RequestId, Scheme, Upgrade,
};
use foobar::test::{Client, MysqlServer, ServerError, TestDb, TestRequest, TestResponse, client, client_on};
use foobar::tiers::{
    Address, AppRoute, AppStartError, AppTier, Attempt, Body, BodyError, BoxFuture, ConnectError, Database, DbHandle,
    DefaultFields, Ending, Handler, HandlerFn, Histogram, InProcess, LocalBoxFuture, LocalStream, MakeHandler, Metrics,
    Mysql, MysqlField, MysqlRow, Panic, PersistentStart, Presence, Present, Query, QueryKind, Readiness, Request,
    RequestBody, Response, ResponseBody, RouteOverview, RoutePattern, Runtime, SendStream, SiteOverview, Sqlite,
    StartError as TierStartError, Supervisor, Tier, TowerApp, Warning, Web, WebError, WebTier, bytes, handler_fn, http,
    http_body, tower_service,
};
use foobar::{
    App, BoxError, Chain, Conn, Context, Db, DbError, EmbeddedMigrations, Engine, EngineConnection, Error,
    MigrationStatus, Migrations, MultiBackend, MysqlConnection, Problem, QueryError, QueryResult, Routes, Running,
    Section, Server, Settings, SourceFolder, StartError, Stop, UndeclaredSettings, actix_web, diesel, embed_migrations,
    every, routes, web,
};
