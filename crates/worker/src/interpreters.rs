//! The interpreters of this machine.

use cloudlet_engine::{Interpreter, Language, WorkerFile};
use std::{
    cmp::Reverse,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// An interpreter, and its version in numbers.
pub type Found = (Interpreter, (u32, u32));

/// All that are found in these folders, without shell scripts that stand for others.
pub fn find(folders: &[PathBuf]) -> Vec<(Language, Found)> {
    let mut found: Vec<(Language, Found)> = Vec::new();
    for folder in folders {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let one = if let Some(version) = name.strip_prefix("python3.").and_then(|minor| minor.parse().ok()) {
                program(&entry.path()).map(|program| (Language::Python, program, (3, version)))
            } else if name == "node" {
                program(&entry.path()).and_then(|program| version_of(&program, "--version").map(|version| (Language::Node, program, version)))
            } else if name == "ruby" {
                program(&entry.path()).and_then(|program| version_of(&program, "--version").map(|version| (Language::Ruby, program, version)))
            } else if name == "java" {
                program(&entry.path()).and_then(|program| java(&program).map(|version| (Language::Java, program, version)))
            } else {
                None
            };
            let Some((language, program, numbers)) = one else { continue };
            let version =
                if matches!(language, Language::Python | Language::Ruby) { format!("{}.{}", numbers.0, numbers.1) } else { numbers.0.to_string() };
            let is_known = found.iter().any(|(other, (_, known))| *other == language && *known == numbers);
            if !is_known {
                found.push((language, (Interpreter { program, version }, numbers)));
            }
        }
    }
    found
}

/// A program that is no script, under its real path.
fn program(path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let mut magic = [0; 4];
    fs::File::open(&path).ok()?.read_exact(&mut magic).ok()?;
    (magic == *b"\x7fELF").then(|| path.to_str().map(str::to_owned)).flatten()
}

/// The first number with a point that a program says of itself: `v20.1.0`, `ruby 3.1.2p20`.
fn version_of(program: &str, flag: &str) -> Option<(u32, u32)> {
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).env_clear().output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let word =
        text.split_whitespace().find(|word| word.contains('.') && word.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit()))?;
    let mut numbers = word.trim_start_matches('v').split('.').map(|number| number.parse().unwrap_or(0));
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

/// The compiler beside a Java.
fn compiler(program: &str) -> Option<PathBuf> {
    Some(Path::new(program).parent()?.join("javac")).filter(|compiler| compiler.exists())
}

