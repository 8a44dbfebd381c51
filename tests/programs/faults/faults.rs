//! Everything that is done to a program and its database.

use std::time::Duration;

use foobar::{BoxError, Engine};

use crate::load::Habit;
use crate::network::{Direction, Weather};
use crate::patience::STEP;
use crate::request::Kind::{Bulky, Contended, EndlessRead, EndlessWrite, Read, Static, Stepwise, Write};
use crate::scene::Scene;
use crate::site::Timeouts;

/// One fault: how it begins, goes on and ends, and what shows that it has been there.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) engines: &'static [Engine],
    pub(crate) begin: Act,
    /// Again and again while it lasts.
    pub(crate) go_on: Act,
    pub(crate) pace: Duration,
    pub(crate) end: Act,
    /// It lasts until this has been seen.
    pub(crate) sign: Sign,
    pub(crate) clients: &'static [Habit],
    pub(crate) timeouts: Timeouts,
    /// How many programs there are, all started at once.
    pub(crate) programs: usize,
    pub(crate) small_disk: bool,
}

type Act = fn(&mut Scene) -> Result<(), BoxError>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// None that is sure to come.
    None,
    /// `/readyz` says that the database is not ready, and why.
    NotReady,
    /// This many requests are refused.
    Refusals(usize),
    /// A write is acknowledged that was sent since it began.
    Acknowledgement,
    /// A query is tried again.
    Retry,
}

const MYSQL: &[Engine] = &[Engine::Mysql];
const SQLITE: &[Engine] = &[Engine::Sqlite];
const BOTH: &[Engine] = &[Engine::Mysql, Engine::Sqlite];

const EVERYDAY: &[Habit] = &[
    &[Write, Read, Stepwise, Contended],
    &[Stepwise, Read, Write, Write],
    &[Contended, Write, Read, Stepwise],
    &[Static],
];

/// All want the same two rows.
const CROWD: &[Habit] = &[&[Contended], &[Contended], &[Contended], &[Contended], &[Contended], &[Static]];

/// Short, so that a trial is too.
const SHORT: Timeouts = Timeouts {
    acquire: Duration::from_millis(500),
    query: Duration::from_secs(1),
    lock: Duration::from_secs(1),
    connect: Duration::from_millis(500),
};

/// Long enough for a network on which a round trip takes 600 ms; to connect, as long as by default.
const LONG: Timeouts = Timeouts {
    acquire: Duration::from_secs(5),
    query: Duration::from_secs(10),
    lock: Duration::from_secs(2),
    connect: Duration::from_secs(2),
};

/// Long enough that a program connects again and has done something.
const NOW_AND_THEN: Duration = Duration::from_millis(100);
/// How long a program runs until it is ended again.
const LIFE: Duration = Duration::from_millis(300);

