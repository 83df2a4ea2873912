//! The DNS that services look into: a zone file, records that were added to it, and what services themselves publish. Deliberately no network:
//! nothing is asked of the machine's own DNS, and nobody is answered over port 53.

use cloudlet_mail::{
    Data, Record, Resolver, normalized,
    zone::{self, Malformed, RECORDS},
};
use cloudlet_store::{Journal, Persistent, Store, Table, tables};
use parking_lot::RwLock;
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

#[derive(Default)]
struct Rows {
    /// The records of a name, each as a zone file has it.
    added: Table<String, Vec<String>>,
    /// One row: how many there are.
    count: Table<(), usize>,
}

tables!(Rows { added } indexes(Rows::reindex) { count });

impl Rows {
    fn reindex(&mut self) {
        let count = self.added.values().map(Vec::len).sum();
        if count > 0 {
            self.count.insert((), count);
        }
    }

    fn count(&self) -> usize {
        self.count.get(&()).copied().unwrap_or_default()
    }
}

pub struct Dns {
    file: BTreeMap<String, Vec<Data>>,
    rows: Arc<Store<Rows>>,
    publishers: RwLock<Vec<Weak<dyn Resolver + Send + Sync>>>,
}

/// Why records are not added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    Malformed(Malformed),
    TooMany,
}

impl Dns {
    /// With the records of a zone file.
    pub fn new(journal: &Journal, file: Vec<Record>) -> Dns {
        let mut by_name: BTreeMap<String, Vec<Data>> = BTreeMap::new();
        for Record { name, data } in file {
            by_name.entry(name).or_default().push(data);
        }
        Dns { file: by_name, rows: Arc::new(Store::new("dns", journal, Rows::default())), publishers: RwLock::default() }
    }

    pub fn store(&self) -> Arc<dyn Persistent> {
        self.rows.clone()
    }

    /// A service publishes records of its own.
    pub fn add_publisher(&self, publisher: Weak<dyn Resolver + Send + Sync>) {
        self.publishers.write().push(publisher);
    }

    /// Adds the records of a text in the form of a zone file: all of them, or none.
    pub fn add(&self, text: &str) -> Result<usize, Refused> {
        let records = zone::parse(text).map_err(Refused::Malformed)?;
        self.rows.write(|rows| {
            for record in &records {
                let line = record.to_string();
                let known = rows.added.get_or_insert_with(record.name.clone(), Vec::new);
                if known.contains(&line) {
                    continue;
                }
                known.push(line);
                let count = rows.count() + 1;
                if count > RECORDS {
                    return Err(Refused::TooMany);
                }
                rows.count.insert((), count);
            }
            Ok(records.len())
        })
    }

    /// Removes the added records of a name. How many there were.
    pub fn remove(&self, name: &str) -> usize {
        self.rows.update(|rows| {
            let removed = rows.added.remove(&normalized(name)).map_or(0, |records| records.len());
            let left = rows.count() - removed;
            if left > 0 {
                rows.count.insert((), left);
            } else {
                rows.count.clear();
            }
            removed
        })
    }

    /// All records of the file and those that were added. What services publish is found by name only.
    pub fn all(&self) -> Vec<String> {
        let file = self.file.iter().flat_map(|(name, datas)| datas.iter().map(|data| Record { name: name.clone(), data: data.clone() }.to_string()));
        let mut all: Vec<String> = file.collect();
        self.rows.read(|rows| all.extend(rows.added.values().flatten().cloned()));
        all
    }
}

impl Resolver for Dns {
    fn records(&self, name: &str) -> Vec<Data> {
        let mut found = self.file.get(name).cloned().unwrap_or_default();
        let added = self.rows.read(|rows| rows.added.get(&name.to_owned()).cloned()).unwrap_or_default();
        found.extend(added.iter().filter_map(|line| zone::parse(line).ok()).flatten().map(|record| record.data));
        let publishers: Vec<_> = self.publishers.read().iter().filter_map(Weak::upgrade).collect();
        found.extend(publishers.iter().flat_map(|publisher| publisher.records(name)));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_the_file_and_added_ones_are_found_and_removed() {
        let dns = Dns::new(&Journal::off(), zone::parse("a.com MX 10 m.a.com\nm.a.com A 1.2.3.4").unwrap());
        assert_eq!(dns.add("A.com. TXT \"x\"\nb.a.com CNAME m.a.com."), Ok(2));
        assert_eq!(dns.texts("a.com."), ["x"]);
        assert_eq!(dns.resolved("b.a.com"), [Data::A("1.2.3.4".parse().unwrap())]);
        assert_eq!(dns.all().len(), 4);
        assert!(matches!(dns.add("a.com A x"), Err(Refused::Malformed(_))));
        assert_eq!((dns.remove("a.com"), dns.remove("a.com")), (1, 0));
        assert_eq!(dns.records("a.com").len(), 1);
    }
}
