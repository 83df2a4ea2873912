//! `cargo xtask api`: the service models of AWS become the crates under `crates/api`.
//!
//! The sources are pinned and fetched when the command runs; what a person decides is in the files of `crates/xtask/api`.
//! The same sources give the same bytes, so that `--check` can prove the committed crates unchanged.

mod access;
mod emit;
mod faults;
mod model;
mod names;
mod operations;
mod settings;
mod shapes;
mod sources;

use crate::project::{Outcome, root};
use access::Actions;
use model::{Corrections, Model};
use settings::{Catalogue, SETTINGS, Service, settings_file, text_of};
use sources::Sources;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; fail if the committed crates differ from what would be written.
    #[arg(long)]
    check: bool,
    /// Only these services, by folder name.
    services: Vec<String>,
}

/// One generated file, by its path below the workspace.
type Files = BTreeMap<PathBuf, String>;

/// What `api --check` does.
pub fn check() -> Outcome {
    run(&Arguments { check: true, services: Vec::new() })
}

/// botocore's models of the pinned release: a folder per service.
pub fn models(root: &Path) -> Outcome<PathBuf> {
    Ok(Sources::obtain(root, &root.join(SETTINGS))?.models())
}

pub fn run(arguments: &Arguments) -> Outcome {
    let root = root();
    let settings = root.join(SETTINGS);
    let catalogue: Catalogue = settings_file(&settings.join("services.toml"))?;
    let mut corrections: BTreeMap<String, Corrections> = settings_file(&settings.join("corrections.toml"))?;
    let mut actions: BTreeMap<String, Actions> = settings_file(&settings.join("actions.toml"))?;
    let sources = Sources::obtain(&root, &settings)?;
    let mut files = Files::new();
    for service in &catalogue.service {
        let corrections = corrections.remove(&service.name).unwrap_or_default();
        let actions = actions.remove(&service.name).unwrap_or_default();
        if arguments.services.is_empty() || arguments.services.contains(&service.name) {
            let made = generate(service, &settings, &sources, corrections, &actions).map_err(|reason| format!("{}: {reason}", service.name))?;
            files.extend(made);
        }
    }
    if let Some(stray) = corrections.keys().chain(actions.keys()).next() {
        return Err(format!("corrections or actions for {stray}, which is no service of services.toml"));
    }
    if arguments.check { compare(&root, &files) } else { write(&root, &files) }
}

fn generate(service: &Service, settings: &Path, sources: &Sources, corrections: Corrections, actions: &Actions) -> Outcome<Files> {
    let mut model = Model::read(sources, service)?;
    if let Some(list) = &service.operations {
        let text = text_of(&settings.join(list))?;
        model.keep(text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')))?;
    }
    model.correct(corrections)?;
    let access = access::Table::read(sources, service, actions)?;
    let folder = Path::new("crates/api").join(&service.name);
    let mut files = Files::new();
    files.insert(folder.join("Cargo.toml"), emit::manifest(service));
    let sources = folder.join("src");
    let shapes = shapes::emit(&model)?;
    files.insert(sources.join("lib.rs"), emit::library(service, &model, shapes.targets.is_some()));
    files.insert(sources.join("service.rs"), emit::service(service, &model)?);
    files.insert(sources.join("shapes.rs"), shapes.structures);
    if let Some(targets) = shapes.targets {
        files.insert(sources.join("targets.rs"), targets);
    }
    files.insert(sources.join("faults.rs"), faults::emit(&model)?);
    let used = access.of_all(&model)?;
    files.insert(sources.join("access.rs"), access.emit(&used)?);
    files.insert(sources.join("operations.rs"), operations::emit(&model, &used)?);
    Ok(files)
}

/// Writes what differs, and removes a generated file that is no longer made.
fn write(root: &Path, files: &Files) -> Outcome {
    let mut changed = 0;
    for (path, text) in files {
        let full = root.join(path);
        if fs::read_to_string(&full).is_ok_and(|old| old == *text) {
            continue;
        }
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::write(&full, text).map_err(|error| format!("{}: {error}", full.display()))?;
        changed += 1;
    }
    for path in strays(root, files)? {
        fs::remove_file(root.join(&path)).map_err(|error| format!("{}: {error}", path.display()))?;
        changed += 1;
    }
    println!("{} files, {changed} changed", files.len());
    Ok(())
}

fn compare(root: &Path, files: &Files) -> Outcome {
    let mut differing = strays(root, files)?;
    differing.extend(
        files.iter().filter(|(path, text)| !fs::read_to_string(root.join(path)).is_ok_and(|old| old == **text)).map(|(path, _)| path.clone()),
    );
    if differing.is_empty() {
        println!("{} files, as generated", files.len());
        return Ok(());
    }
    let list: Vec<String> = differing.iter().map(|path| format!("\n  {}", path.display())).collect();
    Err(format!("these files differ from what `cargo xtask api` writes:{}", list.concat()))
}

/// Files in the generated folders that generation does not make.
fn strays(root: &Path, files: &Files) -> Outcome<Vec<PathBuf>> {
    let mut folders: Vec<&Path> = files.keys().filter_map(|path| path.parent()).filter(|folder| folder.ends_with("src")).collect();
    folders.dedup();
    let mut strays = Vec::new();
    for folder in folders {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            let entry = entry.map_err(|error| error.to_string())?;
            let path = folder.join(entry.file_name());
            if !files.contains_key(&path) {
                strays.push(path);
            }
        }
    }
    strays.sort();
    Ok(strays)
}
