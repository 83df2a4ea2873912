//! What mail is judged by: the records of a domain, and the signatures of a message.
//!
//! `zone` reads master files; `dkim` signs and verifies; `spf` and `dmarc` decide by records. Everything asks a [`Resolver`] that it is given: no
//! I/O, no clock.

pub mod dkim;
pub mod dmarc;
mod names;
pub mod spf;
pub mod zone;

pub use names::normalized;
pub use zone::{Data, Record};

/// Where records are looked up. Names are in small letters and without a dot at the end.
pub trait Resolver {
    /// All records of exactly this name.
    fn records(&self, name: &str) -> Vec<Data>;

    /// The texts of a name, aliases followed.
    fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.resolved(name).into_iter();
        texts.filter_map(|data| if let Data::Txt(text) = data { Some(text) } else { None }).collect()
    }

    /// The records of a name, aliases followed.
    fn resolved(&self, name: &str) -> Vec<Data> {
        /// Longer chains of aliases are errors.
        const ALIASES: usize = 8;
        let mut name = normalized(name);
        for _ in 0..ALIASES {
            let found = self.records(&name);
            let alias = found.iter().find_map(|data| if let Data::Cname(to) = data { Some(to.clone()) } else { None });
            match alias {
                Some(to) => name = normalized(&to),
                None => return found,
            }
        }
        vec![]
    }
}
