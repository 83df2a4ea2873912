//! No import cycle between the files of a crate.
//!
//! A file depends on another when it names, in code that is not a test, an item which that other file defines. A path is followed through
//! re-exports to the file with the definition, so `pub use child::Item` does not make a parent depend on its child, unless the parent names
//! the item elsewhere as well. Methods, which are called without a path, are not seen.

use super::{
    findings::outcome,
    source::{self, Source},
    tokens::{self, Token},
};
use crate::project::Outcome;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

pub fn check(root: &Path) -> Outcome {
    let sources = source::all(root)?;
    let mut crates: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        if let Some((name, _)) = source.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/")) {
            crates.entry(name).or_default().push(source);
        }
    }
    let mut found = Vec::new();
    for (name, sources) in crates {
        found.extend(Crate::read(&sources).cycles().into_iter().map(|cycle| format!("{name}: {cycle}")));
    }
    outcome(&found, "these files import each other (crates/xtask/src/check/cycles.rs):")
}

/// A module path below the crate: `[]` is the root, `["queues", "limits"]` is `crate::queues::limits`.
type Module = Vec<String>;

/// The modules of a crate that are files.
struct Crate<'a> {
    files: BTreeMap<Module, File<'a>>,
}

struct File<'a> {
    path: &'a str,
    defined: BTreeSet<&'a str>,
    /// Names that `use` brings in, each with its path as written.
    imported: BTreeMap<&'a str, Vec<&'a str>>,
    /// Paths of modules of which `use` brings in everything.
    globs: Vec<Vec<&'a str>>,
    /// Every path in the file but those of re-exports, with its line.
    named: Vec<(Vec<&'a str>, usize)>,
}

/// Where a path leads.
enum Target {
    /// To an item in the file of this module.
    Item(Module),
    Module(Module),
    /// Out of the crate.
    Elsewhere,
}

impl<'a> Crate<'a> {
    fn read(sources: &[&'a Source]) -> Crate<'a> {
        Crate { files: sources.iter().filter_map(|source| Some((module_of(&source.path)?, File::read(source)))).collect() }
    }

    /// Each group of files that reach each other, as the dependencies within it.
    fn cycles(&self) -> Vec<String> {
        let edges = self.edges();
        let reach: BTreeMap<&Module, BTreeSet<&Module>> = self.files.keys().map(|from| (from, reachable(from, &edges))).collect();
        let mutual = |one, other| reach.get(one).is_some_and(|all| all.contains(other)) && reach.get(other).is_some_and(|all| all.contains(one));
        let mut groups: BTreeMap<Vec<&Module>, Vec<String>> = BTreeMap::new();
        for ((from, to), (line, name)) in &edges {
            if mutual(from, to) {
                let group = self.files.keys().filter(|other| mutual(from, other)).collect();
                let path = |module| self.files.get(module).map_or("", |file| file.path.split_once("/src/").map_or("", |(_, path)| path));
                groups.entry(group).or_default().push(format!("\n    {}:{line} uses {name} of {}", path(from), path(to)));
            }
        }
        groups.into_iter().map(|(group, edges)| format!("{} files{}", group.len(), edges.concat())).collect()
    }

    /// From a file to another, with the line and the name of one use.
    fn edges(&self) -> BTreeMap<(Module, Module), (usize, String)> {
        let mut edges = BTreeMap::new();
        for (from, file) in &self.files {
            for (path, line) in &file.named {
                if let Some(Target::Item(to)) = self.find(from, path, 0)
                    && to != *from
                {
                    edges.entry((from.clone(), to)).or_insert((*line, path.join("::")));
                }
            }
        }
        edges
    }

    /// Follows a path as written in a module's file. `None`: it leads nowhere.
    fn find(&self, from: &Module, path: &[&str], depth: usize) -> Option<Target> {
        // Imports that lead in a circle.
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let start = match *first {
            "crate" => Target::Module(Module::new()),
            "self" => Target::Module(from.clone()),
            "super" => Target::Module(from.split_last()?.1.to_vec()),
            name => self.named(from, name, depth).unwrap_or(Target::Elsewhere),
        };
        self.follow(start, rest, depth)
    }

    fn follow(&self, start: Target, rest: &[&str], depth: usize) -> Option<Target> {
        let Target::Module(module) = start else { return Some(start) };
        match rest.split_first() {
            None => Some(Target::Module(module)),
            Some((&"super", rest)) => self.follow(Target::Module(module.split_last()?.1.to_vec()), rest, depth),
            Some((&"self", rest)) => self.follow(Target::Module(module), rest, depth),
            Some((name, rest)) => match self.named(&module, name, depth) {
                Some(target) => self.follow(target, rest, depth),
                // What no line defines: a macro does.
                None => Some(Target::Item(module)),
            },
        }
    }

    /// What a name means within a module.
    fn named(&self, module: &Module, name: &str, depth: usize) -> Option<Target> {
        let child: Module = module.iter().cloned().chain([name.to_owned()]).collect();
        if self.files.contains_key(&child) {
            return Some(Target::Module(child));
        }
        let file = self.files.get(module)?;
        if file.defined.contains(name) {
            return Some(Target::Item(module.clone()));
        }
        if let Some(path) = file.imported.get(name) {
            return if path.as_slice() == [name] { Some(Target::Elsewhere) } else { self.find(module, path, depth + 1) };
        }
        file.globs.iter().find_map(|glob| match self.find(module, glob, depth + 1)? {
            Target::Module(other) if other != *module => self.named(&other, name, depth + 1),
            _ => None,
        })
    }
}

fn reachable<'a>(from: &Module, edges: &'a BTreeMap<(Module, Module), (usize, String)>) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        open.extend(edges.keys().filter(|(start, to)| start == module && reached.insert(to)).map(|(_, to)| to));
    }
    reached
}

