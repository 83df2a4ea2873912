//! The head of an HTTP request as it came. Nothing is decoded or normalized: the signature covers these very bytes, and S3 keys may have
//! `//`, `..` and `%2F` in them.

use crate::cut;

/// Header fields. Names are lower-case; values are UTF-8 (the gateway refuses others).
pub trait Headers: Sync {
    /// The first value of a field.
    fn get(&self, name: &str) -> Option<&str>;
    /// All fields in the order they came, repeated ones included.
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str));
}

/// The head of a request, borrowed.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// `GET`, in capitals.
    pub method: &'a str,
    /// The raw path, still escaped: `/bucket/a%20b//c`.
    pub path: &'a str,
    /// The raw query without its question mark; empty if there is none.
    pub query: &'a str,
    pub headers: &'a dyn Headers,
}

impl<'a> Head<'a> {
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)
    }

    /// The parameters of the query in their order, still escaped; a parameter without `=` has an empty value.
    pub fn raw_query(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        cut::split(self.query, b'&').filter(|pair| !pair.is_empty()).map(|pair| cut::split_once(pair, b'=').unwrap_or((pair, "")))
    }
}

/// Fields held in a list: for tests, and for requests that were not read from a connection.
impl<N: AsRef<str> + Sync, V: AsRef<str> + Sync> Headers for Vec<(N, V)> {
    fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(field, _)| field.as_ref() == name).map(|(_, value)| value.as_ref())
    }

    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in self {
            visit(name.as_ref(), value.as_ref());
        }
    }
}
