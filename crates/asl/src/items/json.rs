//! A JSON file whose array, or object, is read item by item; ItemsPointer says where it is.

use super::item::{Item, LARGEST_ITEM, ReadError, too_large, wrong};
use serde_json::Value;

/// AWS: the array must start within so many bytes.
const LATEST_START: usize = 16 * 1024 * 1024;
const DEEPEST: usize = 128;

pub(super) struct Json {
    /// The names of the pointer that are still to be found, the last first.
    pointer: Vec<String>,
    /// The objects and arrays that are open on the way: how many values of each were passed.
    stage: Stage,
    expected: Expected,
    /// The key that was read last.
    key: String,
    /// Index in the array on the way.
    index: usize,
    /// The value that is read: its bytes when it is wanted, and how deep it is.
    value: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    wanted: bool,
    bytes: usize,
}

/// What the next byte that is not a space belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    /// The container that the pointer leads through, or the items.
    Open,
    Key,
    InKey,
    Colon,
    Value,
    InValue,
    Comma,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Array,
    Object,
}

impl Json {
    pub fn new(pointer: Option<&str>) -> Json {
        let names = pointer.unwrap_or_default().split('/').skip(1);
        let mut pointer: Vec<String> = names.map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
        pointer.reverse();
        Json {
            pointer,
            stage: Stage::Array,
            expected: Expected::Open,
            key: String::new(),
            index: 0,
            value: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
            wanted: false,
            bytes: 0,
        }
    }

    pub fn push(&mut self, bytes: &[u8], items: &mut Vec<Item>) -> Result<(), ReadError> {
        for byte in bytes {
            self.bytes += 1;
            if !self.pointer.is_empty() && self.bytes > LATEST_START {
                return wrong("The array of ItemsPointer does not start within the first 16 MB of the file");
            }
            // A scalar ends with a byte that belongs to what is around it.
            while !self.byte(*byte, items)? {}
        }
        Ok(())
    }

    pub fn finish(self) -> Result<(), ReadError> {
        match self.expected {
            Expected::Done if self.pointer.is_empty() => Ok(()),
            Expected::Done => wrong("The ItemsPointer refers to nothing in the file"),
            _ => wrong("The JSON file ends too early"),
        }
    }

    /// Whether the byte was used up.
    fn byte(&mut self, byte: u8, items: &mut Vec<Item>) -> Result<bool, ReadError> {
        let space = byte.is_ascii_whitespace() || self.bytes <= 3 && self.expected == Expected::Open && matches!(byte, 0xef | 0xbb | 0xbf);
        match self.expected {
            Expected::InKey => return self.in_key(byte),
            Expected::InValue => return self.in_value(byte, items),
            // What follows the items is not looked at.
            Expected::Done => return Ok(true),
            _ if space => return Ok(true),
            _ => {}
        }
        match (self.expected, byte) {
            (Expected::Open, b'[') => {
                (self.stage, self.index, self.expected) = (Stage::Array, 0, Expected::Value);
            }
            (Expected::Open, b'{') => (self.stage, self.expected) = (Stage::Object, Expected::Key),
            (Expected::Open, _) => return wrong("Attempting to map over non-iterable node."),
            (Expected::Key, b'"') => {
                self.value.clear();
                self.value.push(byte);
                self.expected = Expected::InKey;
            }
            (Expected::Colon, b':') => self.expected = Expected::Value,
            (Expected::Key | Expected::Comma, b'}') if self.stage == Stage::Object => self.expected = Expected::Done,
            (Expected::Value | Expected::Comma, b']') if self.stage == Stage::Array => self.expected = Expected::Done,
            (Expected::Comma, b',') => self.expected = if self.stage == Stage::Array { Expected::Value } else { Expected::Key },
            (Expected::Value, b']' | b'}' | b',' | b':') => return wrong("The file is not valid JSON"),
            (Expected::Value, _) => return self.start_value(byte, items),
            _ => return wrong("The file is not valid JSON"),
        }
        Ok(true)
    }

    fn in_key(&mut self, byte: u8) -> Result<bool, ReadError> {
        self.value.push(byte);
        if self.value.len() > LARGEST_ITEM {
            return too_large();
        }
        if std::mem::take(&mut self.escaped) {
            return Ok(true);
        }
        match byte {
            b'\\' => self.escaped = true,
            b'"' => match serde_json::from_slice(&self.value) {
                Ok(key) => (self.key, self.expected) = (key, Expected::Colon),
                Err(_) => return wrong("The file is not valid JSON"),
            },
            _ => {}
        }
        Ok(true)
    }

    fn start_value(&mut self, byte: u8, items: &mut Vec<Item>) -> Result<bool, ReadError> {
        if let Some(next) = self.pointer.last() {
            let here = match self.stage {
                Stage::Object => *next == self.key,
                Stage::Array => *next == self.index.to_string(),
            };
            if here {
                self.pointer.pop();
                self.expected = Expected::Open;
                return Ok(false);
            }
        }
        self.wanted = self.pointer.is_empty();
        self.value.clear();
        (self.depth, self.in_string, self.escaped, self.expected) = (0, false, false, Expected::InValue);
        self.in_value(byte, items)
    }

    fn in_value(&mut self, byte: u8, items: &mut Vec<Item>) -> Result<bool, ReadError> {
        let mut ends = false;
        if self.in_string {
            if !std::mem::take(&mut self.escaped) {
                match byte {
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        ends = self.depth == 0;
                    }
                    _ => {}
                }
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    ends = self.depth == 0;
                }
                b'}' | b']' | b',' if self.depth == 0 => {
                    self.end_value(items)?;
                    return Ok(false);
                }
                _ => {}
            }
        }
        if self.depth > DEEPEST {
            return wrong("The JSON file is nested too deeply");
        }
        if self.wanted {
            self.value.push(byte);
            if self.value.len() > LARGEST_ITEM {
                return too_large();
            }
        }
        if ends {
            self.end_value(items)?;
        }
        Ok(true)
    }

    fn end_value(&mut self, items: &mut Vec<Item>) -> Result<(), ReadError> {
        self.expected = Expected::Comma;
        self.index += 1;
        if !self.wanted {
            return Ok(());
        }
        let value: Value = match serde_json::from_slice(&self.value) {
            Ok(value) => value,
            Err(error) => return wrong(format!("The file is not valid JSON: {error}")),
        };
        let key = (self.stage == Stage::Object).then(|| self.key.clone());
        items.push(Item { key, value });
        Ok(())
    }
}