/// `crates/sqs/src/queues/limits.rs` is `queues::limits`; the files of further binaries are no modules.
fn module_of(path: &str) -> Option<Module> {
    let (_, path) = path.split_once("/src/")?;
    let mut module: Module = path.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    match module.last().map(String::as_str) {
        Some("lib" | "main") if module.len() == 1 => module.clear(),
        Some("mod") => drop(module.pop()),
        _ if module.first().is_some_and(|first| first == "bin") => return None,
        _ => {}
    }
    Some(module)
}

impl<'a> File<'a> {
    fn read(source: &'a Source) -> File<'a> {
        let end = source.code_end();
        let tokens: Vec<Token<'a>> = tokens::of(&source.text).into_iter().take_while(|token| token.line <= end).collect();
        let mut file = File { path: &source.path, defined: BTreeSet::new(), imported: BTreeMap::new(), globs: Vec::new(), named: Vec::new() };
        let mut reexported = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let next = |offset: usize| tokens.get(at + offset).map_or("", |token| token.text);
            match token.text {
                // `impl Trait + use<'a>` imports nothing.
                "use" if next(1) != "<" => {
                    let public = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| matches!(before.text, "pub" | ")"));
                    let mut found = Vec::new();
                    at = tree(&tokens, at + 1, &[], &mut found);
                    for (path, name) in found {
                        match name {
                            "*" => file.globs.push(path),
                            "_" => file.named.push((path, token.line)),
                            name => {
                                if public {
                                    reexported.push(name);
                                } else {
                                    file.named.push((path.clone(), token.line));
                                }
                                file.imported.insert(name, path);
                            }
                        }
                    }
                }
                "struct" | "enum" | "trait" | "type" | "union" | "fn" | "const" | "static" => {
                    let name = if next(1) == "mut" || next(1) == "fn" { next(2) } else { next(1) };
                    file.defined.insert(name);
                    at += 1;
                }
                "mod" => {
                    if next(2) == "{" {
                        file.defined.insert(next(1));
                    }
                    at += 2;
                }
                "macro_rules" => {
                    file.defined.insert(next(2));
                    at += 3;
                }
                text if text.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                    let mut path = vec![text];
                    at += 1;
                    while tokens.get(at).is_some_and(|one| one.text == ":") && tokens.get(at + 1).is_some_and(|one| one.text == ":") {
                        match tokens.get(at + 2) {
                            Some(part) if part.text.starts_with(|c: char| c.is_alphabetic() || c == '_') => path.push(part.text),
                            _ => break,
                        }
                        at += 3;
                    }
                    // A name alone matters if it is one that is re-exported too.
                    file.named.push((path, token.line));
                }
                // A method or a field: not a path.
                "." => at += if next(1).starts_with(char::is_alphabetic) { 2 } else { 1 },
                _ => at += 1,
            }
        }
        file.named.retain(|(path, _)| path.len() > 1 || path.first().is_some_and(|name| reexported.contains(name)));
        file
    }
}

