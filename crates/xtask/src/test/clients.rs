//! The clients that the black-box tests drive: made below `target`, from lists with exact versions.

use crate::{project::Outcome, steps};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A virtual environment with boto3, aws-cli v1 and pytest. Gives the folder of its programs.
pub fn python(root: &Path) -> Outcome<PathBuf> {
    let requirements = root.join("tests/requirements.txt");
    let folder = root.join("target/clients/python");
    let programs = folder.join("bin");
    if is_made(&folder, &requirements) {
        session_clients(root, &programs)?;
        return Ok(programs);
    }
    steps::run("make a Python environment", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = Command::new(programs.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    steps::run("install boto3 and aws-cli v1", &mut pip)?;
    made(&folder, &requirements)?;
    session_clients(root, &programs)?;
    Ok(programs)
}

/// Other people's clients of sessions.
fn session_clients(root: &Path, programs: &Path) -> Outcome {
    let list = root.join("tests/session-clients.txt");
    if is_made(programs, &list) {
        return Ok(());
    }
    let mut pip = Command::new(programs.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--ignore-requires-python", "--requirement"]).arg(&list);
    steps::run("install clients of sessions", &mut pip)?;
    made(programs, &list)
}

/// The folder of the JavaScript tests, with their packages installed.
pub fn javascript(root: &Path) -> Outcome<PathBuf> {
    let folder = root.join("tests/javascript");
    let (list, modules) = (folder.join("package-lock.json"), folder.join("node_modules"));
    if is_made(&modules, &list) {
        return Ok(folder);
    }
    steps::run("install the JavaScript SDK", Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    made(&modules, &list)?;
    Ok(folder)
}

/// aws-cli v2, which only distributions package: Debian's is installed if this is Debian and nobody needs to be asked.
pub fn aws_cli_2() -> Outcome<PathBuf> {
    if let Some(found) = installed_aws_cli_2() {
        return Ok(found);
    }
    if !may_install() {
        return Err(
            "aws-cli v2 is missing: install it (Debian: the package awscli), so that `aws` on the PATH or in /usr/bin is version 2".to_owned()
        );
    }
    install(&["awscli"])?;
    installed_aws_cli_2().ok_or_else(|| "the package awscli is not aws-cli v2".to_owned())
}

/// Programs that distributions package, each with Debian's name of its package.
const TOOLS: [(&str, &str); 8] = [
    ("curl", "curl"),
    ("rclone", "rclone"),
    ("s3cmd", "s3cmd"),
    ("chromium", "chromium"),
    ("swaks", "swaks"),
    ("msmtp", "msmtp"),
    ("s3fs", "s3fs"),
    ("ruby", "ruby"),
];

/// Other people's tools: installed as aws-cli v2 is. Tests of one that cannot be installed are skipped.
pub fn tools() -> Outcome {
    let missing: Vec<&str> = TOOLS.iter().filter(|(program, _)| !steps::answers(program, &["--version"])).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !may_install() {
        eprintln!("not installed, and their tests are skipped: {}", missing.join(", "));
        return Ok(());
    }
    install(&missing)
}

/// Whether this is Debian and nobody needs to be asked.
fn may_install() -> bool {
    let root = steps::read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    root && steps::answers("apt-get", &["--version"])
}

fn install(packages: &[&str]) -> Outcome {
    steps::run("update the list of packages", Command::new("apt-get").args(["update", "--quiet=2"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--quiet=2", "--no-install-recommends"]).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    steps::run(&format!("install {}", packages.join(", ")), &mut install)
}

/// `aws` may be v1, from pip, and shadow v2: every folder is looked into.
fn installed_aws_cli_2() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/local/bin".into(), "/usr/bin".into()]);
    folders.map(|folder| folder.join("aws")).filter(|program| program.exists()).find(|program| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|version| version.stdout.starts_with(b"aws-cli/2"))
    })
}

/// Whether a folder was made from this very list, and has not been moved since.
fn is_made(folder: &Path, list: &Path) -> bool {
    fs::read_to_string(folder.join(".made-from")).is_ok_and(|stamp| stamp == made_from(folder, list))
}

fn made(folder: &Path, list: &Path) -> Outcome {
    fs::write(folder.join(".made-from"), made_from(folder, list)).map_err(|error| format!("{}: {error}", folder.display()))
}

fn made_from(folder: &Path, list: &Path) -> String {
    format!("{}\n{}", folder.display(), fs::read_to_string(list).unwrap_or_default())
}