/// Compiles sources in a folder of their own, whose name begins like this.
pub fn compile(java: &str, folder: &Path, sources: &[WorkerFile]) -> Result<Vec<WorkerFile>, String> {
    let folder = folder.with_extension(format!("{:p}", sources.as_ptr()));
    let _ = fs::remove_dir_all(&folder);
    let outcome = compile_in(java, &folder, sources);
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn compile_in(java: &str, folder: &Path, sources: &[WorkerFile]) -> Result<Vec<WorkerFile>, String> {
    let told = |error: std::io::Error| format!("Java's compiler cannot be used: {error}");
    let compiler = compiler(java).ok_or("there is no compiler for Java")?;
    let classes = folder.join("classes");
    fs::create_dir_all(&classes).map_err(told)?;
    for source in sources {
        fs::write(folder.join(&source.path), &source.content).map_err(told)?;
    }
    let paths = sources.iter().map(|source| folder.join(&source.path));
    let mut command = Command::new(compiler);
    let output = command.args(["-nowarn", "-encoding", "UTF-8", "-d"]).arg(&classes).args(paths).stdin(Stdio::null()).env_clear().output();
    let output = output.map_err(told)?;
    if !output.status.success() {
        return Err(format!("Java's compiler failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(&classes).map_err(told)?.flatten() {
        let content = fs::read(entry.path()).map_err(told)?.into();
        files.push(WorkerFile { path: entry.file_name().to_string_lossy().into_owned(), content, executable: false });
    }
    Ok(files)
}

/// A Java that can compile: its bootstrap comes as sources.
fn java(program: &str) -> Option<(u32, u32)> {
    let (first, second) = version_of(program, "--version").filter(|_| compiler(program).is_some())?;
    // `1.8` is 8.
    Some(if first == 1 { (second, 0) } else { (first, second) })
}

/// The folder in which an interpreter of Python has AWS's SDK. Of several interpreters of one version, each is asked.
pub fn sdk(folders: &[PathBuf]) -> Option<String> {
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let pythons = entries.filter_map(|entry| {
        let version = entry.file_name().to_str()?.strip_prefix("python3.")?.parse::<u32>().ok()?;
        Some((program(&entry.path())?, version))
    });
    let places = pythons.flat_map(|(program, version)| {
        let prefix = prefix(&program).unwrap_or_else(|| "/usr".to_owned());
        let below = ["site-packages", "dist-packages"].map(|folder| format!("{prefix}/lib/python3.{version}/{folder}"));
        below.into_iter().chain(["/usr/lib/python3/dist-packages".to_owned(), format!("/usr/local/lib/python3.{version}/dist-packages")])
    });
    let mut with = places.filter(|folder| Path::new(folder).join("boto3").is_dir() && Path::new(folder).join("botocore").is_dir());
    with.next()
}

/// The one of this version, or else the nearest, a later one rather than an earlier.
pub fn nearest(found: &[(Language, Found)], language: Language, version: &str) -> Option<Interpreter> {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let distance = |(of_major, of_minor): (u32, u32)| match language {
        Language::Python => (of_major.abs_diff(major), of_minor.abs_diff(minor), Reverse(of_minor)),
        Language::Ruby => (of_major.abs_diff(major), of_minor.abs_diff(minor), Reverse(of_minor)),
        Language::Node | Language::Java => (0, of_major.abs_diff(major), Reverse(of_major)),
    };
    let candidates = found.iter().filter(|(other, _)| *other == language).map(|(_, found)| found);
    candidates.min_by_key(|(_, numbers)| distance(*numbers)).map(|(interpreter, _)| interpreter.clone())
}

/// The folder with all that belongs to an interpreter: above its `bin`.
pub fn prefix(program: &str) -> Option<String> {
    let folder = Path::new(program).parent()?;
    let above = if folder.ends_with("bin") { folder.parent()? } else { folder };
    above.to_str().filter(|above| above.len() > 1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_version_is_taken() {
        let one = |language, version: &str, numbers| (language, (Interpreter { program: version.into(), version: version.into() }, numbers));
        let found = [
            one(Language::Python, "3.8", (3, 8)),
            one(Language::Python, "3.11", (3, 11)),
            one(Language::Python, "3.13", (3, 13)),
            one(Language::Node, "20", (20, 1)),
        ];
        let version = |language, wanted| nearest(&found, language, wanted).map(|interpreter| interpreter.version);
        assert_eq!(version(Language::Python, "3.11").as_deref(), Some("3.11"));
        assert_eq!(version(Language::Python, "3.12").as_deref(), Some("3.13"));
        assert_eq!(version(Language::Python, "3.9").as_deref(), Some("3.8"));
        assert_eq!(version(Language::Node, "22").as_deref(), Some("20"));
        assert_eq!(nearest(&found[..3], Language::Node, "22"), None);
    }

    #[test]
    fn what_belongs_to_an_interpreter_is_above_its_folder() {
        assert_eq!(prefix("/home/a/.pyenv/versions/3.12.1/bin/python3.12").as_deref(), Some("/home/a/.pyenv/versions/3.12.1"));
        assert_eq!(prefix("/usr/bin/python3.11").as_deref(), Some("/usr"));
        assert_eq!(prefix("/bin/node"), None);
    }
}