/// Reads a tree of `use` from a token on: each path with the name that it brings in. Gives where it ends.
fn tree<'a>(tokens: &[Token<'a>], mut at: usize, start: &[&'a str], found: &mut Vec<(Vec<&'a str>, &'a str)>) -> usize {
    let mut path = start.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.text {
            ":" | "$" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}" && token.text != ";") {
                    at = tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|token| token.text == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "*" => {
                found.push((path, "*"));
                return at + 1;
            }
            "as" => {
                let name = tokens.get(at + 1).map_or("", |token| token.text);
                found.push((path, name));
                return at + 2;
            }
            "," | "}" | ";" => break,
            "self" if !path.is_empty() => at += 1,
            part => {
                path.push(part);
                at += 1;
            }
        }
    }
    if let Some(name) = path.last().copied() {
        found.push((path, name));
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{Crate, Source};

    fn cycles(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source { path: format!("crates/x/src/{path}"), text: (*text).to_owned() }).collect();
        Crate::read(&sources.iter().collect::<Vec<_>>()).cycles()
    }

    #[test]
    fn two_files_that_use_each_other_are_a_cycle() {
        let found = cycles(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::{self, Other};\npub struct One(Other);"),
            ("b.rs", "pub struct Other;\nfn f() -> crate::a::One { todo() }"),
        ]);
        assert_eq!(found, ["2 files\n    a.rs:1 uses crate::b::Other of b.rs\n    b.rs:2 uses crate::a::One of a.rs"]);
    }

    #[test]
    fn a_longer_way_round_is_one_too() {
        let found =
            cycles(&[("a.rs", "use super::b::B; struct A;"), ("b.rs", "use super::c; type B = c::C;"), ("c.rs", "use crate::a::A; struct C;")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("3 files"), "{found:?}");
    }

    #[test]
    fn a_parent_may_re_export_its_children() {
        let child = ("a/child.rs", "use super::Base; pub struct Item(Base);");
        assert!(cycles(&[("a.rs", "mod child; pub use child::Item; pub struct Base;"), child]).is_empty());
        assert_eq!(cycles(&[("a.rs", "mod child; pub use child::Item; pub struct Base; fn f() -> Item {}"), child]).len(), 1);
        assert_eq!(cycles(&[("a.rs", "mod child; use child::Item; pub struct Base;"), child]).len(), 1);
        assert_eq!(cycles(&[("a.rs", "mod child; pub struct Base; fn f() { child::f() }"), child]).len(), 1);
    }

    #[test]
    fn a_path_through_a_re_export_leads_to_the_definition() {
        let parent = ("a.rs", "mod one; mod two; pub use one::One; use two::Two; pub struct Base;");
        assert!(cycles(&[parent, ("a/one.rs", "pub struct One;"), ("a/two.rs", "use super::One; pub struct Two(One);")]).is_empty());
        let found = cycles(&[parent, ("a/one.rs", "use super::Two; pub struct One;"), ("a/two.rs", "use crate::a::One; pub struct Two(One);")]);
        assert!(found[0].starts_with("2 files"), "{found:?}");
    }

    #[test]
    fn tests_strings_and_methods_do_not_count() {
        let b = ("b.rs", "use crate::a::A; pub struct B;");
        assert!(cycles(&[("a.rs", "pub use std::fmt; use crate::b::B; struct A;"), ("b.rs", "use crate::a::fmt; struct B;")]).is_empty());
        assert!(
            cycles(&[("a.rs", "struct A; // crate::b::B\nfn f() { x.b(\"crate::b::B\") }\n#[cfg(test)]\nmod tests { use crate::b::B; }"), b])
                .is_empty()
        );
    }
}
