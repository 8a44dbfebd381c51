use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use foobar_core::config::Config;
use foobar_core::{BoxError, Chain};
use foobar_db::{Engine, Finding, MigrationLint, MigrationStatus};

use super::output::{Exit, complain, out};
use super::runtime::block_on;
use crate::composition::{self, Composition, Parts};
use crate::settings::AllSettings;

/// Prints what of the pending migrations the program that runs meanwhile may not bear, and changes nothing.
pub(super) fn of_pending(composition: &Composition, engine: Option<Engine>) -> Exit {
    tell(pending(composition, engine))
}

/// The same of files; nothing that would be served has to be there.
pub(super) fn of_files(config: &Config, parts: &Parts, files: &[PathBuf], engine: Option<Engine>) -> Exit {
    tell(engine.map_or_else(|| engine_of(config, parts), Ok).and_then(|engine| given(files, engine)))
}

fn tell(findings: Result<Found, BoxError>) -> Exit {
    match findings {
        Err(error) => complain(Chain(&*error)),
        Ok((read, findings)) => {
            findings.iter().for_each(|finding| _ = out(finding));
            match findings.len() {
                0 => out(format_args!("nothing found in {read}")),
                found => complain(format_args!("{found} found in {read}")),
            }
        }
    }
}

pub(super) const NO_DATABASE: &str =
    "there is no database: the application has no migrations and database.url is not set";

type Found = (String, Vec<Finding>);

fn pending(composition: &Composition, engine: Option<Engine>) -> Result<Found, BoxError> {
    let database = composition.database.as_ref().ok_or(NO_DATABASE)?;
    let migrations = &composition.migrations;
    let (_, all) = block_on(async { Ok(database.check_migrations(migrations).await?) })?;
    let is_to_run = |status: &MigrationStatus| {
        matches!(status, MigrationStatus::Pending | MigrationStatus::Begun { .. } | MigrationStatus::Failed { .. })
    };
    let names: Vec<_> = all.into_iter().filter(|(_, status)| is_to_run(status)).map(|(name, _)| name).collect();
    let findings = migrations.lint(engine.unwrap_or(database.engine()), &names)?;
    Ok((format!("pending migrations: {}", names.len()), findings))
}

/// That of the database which the program or its settings have.
fn engine_of(config: &Config, parts: &Parts) -> Result<Engine, BoxError> {
    const WHICH: &str =
        "there is no database, whose engine would say how to read them: add `--engine sqlite` or `--engine mysql`";
    if let Some(database) = &parts.database {
        return Ok(database.engine());
    }
    let settings = AllSettings::parse(config)?;
    match settings.database.url {
        Some(_) => Ok(composition::open(config, &settings)?.engine()),
        None => Err(WHICH.into()),
    }
}

fn given(files: &[PathBuf], engine: Engine) -> Result<Found, BoxError> {
    let (mut findings, mut read) = (Vec::new(), 0);
    for path in files {
        let at = |error: io::Error| format!("{}: {error}", path.display());
        let all = sql_files(path).map_err(at)?;
        if all.is_empty() {
            return Err(format!("{}: there is no up.sql in it, nor in a folder of it", path.display()).into());
        }
        for file in all {
            let sql = fs::read_to_string(&file).map_err(at)?;
            // Each by itself: the program that runs may know the tables of those before.
            findings.extend(MigrationLint::new(engine).check(&file.display().to_string(), &sql));
            read += 1;
        }
    }
    Ok((format!("files: {read}"), findings))
}

/// The file itself; or that of a migration, or of the migrations in a folder, in their order.
fn sql_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    if path.join("up.sql").is_file() {
        return Ok(vec![path.join("up.sql")]);
    }
    let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<_> =
        entries.iter().map(|entry| entry.path().join("up.sql")).filter(|file| file.is_file()).collect();
    files.sort();
    Ok(files)
}
