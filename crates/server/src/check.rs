//! `cloudlet check --data-dir DIR`: verifies the data folder of a server that is not running.

use crate::{cloud, configuration::Configuration};
use cloudlet_engine::Ids;
use cloudlet_store::{BlobId, DataFolder, known_bodies};
use std::{io::Write, path::Path, process::ExitCode};

pub fn check(configuration: &Configuration) -> ExitCode {
    let Some(path) = &configuration.data_dir else { return ExitCode::FAILURE };
    let (text, code) = match report(configuration, path) {
        Ok((text, code)) => (text, code),
        Err(error) => (format!("{}: {error}\n", path.display()), ExitCode::FAILURE),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What was found, and whether it is well.
fn report(configuration: &Configuration, path: &Path) -> Result<(String, ExitCode), String> {
    if !path.join("state.redb").is_file() {
        return Err("there is no data folder".to_owned());
    }
    let folder = DataFolder::open(path, &configuration.data_options, || Ids::random().secret_bytes()).map_err(|error| error.to_string())?;
    let cloud = cloud::assemble(configuration, Some(&folder), std::sync::Arc::new(cloudlet_engine::NoWorkers))?.cloud;
    let known = cloud.recover(&folder).map_err(|error| error.to_string())?;
    let stores = cloud.stores();
    // The rows as they are in memory name the same bodies as those on disk.
    let (rows, named) = known_bodies(|| {
        let mut rows = 0;
        stores.iter().for_each(|store| store.snapshot(&mut |record| rows += record.rows.len()));
        rows
    });
    let bodies = folder.check(&known).map_err(|error| error.to_string())?;
    let mut text = format!("format: well\nrows: {rows}, all readable\nbodies: {}\n", known.len());
    let mut is_well = named == known;
    if !is_well {
        text.push_str("indexes: rows in memory name other bodies than those on disk\n");
    }
    for (what, ids) in [("missing", &bodies.missing), ("damaged", &bodies.damaged)] {
        if !ids.is_empty() {
            is_well = false;
            text.push_str(&format!("{what} bodies: {}\n", ids.iter().map(BlobId::to_string).collect::<Vec<_>>().join(", ")));
        }
    }
    if bodies.orphans > 0 {
        text.push_str(&format!("bodies that no row names: {} (the next start removes them)\n", bodies.orphans));
    }
    text.push_str(if is_well { "The folder is well.\n" } else { "The folder is damaged.\n" });
    Ok((text, if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
}
