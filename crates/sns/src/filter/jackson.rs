//! JSON, token by token, with the words and the places of the parser that AWS uses: its error texts end in
//! ` at [Source: (String)"…"; line: 1, column: 12]`, and clients see them. Deliberately no tree: the caller decides on each token.
//! <https://github.com/FasterXML/jackson-core> (its behaviour: what counts as read when a token is handed out)

use std::fmt::Write;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    StartObject,
    EndObject,
    StartArray,
    EndArray,
    Field(String),
    Text(String),
    /// As it is written.
    Number(String),
    True,
    False,
    Null,
    /// Nothing follows.
    End,
}

impl Token {
    /// What stands there, as the parser would print it.
    pub fn text(&self) -> &str {
        match self {
            Token::StartObject => "{",
            Token::EndObject => "}",
            Token::StartArray => "[",
            Token::EndArray => "]",
            Token::Field(text) | Token::Text(text) | Token::Number(text) => text,
            Token::True => "true",
            Token::False => "false",
            Token::Null => "null",
            Token::End => "",
        }
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Token::Number(_))
    }
}

/// Text that is no JSON: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

/// Characters of the source that an error repeats.
const SHOWN: usize = 500;
/// How deep objects and arrays may stand in each other.
const DEEPEST: usize = 200;

pub struct Tokens<'a> {
    source: &'a str,
    /// Bytes that are read.
    at: usize,
    /// Bytes that count as read: a string counts up to its opening quote until somebody looks at it.
    seen: usize,
    open: Vec<Level>,
    pending: Option<(Token, usize, usize)>,
}

struct Level {
    object: bool,
    start: usize,
    count: usize,
}

