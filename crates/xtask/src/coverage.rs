//! `cargo xtask coverage`: the tables of operations in the READMEs, from the built server.

use crate::{
    project::{Outcome, root},
    test::build_server,
};
use serde::Deserialize;
use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; fail if a table differs from what would be written.
    #[arg(long)]
    pub check: bool,
}

/// A service in `/_cloudlet/services`.
#[derive(Deserialize)]
struct Service {
    name: String,
    implemented: Vec<String>,
    not_implemented: Vec<String>,
}

const BEGIN: &str = "<!-- operations: written by `cargo xtask coverage` -->";
const END: &str = "<!-- end of operations -->";

pub fn run(arguments: &Arguments) -> Outcome {
    let root = root();
    let services = fetch(&build_server(&root)?)?;
    let mut differing = Vec::new();
    for (path, table) in tables(&root, &services) {
        let old = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let new = replaced(&old, &table).ok_or_else(|| format!("{}: there is no line `{BEGIN}` with a line `{END}` after it", path.display()))?;
        if new != old {
            differing.push(format!("\n  {}", path.display()));
            if !arguments.check {
                fs::write(&path, new).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
    }
    match (differing.is_empty(), arguments.check) {
        (true, _) => println!("the tables are up to date"),
        (false, false) => println!("written:{}", differing.concat()),
        (false, true) => return Err(format!("these tables are not as `cargo xtask coverage` writes them:{}", differing.concat())),
    }
    Ok(())
}

/// One table for all in the first README, and one for each engine in its own.
fn tables(root: &Path, services: &[Service]) -> Vec<(PathBuf, String)> {
    let mut tables = vec![(root.join("README.md"), summary(root, services))];
    for service in services {
        let readme = root.join("crates").join(&service.name).join("README.md");
        if readme.exists() {
            tables.push((readme, details(service)));
        }
    }
    tables
}

fn summary(root: &Path, services: &[Service]) -> String {
    let mut text = String::from("| Service | Operations |\n|---|---|\n");
    for service in services.iter().filter(|service| !service.implemented.is_empty()) {
        let Service { name, implemented, not_implemented } = service;
        let readme = format!("crates/{name}/README.md");
        let linked = if root.join(&readme).exists() { format!("[{name}]({readme})") } else { name.clone() };
        let _ = writeln!(text, "| {linked} | {} of {} |", implemented.len(), implemented.len() + not_implemented.len());
    }
    let known: Vec<&str> = services.iter().filter(|service| service.implemented.is_empty()).map(|service| service.name.as_str()).collect();
    if !known.is_empty() {
        let _ = writeln!(text, "\nKnown by name, every operation answered with 501: {}.", known.join(", "));
    }
    text
}

fn details(service: &Service) -> String {
    let mut text = format!("{} of {} operations.\n\n", service.implemented.len(), service.implemented.len() + service.not_implemented.len());
    let _ = writeln!(text, "Implemented: {}.", listed(&service.implemented));
    if !service.not_implemented.is_empty() {
        let _ = writeln!(text, "\nNot implemented, answered with 501: {}.", listed(&service.not_implemented));
    }
    text
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

/// Starts the server on a free port, fetches the list, and stops it.
fn fetch(server: &Path) -> Outcome<Vec<Service>> {
    let mut command = Command::new(server);
    command.args(["--port", "0", "--log-format", "human"]).env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running(command.spawn().map_err(|error| format!("{}: {error}", server.display()))?);
    let output = running.0.stdout.take().ok_or("the server has no output")?;
    // Held until the end: a server whose output is closed complains.
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let address = lines
        .find_map(|line| Some(line.split_once(" listens on ")?.1.split(' ').next()?.to_owned()))
        .ok_or("the server did not print its address")?;
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let mut stream = TcpStream::connect(&address).map_err(failed)?;
    let request = format!("GET /_cloudlet/services HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).map_err(|error| format!("/_cloudlet/services: {error}"))
}

/// A server that is stopped when it is no longer needed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replaced};

    #[test]
    fn only_the_table_is_replaced() {
        let old = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = replaced(&old, "| new |\n").expect("the markers");
        assert_eq!(new, format!("before\n{BEGIN}\n\n| new |\n\n{END}\nafter\n"));
        assert_eq!(replaced(&new, "| new |\n").as_deref(), Some(new.as_str()));
        assert_eq!(replaced("no markers", ""), None);
    }
}
