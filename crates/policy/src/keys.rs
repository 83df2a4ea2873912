//! Condition keys of one request: case-insensitive names, each with one or many values.

use cloudlet_aws::{Account, Arn};
use smallvec::{SmallVec, smallvec};
use std::{borrow::Cow, fmt, ops::Deref, sync::Arc};

/// The text of one key's value. Cheap for what the caller already has: constants and shared texts are not copied.
#[derive(Clone)]
pub enum Value {
    Static(&'static str),
    Shared(Arc<str>),
    Owned(Box<str>),
}

impl Deref for Value {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Value::Static(text) => text,
            Value::Shared(text) => text,
            Value::Owned(text) => text,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        **self == **other
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Value {
        Value::Static(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Owned(text.into())
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Value {
        Value::Shared(text)
    }
}

impl From<&Arc<str>> for Value {
    fn from(text: &Arc<str>) -> Value {
        Value::Shared(text.clone())
    }
}

impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Value {
        match text {
            Cow::Borrowed(text) => Value::Static(text),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Static(if truth { "true" } else { "false" })
    }
}

macro_rules! from_numbers {
    ($($number:ty)*) => {$(
        impl From<$number> for Value {
            fn from(number: $number) -> Value {
                number.to_string().into()
            }
        }
    )*};
}

from_numbers!(i32 u32 i64 u64 usize);

impl From<&Arn> for Value {
    fn from(arn: &Arn) -> Value {
        arn.as_str().to_owned().into()
    }
}

impl From<Account> for Value {
    fn from(account: Account) -> Value {
        account.as_str().to_owned().into()
    }
}

type Values = SmallVec<[Value; 1]>;

/// The condition context of a request. A key without values counts as absent.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    entries: Vec<(Cow<'static, str>, Values)>,
}

impl Keys {
    pub fn new() -> Keys {
        Keys::default()
    }

    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Keys {
        self.set(name, value);
        self
    }

    /// Sets a key to one value, in place of what it had.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.put(name.into(), smallvec![value.into()]);
    }

    /// Sets a multi-valued key. No values: the key is present, and empty.
    pub fn set_many<V: Into<Value>>(&mut self, name: impl Into<Cow<'static, str>>, values: impl IntoIterator<Item = V>) {
        self.put(name.into(), values.into_iter().map(Into::into).collect());
    }

    /// The tags that the resource has: `aws:ResourceTag/team`.
    pub fn set_resource_tags<K: fmt::Display, V: Into<Value>>(&mut self, tags: impl IntoIterator<Item = (K, V)>) {
        for (key, value) in tags {
            self.set(format!("aws:ResourceTag/{key}"), value);
        }
    }

    /// The tags in the request: `aws:RequestTag/team`, and `aws:TagKeys`. None: neither key is there.
    pub fn set_request_tags<K: fmt::Display, V: Into<Value>>(&mut self, tags: impl IntoIterator<Item = (K, V)>) {
        let mut names = Values::new();
        for (key, value) in tags {
            names.push(key.to_string().into());
            self.set(format!("aws:RequestTag/{key}"), value);
        }
        if !names.is_empty() {
            self.put("aws:TagKeys".into(), names);
        }
    }

    /// The names of the tags that the request removes: `aws:TagKeys`.
    pub fn set_tag_keys<K: fmt::Display>(&mut self, names: impl IntoIterator<Item = K>) {
        self.set_many("aws:TagKeys", names.into_iter().map(|name| name.to_string()));
    }

    fn put(&mut self, name: Cow<'static, str>, values: Values) {
        match self.entries.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some((_, old)) => *old = values,
            None => self.entries.push((name, values)),
        }
    }

    /// The values of a key, whatever the case of its name. Absent keys have none.
    pub fn get(&self, name: &str) -> Option<&[Value]> {
        self.entries.iter().find(|(known, _)| known.len() == name.len() && known.eq_ignore_ascii_case(name)).map(|(_, values)| values.as_slice())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.entries.iter().map(|(name, values)| (&**name, values.as_slice()))
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