impl<'a> Tokens<'a> {
    pub fn of(source: &'a str) -> Tokens<'a> {
        Tokens { source, at: 0, seen: 0, open: vec![], pending: None }
    }

    /// A sentence with the place where the parser stands.
    pub fn here(&self, sentence: &str) -> String {
        format!("{sentence}\n at {}", self.place(self.seen))
    }

    /// The string that was handed out last has been looked at.
    pub fn look(&mut self) {
        if self.pending.is_none() {
            self.seen = self.at;
        }
    }

    fn place(&self, offset: usize) -> String {
        let before = self.source.get(..offset).unwrap_or(self.source);
        let row = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.get(row..).unwrap_or_default().encode_utf16().count() + 1;
        let all = self.source.chars().count();
        let mut out = String::from("[Source: (String)\"");
        out.extend(self.source.chars().take(SHOWN));
        out.push('"');
        if all > SHOWN {
            let _ = write!(out, "[truncated {} chars]", all - SHOWN);
        }
        let _ = write!(out, "; line: {line}, column: {column}]");
        out
    }

    fn wrong(&mut self, sentence: impl AsRef<str>) -> Unreadable {
        self.seen = self.at;
        Unreadable(self.here(sentence.as_ref()))
    }

    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    pub fn next(&mut self) -> Result<Token, Unreadable> {
        if let Some((token, at, seen)) = self.pending.take() {
            (self.at, self.seen) = (at, seen);
            return Ok(token);
        }
        self.skip_space();
        let Some(level) = self.open.last() else {
            return if self.at >= self.source.len() { self.hand(Token::End) } else { self.value("a valid value") };
        };
        let (object, first) = (level.object, level.count == 0);
        let Some(byte) = self.peek() else { return Err(self.cut_off()) };
        if byte == if object { b'}' } else { b']' } {
            self.at += 1;
            self.open.pop();
            return self.hand(if object { Token::EndObject } else { Token::EndArray });
        }
        if matches!(byte, b'}' | b']') {
            self.at += 1;
            let (expected, kind) = if object { ('}', "Object") } else { (']', "Array") };
            let start = self.open.last().map_or(0, |level| level.start);
            let place = self.place(start);
            return Err(self.wrong(format!("Unexpected close marker '{}': expected '{expected}' (for {kind} starting at {place})", char::from(byte))));
        }
        if !first {
            if byte != b',' {
                let kind = if object { "Object" } else { "Array" };
                return Err(self.unexpected(&format!("was expecting comma to separate {kind} entries")));
            }
            self.at += 1;
            self.skip_space();
        }
        if let Some(level) = self.open.last_mut() {
            level.count += 1;
        }
        if object { self.field() } else { self.value("a valid value") }
    }

    /// A field's name. By then the parser has had a look at the value behind it.
    fn field(&mut self) -> Result<Token, Unreadable> {
        match self.peek() {
            None => return Err(self.cut_off()),
            Some(b'"') => {}
            Some(_) => return Err(self.unexpected("was expecting double-quote to start field name")),
        }
        let name = self.string("field name")?;
        self.skip_space();
        match self.peek() {
            None => return Err(self.cut_off()),
            Some(b':') => self.at += 1,
            Some(_) => return Err(self.unexpected("was expecting a colon to separate field name and value")),
        }
        self.skip_space();
        let value = self.value("a valid value")?;
        self.pending = Some((value, self.at, self.seen));
        Ok(Token::Field(name))
    }

    fn hand(&mut self, token: Token) -> Result<Token, Unreadable> {
        self.seen = self.at;
        Ok(token)
    }

    fn enter(&mut self, object: bool) -> Result<Token, Unreadable> {
        if self.open.len() >= DEEPEST {
            return Err(self.wrong(format!("Document nesting depth ({}) exceeds the maximum allowed ({DEEPEST})", DEEPEST + 1)));
        }
        self.open.push(Level { object, start: self.at, count: 0 });
        self.at += 1;
        self.hand(if object { Token::StartObject } else { Token::StartArray })
    }

    fn value(&mut self, expected: &str) -> Result<Token, Unreadable> {
        match self.peek() {
            None => Err(self.cut_off()),
            Some(b'{') => self.enter(true),
            Some(b'[') => self.enter(false),
            Some(b'"') => {
                let quote = self.at + 1;
                let text = self.string("VALUE_STRING")?;
                self.seen = quote;
                Ok(Token::Text(text))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(byte) => {
                let rest = self.source.get(self.at..).unwrap_or_default();
                for (word, token) in [("true", Token::True), ("false", Token::False), ("null", Token::Null)] {
                    let ends = |rest: &str| !rest.chars().next().is_some_and(is_word);
                    if rest.strip_prefix(word).is_some_and(ends) {
                        self.at += word.len();
                        return self.hand(token);
                    }
                }
                let word: String = rest.chars().take_while(|letter| is_word(*letter)).take(256).collect();
                if word.is_empty() || byte == b'\'' {
                    return Err(
                        self.unexpected(&format!("expected {expected} (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"))
                    );
                }
                self.at += word.len();
                Err(self.wrong(format!(
                    "Unrecognized token '{word}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
                )))
            }
        }
    }

    fn number(&mut self) -> Result<Token, Unreadable> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.digits();
        if whole == 0 {
            return Err(self.unexpected("Expected digit (0-9) to follow minus sign, for valid numeric value"));
        }
        let leading = self.source.as_bytes().get(self.at - whole);
        if whole > 1 && leading == Some(&b'0') {
            return Err(self.wrong("Invalid numeric value: Leading zeroes not allowed"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.unexpected("Decimal point not followed by a digit"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.unexpected("Exponent indicator not followed by a digit"));
            }
        }
        let text = self.source.get(start..self.at).unwrap_or_default().to_owned();
        self.hand(Token::Number(text))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    /// A string, from quote to quote. Its escapes are left to the JSON library.
    fn string(&mut self, what: &str) -> Result<String, Unreadable> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.wrong(format!("Unexpected end-of-input in {what}"))),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(byte) if byte < 0x20 => {
                    self.at += 1;
                    return Err(self.wrong(format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using backslash to be included in string value"
                    )));
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = self.source.get(start..self.at).unwrap_or_default();
        match serde_json::from_str(quoted) {
            Ok(text) => Ok(text),
            Err(_) => Err(self.wrong("Unrecognized character escape")),
        }
    }

    fn cut_off(&mut self) -> Unreadable {
        self.at = self.source.len();
        let sentence = match self.open.last() {
            Some(level) => {
                let kind = if level.object { "Object" } else { "Array" };
                format!("Unexpected end-of-input: expected close marker for {kind} (start marker at {})", self.place(level.start))
            }
            None => "Unexpected end-of-input".to_owned(),
        };
        self.wrong(sentence)
    }

    fn unexpected(&mut self, why: &str) -> Unreadable {
        let Some(letter) = self.source.get(self.at..).and_then(|rest| rest.chars().next()) else { return self.cut_off() };
        self.at += letter.len_utf8();
        let code = u32::from(letter);
        if letter.is_control() {
            return self.wrong(format!("Unexpected character ((CTRL-CHAR, code {code})): {why}"));
        }
        self.wrong(format!("Unexpected character ('{letter}' (code {code})): {why}"))
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}