/// Nothing happens.
const CALM: Fault = Fault {
    name: "calm",
    engines: BOTH,
    begin: |_| Ok(()),
    go_on: |_| Ok(()),
    pace: STEP,
    end: |_| Ok(()),
    sign: Sign::None,
    clients: EVERYDAY,
    timeouts: SHORT,
    programs: 1,
    small_disk: false,
};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "server-killed",
        engines: MYSQL,
        begin: |scene| scene.on_server().server.kill(),
        end: |scene| scene.on_server().server.restart(),
        sign: Sign::NotReady,
        ..CALM
    },
    Fault {
        name: "server-shut-down",
        engines: MYSQL,
        begin: |scene| scene.on_server().server.shut_down(),
        end: |scene| scene.on_server().server.restart(),
        sign: Sign::NotReady,
        ..CALM
    },
    Fault {
        name: "server-stopped",
        engines: MYSQL,
        begin: |scene| scene.on_server().server.pause(),
        end: |scene| scene.on_server().server.resume(),
        sign: Sign::NotReady,
        ..CALM
    },
    Fault { name: "black-hole", begin: |scene| weather(scene, Weather::BlackHole), sign: Sign::NotReady, ..NETWORK },
    Fault {
        name: "black-hole-to-server",
        begin: |scene| weather(scene, Weather::OneWay(Direction::ToServer)),
        sign: Sign::NotReady,
        ..NETWORK
    },
    Fault {
        name: "black-hole-to-program",
        begin: |scene| weather(scene, Weather::OneWay(Direction::ToClient)),
        sign: Sign::NotReady,
        ..NETWORK
    },
    Fault { name: "connections-reset", go_on: reset, pace: NOW_AND_THEN, sign: Sign::Retry, ..NETWORK },
    Fault { name: "connections-half-open", go_on: leave_half_open, pace: NOW_AND_THEN, sign: Sign::Retry, ..NETWORK },
    Fault { name: "connections-cut", go_on: cut, sign: Sign::Retry, ..NETWORK },
    Fault {
        name: "connections-killed",
        engines: MYSQL,
        go_on: |scene| {
            let database = scene.on_server();
            database.server.kill_sessions(&database.name)
        },
        pace: NOW_AND_THEN,
        sign: Sign::Retry,
        ..CALM
    },
    Fault {
        name: "slow-network",
        begin: |scene| {
            reset(scene)?; // it connects anew
            weather(scene, Weather::Slow(Duration::from_millis(300)))
        },
        sign: Sign::Acknowledgement,
        timeouts: LONG,
        ..NETWORK
    },
    Fault {
        name: "server-read-only",
        engines: MYSQL,
        begin: |scene| scene.on_server().server.execute("SET GLOBAL read_only = 1"),
        end: |scene| scene.on_server().server.execute("SET GLOBAL read_only = 0"),
        sign: Sign::Refusals(10),
        ..CALM
    },
    Fault {
        name: "server-full",
        engines: MYSQL,
        go_on: |scene| {
            let database = scene.on_server();
            database.server.fill(&database.name)
        },
        end: |scene| scene.on_server().server.empty(),
        sign: Sign::NotReady,
        ..CALM
    },
    Fault {
        name: "file-locked",
        engines: SQLITE,
        begin: |scene| scene.on_disk().lock(),
        end: |scene| {
            scene.on_disk().unlock();
            Ok(())
        },
        sign: Sign::Refusals(10),
        ..CALM
    },
    Fault {
        name: "file-moved-away",
        engines: SQLITE,
        begin: |scene| scene.on_disk().move_away(),
        end: |scene| scene.on_disk().move_back(),
        sign: Sign::NotReady,
        ..CALM
    },
    Fault {
        name: "disk-full",
        go_on: |scene| scene.disk().fill(),
        end: |scene| scene.disk().free(),
        sign: Sign::Refusals(10),
        clients: &[&[Bulky, Read], &[Write, Read], &[Stepwise, Read, Contended], &[Static]],
        small_disk: true,
        ..CALM
    },
    Fault {
        name: "deadlines",
        sign: Sign::Refusals(2),
        clients: &[&[EndlessWrite, EndlessRead], &[Write, Read], &[Stepwise, Contended], &[Static]],
        ..CALM
    },
    Fault { name: "deadlocks", engines: MYSQL, sign: Sign::Retry, clients: CROWD, ..CALM },
    Fault { name: "program-killed", go_on: |scene| scene.kill().and_then(|()| scene.start(1)), pace: LIFE, ..CALM },
    Fault { name: "program-stopped", go_on: |scene| scene.stop().and_then(|()| scene.start(1)), pace: LIFE, ..CALM },
    Fault { name: "two-starts", programs: 2, ..CALM },
];

/// A fault of the network, which ends in fair weather.
const NETWORK: Fault = Fault { engines: MYSQL, end: |scene| weather(scene, Weather::Fair), ..CALM };

fn weather(scene: &mut Scene, weather: Weather) -> Result<(), BoxError> {
    scene.on_server().network.set(weather);
    Ok(())
}

fn reset(scene: &mut Scene) -> Result<(), BoxError> {
    scene.on_server().network.reset();
    Ok(())
}

fn leave_half_open(scene: &mut Scene) -> Result<(), BoxError> {
    scene.on_server().network.leave_half_open();
    Ok(())
}

fn cut(scene: &mut Scene) -> Result<(), BoxError> {
    scene.on_server().cut();
    Ok(())
}
